#!/usr/bin/env bash
# Gives the following jobs their tenants: those that differ since BASE; without BASE, since what was applied last.
# PLATFORM: github or azure. COMMAND: preview or up. MOST_JOBS: how many machines.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

base="${BASE-}"
if [ -z "$base" ]; then
    base="$(python gitops/forge.py base)"
    # Nothing was applied yet, or the branch was rewritten since: then it is the whole fleet.
    git cat-file -e "$base^{commit}" 2>/dev/null || base=
fi
matrix="$(kzero-scim fleet matrix --platform "$PLATFORM" --for "$COMMAND" --jobs "${MOST_JOBS:-4}" ${base:+--changed-since "$base"})"
jobs="$({ grep -o '"job":' <<<"$matrix" || true; } | wc -l)"
echo "since ${base:-the beginning}: $jobs jobs: $matrix"
for pair in "matrix=$matrix" "jobs=$jobs" "base=$base"; do
    if [ "$PLATFORM" = github ]; then
        echo "$pair" >>"$GITHUB_OUTPUT"
    else
        echo "##vso[task.setvariable variable=${pair%%=*};isOutput=true]${pair#*=}"
    fi
done

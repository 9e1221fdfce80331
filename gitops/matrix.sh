#!/usr/bin/env bash
# Distributes the tenants that changed since BASE to the following jobs. Without BASE, since the last applied commit.
# PLATFORM: github or azure. COMMAND: preview or up. MOST_JOBS: the largest number of machines.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

base="${BASE-}"
if [ -z "$base" ]; then
    base="$(python gitops/forge.py base)"
    # If nothing was applied yet, or the branch was rewritten since, select the whole fleet.
    git cat-file -e "$base^{commit}" 2>/dev/null || base=
fi
# A stack file whose name cannot be used fails alone: the matrix has all other tenants, and standard error names it.
matrix="$(kzero-scim fleet matrix --platform "$PLATFORM" --for "$COMMAND" --jobs "${MOST_JOBS:-4}" ${base:+--changed-since "$base"})" ||
    [ -n "$matrix" ]
jobs="$({ grep -o '"job":' <<<"$matrix" || true; } | wc -l)"
echo "Changes since ${base:-the first commit}: $jobs jobs: $matrix"
for pair in "matrix=$matrix" "jobs=$jobs" "base=$base" "head=${STACKS_FROM-}"; do
    if [ "$PLATFORM" = github ]; then
        echo "$pair" >>"$GITHUB_OUTPUT"
    else
        echo "##vso[task.setvariable variable=${pair%%=*};isOutput=true]${pair#*=}"
    fi
done

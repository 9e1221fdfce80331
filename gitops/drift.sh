#!/usr/bin/env bash
# Looks for drift in the whole fleet and tells it in one issue, which is closed when there is none. PLATFORM and RUN_URL
# as in comment.sh.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

status=0
report=.kzero-scim/drift.md
kzero-scim fleet drift --comment "$report" --limit "$PLATFORM" --link "${RUN_URL-}" \
    --junit .kzero-scim/drift.xml || status=$?
keep drift
if [ "$status" -eq 0 ]; then
    python gitops/forge.py issue "$report" --close
else
    python gitops/forge.py issue "$report"
    gitops/notify.sh .kzero-scim/runs/drift.json
fi
# 3 says drift, which the issue tells; the job fails if a tenant could not be looked at.
[ "$status" -eq 3 ] || exit "$status"

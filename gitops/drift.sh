#!/usr/bin/env bash
# Reports drift of the whole fleet in one issue, and closes the issue if there is no drift. PLATFORM and RUN_URL are as
# in comment.sh.
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
# Exit code 3 means drift, which the issue reports. The job fails only if a tenant could not be read.
[ "$status" -eq 3 ] || exit "$status"

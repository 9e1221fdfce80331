#!/usr/bin/env bash
# Writes what all preview jobs found as the pull request's one comment. PLATFORM: github, gitlab or azure. JOBS: how many
# there were. BASE: as in preview.sh. RUN_URL: where the whole is.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# No tenant differs: then this is said, since an earlier push may have said otherwise.
if [ "$JOBS" -eq 0 ]; then
    kzero-scim fleet preview --changed-since "$BASE"
    keep preview
fi
shopt -s nullglob
results=("$parts"/preview-*.json)
[ "${#results[@]}" -gt 0 ] || { echo "error: none of the $JOBS jobs left a result; see their logs" >&2 && exit 1; }

comment=.kzero-scim/preview.md
kzero-scim fleet report "${results[@]}" --comment "$comment" --limit "$PLATFORM" --link "${RUN_URL-}" \
    --junit .kzero-scim/preview.xml
if [ "${#results[@]}" -lt "$JOBS" ]; then
    printf '\n**%d of %d jobs left no result; their tenants are missing above.**\n' \
        "$((JOBS - ${#results[@]}))" "$JOBS" >>"$comment"
fi
python gitops/forge.py comment "$comment"

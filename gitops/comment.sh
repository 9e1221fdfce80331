#!/usr/bin/env bash
# Writes the results of all preview jobs into one comment on the pull request.
# PLATFORM: github, gitlab or azure. JOBS: the number of preview jobs. BASE, STACKS_FROM: as in preview.sh. RUN_URL: link
# to the run.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Without changes, the comment says so, because it may show the changes of an earlier push.
if [ "$JOBS" -eq 0 ]; then
    kzero-scim fleet preview --changed-since "$BASE"
    keep preview
fi
shopt -s nullglob
results=("$parts"/preview-*.json)
[ "${#results[@]}" -gt 0 ] || { echo "error: none of the $JOBS jobs wrote a result; see their logs" >&2 && exit 1; }

comment=.kzero-scim/preview.md
kzero-scim fleet report "${results[@]}" --comment "$comment" --limit "$PLATFORM" --link "${RUN_URL-}" \
    --junit .kzero-scim/preview.xml
if [ "${#results[@]}" -lt "$JOBS" ]; then
    printf '\n**%d of %d jobs wrote no result. Their tenants are missing above.**\n' \
        "$((JOBS - ${#results[@]}))" "$JOBS" >>"$comment"
fi
if ! git diff --quiet --no-ext-diff "HEAD...$STACKS_FROM" -- . ':(exclude)stacks/'; then
    printf '\n**The pull request also changes files outside stacks/. They are not in this preview.**\n' >>"$comment"
fi
python gitops/forge.py comment "$comment"

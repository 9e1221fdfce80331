#!/usr/bin/env bash
# Previews a pull request: TENANTS, or the tenants that changed since BASE. SHARD limits them to one part.
# STACKS_FROM: see common.sh.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
: "${TENANTS:-${BASE:?neither TENANTS nor BASE is set}}"

status=0
kzero-scim fleet preview "${tenants[@]}" ${BASE:+--changed-since "$BASE"} ${SHARD:+--shard "$SHARD"} \
    --comment .kzero-scim/preview.md || status=$?
keep preview
[ -z "${GITHUB_STEP_SUMMARY-}" ] || cat .kzero-scim/preview.md >>"$GITHUB_STEP_SUMMARY"
# Exit code 2 means that something would change, as expected from a pull request.
[ "$status" -eq 2 ] || exit "$status"

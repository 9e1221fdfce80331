#!/usr/bin/env bash
# Previews a pull request: TENANTS, or the tenants that changed since BASE. SHARD limits them to one part.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
: "${TENANTS:-${BASE:?neither TENANTS nor BASE is set}}"

status=0
kzero-scim fleet preview "${tenants[@]}" ${BASE:+--changed-since "$BASE"} ${SHARD:+--shard "$SHARD"} || status=$?
keep preview
# Exit code 2 means that something would change, as expected from a pull request.
[ "$status" -eq 2 ] || exit "$status"

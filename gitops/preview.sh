#!/usr/bin/env bash
# Shows what a pull request would change: in TENANTS, or in those that differ since BASE, of these SHARD alone.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
: "${TENANTS:-${BASE:?neither TENANTS nor BASE is set}}"

status=0
kzero-scim fleet preview "${tenants[@]}" ${BASE:+--changed-since "$BASE"} ${SHARD:+--shard "$SHARD"} || status=$?
keep preview
# 2 says that there is something to apply, which is what a pull request is for.
[ "$status" -eq 2 ] || exit "$status"

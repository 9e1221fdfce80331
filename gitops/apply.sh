#!/usr/bin/env bash
# Applies merged changes to TENANTS, or to the tenants that changed since BASE. TAG limits them to tenants with this tag.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

status=0
kzero-scim fleet up --yes "${tenants[@]}" ${BASE:+--changed-since "$BASE"} ${TAG:+--tag "$TAG"} \
    --comment .kzero-scim/up.md --junit .kzero-scim/up.xml || status=$?
keep up
[ -z "${GITHUB_STEP_SUMMARY-}" ] || cat .kzero-scim/up.md >>"$GITHUB_STEP_SUMMARY"
gitops/notify.sh .kzero-scim/runs/up.json
exit "$status"

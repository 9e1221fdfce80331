#!/usr/bin/env bash
# Applies what was merged: to TENANTS, or to those that differ since BASE, of these the ones tagged TAG alone.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

status=0
kzero-scim fleet up --yes "${tenants[@]}" ${BASE:+--changed-since "$BASE"} ${TAG:+--tag "$TAG"} \
    --comment .kzero-scim/up.md --junit .kzero-scim/up.xml || status=$?
keep up
[ -z "${GITHUB_STEP_SUMMARY-}" ] || cat .kzero-scim/up.md >>"$GITHUB_STEP_SUMMARY"
gitops/notify.sh .kzero-scim/runs/up.json
exit "$status"

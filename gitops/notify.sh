#!/usr/bin/env bash
# Posts a run's summary to WEBHOOK_URL, if it is set. Usage: notify.sh RUN.json
# Slack, Teams and Mattermost show its field `text`. Programs can read `runs`.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ -n "${WEBHOOK_URL-}" ] || exit 0

# Anyone with the address can post. Pass it to curl in a file, because the list of processes shows arguments.
kzero-scim fleet report "$1" --summary |
    curl --fail --silent --show-error --max-time 30 --header 'Content-Type: application/json' --data @- --output /dev/null \
        --config <(printf 'url = "%s"\n' "$WEBHOOK_URL") ||
    echo "warning: could not post the summary to the webhook" >&2

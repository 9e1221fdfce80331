#!/usr/bin/env bash
# Posts a run's summary to WEBHOOK_URL, if that is set: `text` for people (Slack, Teams, Mattermost read it), `runs` for
# programs. Usage: notify.sh RUN.json
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ -n "${WEBHOOK_URL-}" ] || exit 0

# The address is as good as a password: it is handed over in a file, where no list of processes shows it.
kzero-scim fleet report "$1" --summary |
    curl --fail --silent --show-error --max-time 30 --header 'Content-Type: application/json' --data @- --output /dev/null \
        --config <(printf 'url = "%s"\n' "$WEBHOOK_URL") ||
    echo "warning: the webhook was not told" >&2

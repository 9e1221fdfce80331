# shellcheck shell=bash
# Sourced by the scripts beside it: where they run, and what of a run the next job needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH" VIRTUAL_ENV="$PWD/.venv"

# Each job's result has a name of its own, so that all can lie in one folder.
parts=.kzero-scim/parts
mkdir -p "$parts"
keep() {
    cp ".kzero-scim/runs/$1.json" "$parts/$1-${JOB:-1}.json"
}

# Set but empty would mean the whole fleet, where a job of a matrix was meant.
if [ -n "${TENANTS+set}" ]; then
    : "${TENANTS:?the matrix gave this job no tenants}"
fi
# shellcheck disable=SC2034 # read by preview.sh and apply.sh
read -ra tenants <<<"${TENANTS-}"

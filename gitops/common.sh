# shellcheck shell=bash
# The other scripts source this file. It sets their folder and environment, and keeps results for the next job.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH" VIRTUAL_ENV="$PWD/.venv"
# install.sh installed everything. Without this, the CLI downloads a missing plugin, which no hash pins.
export PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true

# STACKS_FROM: the commit of a pull request, of which only the files below stacks/ are used.
[ -z "${STACKS_FROM-}" ] || python gitops/take_stacks.py "$STACKS_FROM"

# Each job's result has its own name, because all of them end up in one folder.
parts=.kzero-scim/parts
mkdir -p "$parts"
keep() {
    local result="$parts/$1-${JOB:-1}.json"
    cp ".kzero-scim/runs/$1.json" "$result"
    # The comment names the pull request's commit, not the base branch's.
    [ -z "${STACKS_FROM-}" ] || sed -i "s/^  \"commit\": \"[^\"]*\"/  \"commit\": \"$STACKS_FROM\"/" "$result"
}

# Without this check, an empty TENANTS in a matrix job would select the whole fleet.
if [ -n "${TENANTS+set}" ]; then
    : "${TENANTS:?is empty, so the matrix selected no tenants for this job}"
fi
# shellcheck disable=SC2034 # read by preview.sh and apply.sh
read -ra tenants <<<"${TENANTS-}"

# CONFIRMATIONS: one KZERO_SCIM_CONFIRM__<TENANT>=<value> per line. GitHub's workflows pass it, because GitHub does not
# pass an environment's variables to steps. GitLab and Azure DevOps do, so set KZERO_SCIM_CONFIRM__<TENANT> there.
while IFS= read -r line; do
    line="${line%$'\r'}"
    [ -n "$line" ] || continue
    [[ $line =~ ^KZERO_SCIM_CONFIRM__[A-Z0-9_]+=.+$ ]] ||
        { echo "error: CONFIRMATIONS: each line must be KZERO_SCIM_CONFIRM__<TENANT>=<value>, not ${line@Q}" >&2 && exit 1; }
    export "${line?}"
done <<<"${CONFIRMATIONS-}"

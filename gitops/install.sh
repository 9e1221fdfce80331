#!/usr/bin/env bash
# Installs the programs of the other scripts in .venv. A hash in this repository pins each of them: requirements.lock and
# gitops/build.lock pin the Python packages, gitops/checksums.txt pins the Pulumi CLI and the azuread plugin. Needs curl.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

pulumi=3.259.0
case "$(uname -m)" in
    x86_64) machine=x64 plugin_machine=amd64 ;;
    aarch64 | arm64) machine=arm64 plugin_machine=arm64 ;;
    *) echo "error: there is no Pulumi CLI for $(uname -m)" >&2 && exit 1 ;;
esac

# Wheels only: building another package would run code that no hash pins.
python3 -m venv .venv
.venv/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements.lock
.venv/bin/pip install --quiet --require-hashes --only-binary :all: -r gitops/build.lock
.venv/bin/pip install --quiet --no-deps --no-build-isolation .

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
fetch() { # REPOSITORY VERSION FILE: downloads a file of a release, if its hash is pinned
    grep "  $3\$" gitops/checksums.txt >"$work/pinned" || {
        echo "error: gitops/checksums.txt has no checksum of $3, so it is not downloaded. Run" \
            "\`python -m tools.checksums\` in an up-to-date checkout of main, and commit the file" >&2
        exit 1
    }
    curl --fail --silent --show-error --location --retry 3 --proto '=https' --output "$work/$3" \
        "https://github.com/pulumi/$1/releases/download/v$2/$3"
    (cd "$work" && sha256sum --check --strict --quiet pinned)
}

archive="pulumi-v$pulumi-linux-$machine.tar.gz"
fetch pulumi "$pulumi" "$archive"
tar -xzf "$work/$archive" -C .venv/bin --strip-components=1

# Install the plugin once, before many tenants need it at the same time.
azuread="$(.venv/bin/python -c 'from importlib.metadata import version; print(version("pulumi-azuread"))')"
archive="pulumi-resource-azuread-v$azuread-linux-$plugin_machine.tar.gz"
fetch pulumi-azuread "$azuread" "$archive"
.venv/bin/pulumi plugin install resource azuread "$azuread" --file "$work/$archive"

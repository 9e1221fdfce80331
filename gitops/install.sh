#!/usr/bin/env bash
# Installs the programs of the other scripts in .venv: kzero-scim, pinned by hash, and the Pulumi CLI. Needs curl.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

pulumi=3.259.0
case "$(uname -m)" in
    x86_64) machine=x64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) echo "error: there is no Pulumi CLI for $(uname -m)" >&2 && exit 1 ;;
esac

python3 -m venv .venv
.venv/bin/pip install --quiet --require-hashes -r requirements.lock
# The build backend is pinned by pyproject.toml; everything else was installed above.
.venv/bin/pip install --quiet --no-deps .

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
archive="pulumi-v$pulumi-linux-$machine.tar.gz"
for file in "$archive" "pulumi-$pulumi-checksums.txt"; do
    curl --fail --silent --show-error --location --retry 3 --proto '=https' --output "$work/$file" \
        "https://github.com/pulumi/pulumi/releases/download/v$pulumi/$file"
done
(cd "$work" && grep " $archive\$" "pulumi-$pulumi-checksums.txt" | sha256sum --check --strict --quiet)
tar -xzf "$work/$archive" -C .venv/bin --strip-components=1

# Install the plugin once, before many tenants need it at the same time.
azuread="$(.venv/bin/python -c 'from importlib.metadata import version; print(version("pulumi-azuread"))')"
.venv/bin/pulumi plugin install resource azuread "$azuread"

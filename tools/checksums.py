"""Writes gitops/checksums.txt: the SHA-256 of each archive that gitops/install.sh downloads, as the releases state it.

Run it once for each new version, on a machine that can reach GitHub, and commit the file. From then on, a pipeline
installs nothing else, even if someone replaces an archive of the release.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

import httpx
from kzero_sandbox.azuread.installation import VERSION as AZUREAD_VERSION

from tools import pulumi_cli
from tools.cache import CHECKOUT
from tools.problem import Problem, run_main

FILE: Final = CHECKOUT / "gitops" / "checksums.txt"
_HEADING: Final = "# The archives that install.sh downloads. `python -m tools.checksums` writes this file.\n"
_SHA_256: Final = re.compile(r"sha256:([0-9a-f]{64})")
RELEASES: Final = (
    (
        "pulumi/pulumi",
        pulumi_cli.VERSION,
        tuple(f"pulumi-v{pulumi_cli.VERSION}-linux-{machine}.tar.gz" for machine in ("x64", "arm64")),
    ),
    (
        "pulumi/pulumi-azuread",
        AZUREAD_VERSION,
        tuple(f"pulumi-resource-azuread-v{AZUREAD_VERSION}-linux-{machine}.tar.gz" for machine in ("amd64", "arm64")),
    ),
)
"""Repository, version and archives."""


def write(api: str, file: Path) -> list[str]:
    """Write the file and return the names of the archives.

    Args:
        api: Address of GitHub's API.
        file: The file. Checksums that it already has must not change.

    Raises:
        Problem: GitHub does not answer, does not state a checksum, or states another one than the file has.
    """
    before = read(file)
    found: dict[str, str] = {}
    for repository, version, archives in RELEASES:
        stated = _digests(f"{api}/repos/{repository}/releases/tags/v{version}")
        for archive in archives:
            digest = _SHA_256.fullmatch(stated.get(archive) or "")
            if digest is None:
                message = f"the release {version} of {repository} states no SHA-256 of {archive}"
                raise Problem(message)
            if before.get(archive, digest[1]) != digest[1]:
                message = (
                    f"the release {version} of {repository} now states {digest[1]} for {archive}, but {file.name} has "
                    f"{before[archive]}. Someone replaced the archive; find out who before you remove the line"
                )
                raise Problem(message)
            found[archive] = digest[1]
    lines = (f"{digest}  {archive}\n" for archive, digest in found.items())
    file.write_text(_HEADING + "".join(lines), encoding="utf-8")
    return list(found)


def read(file: Path) -> dict[str, str]:
    """Return the checksums that a file has, by archive."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines if not line.startswith("#"))}


def _digests(address: str) -> dict[str, Any]:
    try:
        answer = httpx.get(
            address, headers={"Accept": "application/vnd.github+json"}, timeout=60, follow_redirects=True
        )
        answer.raise_for_status()
        return {asset["name"]: asset.get("digest") for asset in answer.json()["assets"]}
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        message = f"{address} did not answer with a release: {error}"
        raise Problem(message) from None


def main() -> None:
    """Write gitops/checksums.txt."""
    for archive in write(os.environ.get("GITHUB_API_URL", "https://api.github.com"), FILE):
        print(f"pinned {archive}")


if __name__ == "__main__":
    run_main(main)

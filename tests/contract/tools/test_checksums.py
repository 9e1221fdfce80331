"""tools/checksums.py writes what the releases state, and refuses a checksum that is missing or has changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kzero_sandbox.azuread.installation import VERSION as AZUREAD_VERSION
from kzero_sandbox.serving import Certificates, ServerThread, issue_certificates
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tools import checksums, pulumi_cli
from tools.problem import Problem

CLI = f"pulumi-v{pulumi_cli.VERSION}-linux-x64.tar.gz"
PLUGIN = f"pulumi-resource-azuread-v{AZUREAD_VERSION}-linux-arm64.tar.gz"
Digests = dict[str, Any]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return issue_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def digests() -> Digests:
    """The digests that the releases state; a test may change them."""
    names = [name for _, _, archives in checksums.RELEASES for name in archives]
    return {name: f"sha256:{number:064x}" for number, name in enumerate(names)}


@pytest.fixture
def api(digests: Digests, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a double of GitHub's API."""

    async def release(request: Request) -> JSONResponse:
        version = request.path_params["tag"]
        known = [{"name": name, "digest": digest} for name, digest in digests.items() if version in name]
        return JSONResponse({"assets": [*known, {"name": "other.txt"}]})

    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    app = Starlette(routes=[Route("/repos/pulumi/{repository}/releases/tags/{tag}", release)])
    with ServerThread(app, certificates=certificates) as server:
        yield server.url


def test_all_archives_are_pinned(api: str, tmp_path: Path) -> None:
    file = tmp_path / "checksums.txt"

    assert len(checksums.write(api, file)) == 4
    text = file.read_text()
    assert f"{0:064x}  {CLI}\n" in text
    assert checksums.write(api, file)
    assert file.read_text() == text


@pytest.mark.parametrize("stated", [None, "sha512:00", "sha256:ABC"])
def test_a_release_without_a_checksum_is_refused(
    api: str, digests: Digests, tmp_path: Path, stated: str | None
) -> None:
    digests[PLUGIN] = stated

    with pytest.raises(Problem, match=r"states no SHA-256 of pulumi-resource-azuread"):
        checksums.write(api, tmp_path / "checksums.txt")
    assert not list(tmp_path.iterdir())


def test_a_checksum_that_changed_is_refused(api: str, digests: Digests, tmp_path: Path) -> None:
    file = tmp_path / "checksums.txt"
    checksums.write(api, file)
    before = file.read_text()
    digests[CLI] = f"sha256:{99:064x}"

    with pytest.raises(Problem, match=r"Someone replaced the archive"):
        checksums.write(api, file)
    assert file.read_text() == before


def test_an_unreachable_service_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"https://localhost:1/repos/.* did not answer with a release: ") as refused:
        checksums.write("https://localhost:1", tmp_path / "checksums.txt")
    assert "\n" not in str(refused.value)


def test_the_file_in_the_repository_has_only_archives_of_these_versions() -> None:
    names = {name for _, _, archives in checksums.RELEASES for name in archives}

    assert set(checksums.read(checksums.FILE)) <= names

"""Fixtures of the contract tests: a local Entra with TLS on loopback, reset for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.contract.local_entra import LocalEntra, serve_entra


@pytest.fixture(scope="session")
def entra_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEntra]:
    """Start the server once."""
    with serve_entra(tmp_path_factory.mktemp("entra")) as served:
        yield served


@pytest_asyncio.fixture
async def entra(entra_server: LocalEntra, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalEntra]:
    """Return the server as seeded, trusted through SSL_CERT_FILE, without the machine's ARM_ variables."""
    entra_server.clean(monkeypatch)
    yield entra_server
    await entra_server.close_clients()

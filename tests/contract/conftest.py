"""Fixtures of the contract tests: a local Entra served with TLS on loopback, in its first state for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.contract.local_entra import LocalEntra, serve_entra


@pytest.fixture(scope="session")
def entra_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEntra]:
    """The server, started once."""
    with serve_entra(tmp_path_factory.mktemp("entra")) as served:
        yield served


@pytest_asyncio.fixture
async def entra(entra_server: LocalEntra, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalEntra]:
    """The server as seeded, trusted by way of SSL_CERT_FILE; no ARM_ variable of the machine is seen."""
    entra_server.clean(monkeypatch)
    yield entra_server
    await entra_server.close_clients()

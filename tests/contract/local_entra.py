"""The sandbox's Entra in this process, with the operations that contract tests need."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kzero_sandbox.entra.emulator import EntraEmulator
from kzero_sandbox.faults import Fault
from kzero_sandbox.organisation import Organisation
from kzero_sandbox.serving import Certificates, ServerThread, issue_certificates, listen, port_of

from kzero_scim.clients.graph.client import GraphClient
from kzero_scim.clients.graph.sign_in import SignIn
from kzero_scim.provider.services import Services
from kzero_scim.settings.provider_config import Config

Json = dict[str, Any]


@dataclass
class LocalEntra:
    """A running emulator."""

    emulator: EntraEmulator
    host: str
    ca_file: Path
    certificates: Certificates | None = None
    """The authority of its certificate, for other servers that it must trust."""
    waits: list[float] = field(default_factory=list)
    """Seconds that clients of :meth:`graph` would wait."""
    clients: list[GraphClient] = field(default_factory=list)

    @property
    def organisation(self) -> Organisation:
        """The seeded organization."""
        return self.emulator.organisation

    def clean(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Restore the seeded state."""
        for name in list(os.environ):
            if name.startswith("ARM_"):
                monkeypatch.delenv(name)
        monkeypatch.setenv("SSL_CERT_FILE", str(self.ca_file))
        monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
        self.emulator.traffic.faults.clear()
        self.emulator.traffic.consistency_reads = 0
        self.emulator.reset()
        self.waits.clear()

    def config(self, client: str = "admin", **changes: Any) -> Config:  # noqa: ANN401 - any setting
        """Return a provider configuration that signs in as a seeded client."""
        seed = self.organisation.client(client)
        settings: Json = {
            "tenant_id": self.organisation.tenant_id,
            "client_id": seed.client_id,
            "client_secret": seed.secret,
            "metadata_host": self.host,
            "use_cli": False,
        }
        return Config(**(settings | changes))

    def graph(self, client: str = "admin", clock: Callable[[], float] | None = None) -> GraphClient:
        """Return a client that does not really wait, and does not reuse answers over time."""
        ticks = iter(range(0, 10_000_000, 10))

        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        made = GraphClient(SignIn(self.config(client)), sleep=sleep, clock=clock or (lambda: float(next(ticks))))
        self.clients.append(made)
        return made

    async def close_clients(self) -> None:
        """Close the clients that :meth:`graph` has created."""
        for made in self.clients:
            await made.aclose()
        self.clients.clear()

    def services(self, client: str = "admin") -> Services:
        """Return the services for resources."""
        services = Services(self.config(client))
        services.__dict__["graph"] = self.graph(client)
        return services

    def application(self) -> str:
        """Create an enterprise application, and return its service principal's object ID."""
        template = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
        owner = self.organisation.client("admin").object_id
        return str(self.emulator.directory.instantiate(template, "KZero", owner)[1]["id"])

    def fail(self, path: str, status: int, method: str | None = None, **more: Any) -> None:  # noqa: ANN401 - JSON
        """Add a fault."""
        self.emulator.traffic.faults.add(Fault.parse({"path": path, "method": method, "status": status, **more}))

    def requests(self, *, batched: bool = False) -> list[tuple[str, str]]:
        """Return method and path of the requests. Those inside batches are optional."""
        return [
            (entry["method"], entry["path"]) for entry in self.emulator.traffic.log if batched or not entry["batch"]
        ]


@contextmanager
def serve_entra(directory: Path) -> Iterator[LocalEntra]:
    """Run a seeded tenant while the block runs."""
    files = issue_certificates(directory)
    listener = listen()
    host = f"localhost:{port_of(listener)}"
    emulator = EntraEmulator(f"https://{host}", Organisation(), files.ca_file)
    with ServerThread(emulator.app, listener=listener, certificates=files):
        yield LocalEntra(emulator, host, files.ca_file, files)

"""Serve the two origins of a sandbox, the Entra emulator and the KZero front, each in its own thread.

Separate from `kzero_sandbox.supervisor` because importing the servers takes a second, in which Keycloak already starts.
"""

import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from socket import socket

from kzero_sandbox.addresses import Urls
from kzero_sandbox.entra.emulator import EntraEmulator
from kzero_sandbox.entra.tenants import EntraTenants
from kzero_sandbox.kzero.front import KZeroFront
from kzero_sandbox.kzero.keycloak import MasterCredentials
from kzero_sandbox.layout import Layout
from kzero_sandbox.organisation import Organisation
from kzero_sandbox.serving import ServerThread


@contextmanager
def serve(  # noqa: PLR0913 - what both servers share, and one socket for each
    *,
    layout: Layout,
    urls: Urls,
    organisation: Organisation,
    credentials: MasterCredentials,
    kzero: socket,
    entra: socket,
    auto_cycle: bool,
    restart_keycloak: Callable[[], Awaitable[None]],
) -> Iterator[None]:
    """Serve both origins while the block runs.

    Args:
        layout: The files with certificates and state.
        urls: The public addresses of the origins.
        organisation: The content of a new Entra tenant.
        credentials: The sandbox's administrator account in Keycloak.
        kzero: The front's listening socket.
        entra: The emulator's listening socket.
        auto_cycle: Whether Entra runs a provisioning cycle when a job is started.
        restart_keycloak: Stops Keycloak, starts it again and waits until it answers.
    """
    certificates = layout.certificates()
    emulator = EntraEmulator(
        urls.entra, organisation, layout.ca_file, state_file=layout.entra_state, auto_cycle=auto_cycle
    )
    front = KZeroFront(
        public_url=urls.kzero,
        keycloak_url=urls.keycloak,
        entra_url=urls.entra,
        credentials=credentials,
        trust=ssl.create_default_context(cafile=str(layout.ca_file)),
        restart_keycloak=restart_keycloak,
    )
    with (
        ServerThread(
            EntraTenants(emulator, layout.ca_file, layout.entra_tenants).app, listener=entra, certificates=certificates
        ),
        ServerThread(front.app, listener=kzero, certificates=certificates),
    ):
        yield

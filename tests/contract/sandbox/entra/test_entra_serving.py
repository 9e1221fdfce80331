"""The thread that serves the sandbox's apps."""

import socket
import ssl

import httpx
import pytest
from kzero_sandbox.serving import Certificates, ServerThread, listen, port_of
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


async def _hello(request: Request) -> Response:
    del request
    return PlainTextResponse("hello")


_APP = Starlette(routes=[Route("/", _hello)])


def test_a_listening_socket_names_its_protocol() -> None:
    """The socket names TCP, so that asyncio disables Nagle's algorithm; otherwise every answer takes 40 ms longer."""
    with listen() as listener:
        assert listener.proto == socket.IPPROTO_TCP
        assert listener.getsockname()[0] == "127.0.0.1"


def test_an_app_is_served_over_verified_tls_and_stops_with_the_block(certificates: Certificates) -> None:
    """The server also stops while a client has an idle connection."""
    listener = listen()
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    with httpx.Client(verify=context, trust_env=False) as client:
        with ServerThread(_APP, listener=listener, certificates=certificates) as server:
            assert server.url == f"https://localhost:{port_of(listener)}"
            assert client.get(server.url).text == "hello"
        with pytest.raises(httpx.TransportError):
            client.get(server.url)


def test_a_client_that_does_not_know_the_authority_refuses_the_server(certificates: Certificates) -> None:
    """A client that does not trust the authority refuses the certificate."""
    with ServerThread(_APP, certificates=certificates) as server, pytest.raises(httpx.ConnectError):
        httpx.get(server.url, trust_env=False)

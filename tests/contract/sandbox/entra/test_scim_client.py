"""Requests of the sandbox's Entra to a SCIM endpoint whose connections break."""

from __future__ import annotations

import httpx
import pytest
from kzero_sandbox.entra.scim_client import ScimClient, ScimError, TenantUrl


class Breaking:
    """An endpoint that closes the first connection without an answer."""

    def __init__(self) -> None:
        """Start without requests."""
        self.methods: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer all but the first request."""
        self.methods.append(request.method)
        if len(self.methods) == 1:
            message = "Server disconnected without sending a response."
            raise httpx.RemoteProtocolError(message)
        return httpx.Response(200, json={"totalResults": 0, "Resources": []})


async def _token() -> str:
    return "token"


async def test_a_read_is_repeated_but_a_write_is_not() -> None:
    """A server may close a kept connection when a request arrives; a write may have been carried out."""
    url = TenantUrl.parse("https://kzero.example/scim/v2")
    read, write = Breaking(), Breaking()
    async with httpx.AsyncClient(transport=httpx.MockTransport(read)) as http:
        assert await ScimClient(http, url, _token).find("Users", "userName", "alex@contoso.example") == []
    async with httpx.AsyncClient(transport=httpx.MockTransport(write)) as http:
        with pytest.raises(ScimError, match="got no answer"):
            await ScimClient(http, url, _token).delete("Users", "1")

    assert (read.methods, write.methods) == (["GET", "GET"], ["DELETE"])

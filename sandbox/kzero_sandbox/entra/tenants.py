"""Serve several tenants of the local Entra from one origin, and route each request to its tenant as Entra does.

`/{tenant}/...` of login goes to that tenant, and a Graph request to the tenant of its token. A tenant's control API is
below `/sandbox/of/{tenant}/`. All other requests go to the first tenant, which is the only one at the start.
Must not know Graph's operations.
"""

import asyncio
import base64
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from kzero_sandbox.organisation import Organisation

from .emulator import EntraEmulator

MOST_TENANTS = 5_000
_SAVE_SECONDS = 2.0
_SAVE_SHARE = 20
"""The pause between two saves, as a multiple of the time that the last save took."""
_GRAPH = re.compile(r"/(v1\.0|beta)/")
_CONTROL = re.compile(r"/sandbox/of/(?P<tenant>[^/]+)(?P<rest>/.*)")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class EntraTenants:
    """All tenants of one local Entra.

    Attributes:
        app: The ASGI application; serve it at the first tenant's `base_url`.
        first: The tenant that always exists.
    """

    def __init__(self, first: EntraEmulator, ca_file: Path | None, folder: Path) -> None:
        """Serve this tenant and those with a file in the folder.

        Args:
            first: The tenant that always exists; it stores its own state.
            ca_file: The authority that signed the certificates of SCIM endpoints; see `EntraEmulator`.
            folder: The folder for the state of additional tenants, one file per tenant.
        """
        self.first = first
        self._ca_file = ca_file
        self._folder = folder
        self._numbered: dict[int, EntraEmulator] = {}
        self._by_name: dict[str, EntraEmulator] = {}
        self._touched: set[EntraEmulator] = set()
        self._know(first)
        for file in sorted(folder.glob("*.json")):
            self._add(int(file.stem))
        self.app: ASGIApp = Starlette(
            routes=[
                Route("/sandbox/tenants", self._listed, methods=["GET"]),
                Route("/sandbox/tenants", self._made, methods=["POST"]),
                Mount("/", app=self._dispatch),
            ],
            lifespan=self._lifespan,
        )

    def _know(self, emulator: EntraEmulator) -> None:
        organisation = emulator.organisation
        for name in (organisation.tenant_id, organisation.domain, organisation.initial_domain):
            self._by_name[name.lower()] = emulator

    def _add(self, number: int) -> EntraEmulator:
        if number not in self._numbered:
            emulator = EntraEmulator(
                self.first.base_url,
                Organisation.numbered(number),
                self._ca_file,
                state_file=self._folder / f"{number:04d}.json",
                auto_cycle=self.first.auto_cycle,
                beside=self.first,
            )
            self._numbered[number] = emulator
            self._touched.add(emulator)
            self._know(emulator)
        return self._numbered[number]

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        emulator = self.first
        control = _CONTROL.fullmatch(path)
        if control is not None:
            found = self._by_name.get(control["tenant"].lower())
            if found is None:
                answer = JSONResponse({"error": f"there is no tenant {control['tenant']}"}, 404)
                await answer(scope, receive, send)
                return
            emulator = found
            path = f"/sandbox{control['rest']}"
            scope = {**scope, "path": path, "raw_path": path.encode()}
        elif _GRAPH.match(path):
            emulator = self._by_name.get(_tenant_of(scope), self.first)
        elif not path.startswith("/sandbox/"):
            emulator = self._by_name.get(path.split("/")[1].lower(), self.first)
        if (scope["method"] not in _READS or path.endswith("/adminconsent")) and emulator is not self.first:
            self._touched.add(emulator)
        await emulator.app({**scope, "root_path": ""}, receive, send)

    # --- control -----------------------------------------------------------------------------------------------------

    async def _listed(self, request: Request) -> Response:
        """GET tenants: all except the first."""
        del request
        return JSONResponse([_shown(number, emulator) for number, emulator in sorted(self._numbered.items())])

    async def _made(self, request: Request) -> Response:
        """POST tenants: ensure that `count` tenants besides the first exist, and return them."""
        count = (await request.json()).get("count")
        if not isinstance(count, int) or not 0 < count <= MOST_TENANTS:
            return JSONResponse({"error": f"count must be a number from 1 to {MOST_TENANTS}"}, 400)
        made = []
        for number in range(1, count + 1):
            made.append(_shown(number, self._add(number)))
            await asyncio.sleep(0)
        return JSONResponse(made, 201)

    # --- keeping -----------------------------------------------------------------------------------------------------

    async def _keep_saving(self) -> None:
        took = 0.0
        while True:
            await asyncio.sleep(max(_SAVE_SECONDS, _SAVE_SHARE * took))
            began = time.monotonic()
            for emulator in list(self._touched):
                emulator.save()
                if not emulator.is_busy:
                    self._touched.discard(emulator)
                await asyncio.sleep(0)
            took = time.monotonic() - began

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        async with self.running():
            yield

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Save the state of all tenants while the block runs, and cancel background work at its end."""
        saving = asyncio.create_task(self._keep_saving())
        async with self.first.running():
            yield
            saving.cancel()
            for emulator in self._touched:
                await emulator.close()


def _shown(number: int, emulator: EntraEmulator) -> dict[str, Any]:
    organisation = emulator.organisation
    return {
        "number": number,
        "tenantId": organisation.tenant_id,
        "name": organisation.name,
        "domain": organisation.domain,
        "jobs": len(emulator.jobs.jobs),
    }


def _tenant_of(scope: Scope) -> str:
    """Return the tenant in a request's token without verifying the token, which the tenant itself does."""
    header = dict(scope["headers"]).get(b"authorization", b"")
    try:
        claims = header.split(b" ", 1)[1].split(b".")[1]
        return str(json.loads(base64.urlsafe_b64decode(claims + b"=" * (-len(claims) % 4)))["tid"]).lower()
    except (IndexError, ValueError, KeyError, TypeError):
        return ""

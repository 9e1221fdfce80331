"""The control API's `/sandbox/faults`, shared by the Entra emulator and the KZero front. Must not know either."""

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kzero_sandbox.faults import Fault, Faults

Endpoint = Callable[[Request], Awaitable[Response]]


class FaultControl:
    """The handlers for the faults of one server."""

    def __init__(self, faults: Faults) -> None:
        """Serve these faults."""
        self._faults = faults

    def table(self) -> list[tuple[str, str, Endpoint]]:
        """Return method, path and handler of each operation."""
        return [
            ("GET", "/sandbox/faults", self.list_faults),
            ("POST", "/sandbox/faults", self.add),
            ("DELETE", "/sandbox/faults", self.clear),
            ("GET", "/sandbox/faults/{fault:int}", self.show),
        ]

    async def list_faults(self, request: Request) -> Response:
        """GET the faults that are still active."""
        del request
        return JSONResponse([fault.shown() for fault in self._faults])

    async def show(self, request: Request) -> Response:
        """GET one fault, even if it is used up: how many requests it has matched, and how many it is holding."""
        try:
            return JSONResponse(self._faults.find(request.path_params["fault"]).shown())
        except KeyError as error:
            return JSONResponse({"error": f"there is no fault {error.args[0]}"}, 404)

    async def add(self, request: Request) -> Response:
        """POST one fault or a list of faults; respond with the faults and their ids."""
        data = json.loads(await request.body())
        try:
            rules = [Fault.parse(item) for item in (data if isinstance(data, list) else [data])]
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        self._faults.add(*rules)
        return JSONResponse([rule.shown() for rule in rules], 201)

    async def clear(self, request: Request) -> Response:
        """DELETE all faults, or only those with the pattern `path`, and release the requests that they hold."""
        self._faults.clear(request.query_params.get("path"))
        return Response(status_code=204)

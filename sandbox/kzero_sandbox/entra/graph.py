"""Graph over HTTP: authentication, `$batch` and errors; the router's table handles the operations.

Follows learn.microsoft.com/graph/use-the-api and learn.microsoft.com/graph/json-batching.
Must not know individual operations.
"""

import asyncio
import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kzero_sandbox.faults import Fault

from .audit import AuditLog
from .graph_errors import GraphError, error_body, not_found, refuse, throttled
from .graph_routing import GraphAnswer, GraphRequest, Router
from .tokens import Caller, TokenIssuer, TokenRefusedError
from .traffic import Traffic

Json = dict[str, Any]
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_MAXIMUM_BATCH = 20
_GUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")


class Graph:
    """The Graph endpoint, for versions v1.0 and beta."""

    def __init__(self, router: Router, tokens: TokenIssuer, traffic: Traffic, audit: AuditLog) -> None:
        """Serve the router's operations to callers with a token of this issuer."""
        self._audit = audit
        self.router = router
        self._tokens = tokens
        self._traffic = traffic

    def routes(self) -> list[Route]:
        """Return the routes, relative to the origin."""
        return [
            Route("/{version}/{path:path}", self.endpoint, methods=_METHODS),
        ]

    async def endpoint(self, request: Request) -> Response:
        """Answer one HTTP request."""
        raw = await request.body()
        client_request_id = request.headers.get("client-request-id")
        path = request.url.path
        agent = request.headers.get("user-agent")
        entry = self._traffic.note(
            request.method, unquote(path), request.url.query, body=_loose_json(raw), user_agent=agent
        )
        try:
            caller = self._authenticate(request)
        except GraphError as error:
            entry["status"] = error.status
            return _response(GraphAnswer(error.status, error_body(error, client_request_id)))
        entry["client"] = caller.app_id

        async def carry_out() -> Response:
            try:
                return _response(await self._answer(request, caller, _strict_json(raw)))
            except GraphError as error:
                return _response(GraphAnswer(error.status, error_body(error, client_request_id), error.headers))

        response = await self._traffic.faults.around(request.method, unquote(path), carry_out)
        entry["status"] = response.status_code
        return response

    def _authenticate(self, request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            refuse("Access token is empty.", code="InvalidAuthenticationToken", status=401)
        try:
            return self._tokens.verify_access_token(token)
        except TokenRefusedError as error:
            reason = (
                "Lifetime validation failed, the token is expired."
                if "expired" in str(error)
                else ("Access token validation failure.")
            )
            raise GraphError(401, "InvalidAuthenticationToken", reason) from error

    async def _answer(self, request: Request, caller: Caller, body: Any) -> GraphAnswer:  # noqa: ANN401 - JSON
        version, path = request.path_params["version"], "/" + request.path_params["path"]
        if version not in {"v1.0", "beta"}:
            refuse(f"Invalid version: {version}", code="BadRequest")
        if path == "/$batch":
            return await self._batch(request, caller, version, body)
        return await self._operation(
            GraphRequest(
                method=request.method,
                version=version,
                path=path,
                query=dict(request.query_params),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=body,
                caller=caller,
                base_url=self._tokens.base_url,
            )
        )

    async def _operation(self, request: GraphRequest) -> GraphAnswer:
        if request.method != "GET" and (seconds := self._traffic.writes.take(request.caller.app_id)):
            raise throttled(seconds)
        unsettled = self._traffic.unsettled(_folded(request.path))
        if unsettled:
            raise not_found(unsettled)
        request = _with_folded_ids(request)
        concluded = self._audit.observe(request)
        answer = await self.router.handle(request)
        concluded(answer)
        if answer.status == 201:  # noqa: PLR2004 - created
            self._traffic.created(answer.body)
        return answer

    # --- $batch ------------------------------------------------------------------------------------------------------

    async def _batch(self, request: Request, caller: Caller, version: str, body: Any) -> GraphAnswer:  # noqa: ANN401 - JSON
        items = body.get("requests") if isinstance(body, dict) else None
        if request.method != "POST" or not isinstance(items, list) or not items:
            refuse("Invalid batch payload format.", code="BadRequest")
        if len(items) > _MAXIMUM_BATCH:
            refuse(f"Number of batch request steps exceeds the maximum value of {_MAXIMUM_BATCH}.", code="BadRequest")
        ids = [item.get("id") for item in items]
        if len(set(ids)) != len(ids) or not all(isinstance(key, str) and key for key in ids):
            refuse("Every request of a batch needs a unique id.", code="BadRequest")
        done: dict[str, Json] = {}
        waiting = list(items)
        while waiting:
            ready = [item for item in waiting if all(key in done for key in item.get("dependsOn", []))]
            if not ready:
                refuse("The dependencies of the batch cannot be resolved.", code="BadRequest")
            answers = await asyncio.gather(*(self._item(item, caller, version, done) for item in ready))
            done.update({answer["id"]: answer for answer in answers})
            waiting = [item for item in waiting if item["id"] not in done]
        return GraphAnswer(200, {"responses": [done[key] for key in reversed(ids)]})

    async def _item(self, item: Json, caller: Caller, version: str, done: dict[str, Json]) -> Json:
        parts = urlsplit(str(item.get("url", "")))
        path = "/" + unquote(parts.path).lstrip("/")
        method = str(item.get("method", "")).upper()
        full = f"/{version}{path}"
        # The entry of the batch itself records the user agent.
        entry = self._traffic.note(method, full, parts.query, body=item.get("body"), user_agent=None, batch=True)
        entry["client"] = caller.app_id
        headers = {"Content-Type": "application/json"}
        try:
            answer = await self._item_answer(item, caller, version, done, full=full)
        except GraphError as error:
            answer = GraphAnswer(error.status, error_body(error), error.headers)
        entry["status"] = answer.status
        return {
            "id": item["id"],
            "status": answer.status,
            "headers": {**headers, **answer.headers},
            **({} if answer.body is None else {"body": answer.body}),
        }

    async def _item_answer(
        self, item: Json, caller: Caller, version: str, done: dict[str, Json], *, full: str
    ) -> GraphAnswer:
        method = str(item["method"]).upper()
        if any(done[key]["status"] >= 400 for key in item.get("dependsOn", [])):  # noqa: PLR2004 - failures
            refuse("The request depends on one that failed.", code="FailedDependency", status=424)
        fault = self._traffic.faults.take(method, full)
        if fault is not None and fault.when == "before":
            await fault.wait()
            if fault.answers:
                return _fault_answer(fault)
        headers = {str(name).lower(): str(value) for name, value in (item.get("headers") or {}).items()}
        if item.get("body") is not None and "content-type" not in headers:
            refuse("Write request id : " + item["id"] + " does not contain Content-Type header.", code="BadRequest")
        answer = await self._operation(
            GraphRequest(
                method=method,
                version=version,
                path=full.removeprefix(f"/{version}"),
                query=dict(parse_qsl(urlsplit(str(item["url"])).query, keep_blank_values=True)),
                headers=headers,
                body=item.get("body"),
                caller=caller,
                base_url=self._tokens.base_url,
            )
        )
        if fault is not None and fault.when == "after":
            await fault.wait()
            if fault.answers:
                return _fault_answer(fault)
        return answer


def _with_folded_ids(request: GraphRequest) -> GraphRequest:
    """Return the request with its GUIDs in lower case: like Graph, ignore the case of ids."""
    body = request.body
    if isinstance(body, dict):
        body = {key: _folded(value) if key.endswith("Id") else value for key, value in body.items()}
    query = {key: _folded(value) if key == "$filter" else value for key, value in request.query.items()}
    return replace(request, path=_folded(request.path), query=query, body=body)


def _folded(value: Any) -> Any:  # noqa: ANN401 - JSON
    return _GUID.sub(lambda found: found[0].lower(), value) if isinstance(value, str) else value


def _fault_answer(fault: Fault) -> GraphAnswer:
    """Return the faulty answer to one request of a batch, which has no connection of its own to close."""
    return GraphAnswer(fault.status or 503, fault.answer_body(), dict(fault.headers))


def _strict_json(raw: bytes) -> Any:  # noqa: ANN401 - JSON
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        message = "Unable to read JSON request payload."
        raise GraphError(400, "BadRequest", message) from error


def _loose_json(raw: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _response(answer: GraphAnswer) -> Response:
    if answer.body is None:
        return Response(status_code=answer.status, headers=dict(answer.headers))
    return JSONResponse(
        answer.body,
        answer.status,
        headers=dict(answer.headers),
        media_type="application/json",
    )

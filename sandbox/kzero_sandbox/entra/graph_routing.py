"""Route Graph requests: path templates, the permissions that operations need, and pages of collections.

A request is plain data, so that the items of `$batch` use the same table as HTTP requests.
Must not know HTTP or individual operations.
"""

import base64
import binascii
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote as quote_url
from urllib.parse import urlencode

from . import odata
from .graph_errors import GraphError, deny, refuse
from .tokens import Caller

Json = dict[str, Any]
OWNED_BY = "Application.ReadWrite.OwnedBy"
Requirement = tuple[frozenset[str], ...]
"""The caller needs one permission out of each set."""
DEFAULT_PAGE = 100
MAXIMUM_PAGE = 999


@dataclass(frozen=True, kw_only=True)
class GraphRequest:
    """One authenticated request to Graph."""

    method: str
    version: str
    """v1.0 or beta."""
    path: str
    """The decoded path after the version, with a leading slash."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Headers by lower-case name."""
    body: Any
    caller: Caller
    base_url: str

    def json(self) -> Json:
        """Return the body, which must be a JSON object.

        Raises:
            GraphError: 400, if the body is not a JSON object.
        """
        if not isinstance(self.body, dict):
            refuse(
                "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of"
                " valid JSON format.",
                code="BadRequest",
            )
        return self.body

    def context(self, entity: str) -> str:
        """Return the @odata.context of an answer."""
        return f"{self.base_url}/{self.version}/$metadata#{entity}"


@dataclass(frozen=True)
class GraphAnswer:
    """Graph's answer to a request."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[..., GraphAnswer | Awaitable[GraphAnswer]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One operation of Graph."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    needs: Requirement


class Router:
    """The table of operations."""

    def __init__(self, is_owner: Callable[[str, str], bool]) -> None:
        """Start with an empty table.

        Args:
            is_owner: Returns whether a service principal (second id) owns an object (first id).
        """
        self._routes: list[Route] = []
        self._is_owner = is_owner

    def add(self, method: str, template: str, needs: Requirement, handler: Handler) -> None:
        """Add an operation; `{name}` in the template matches one segment and becomes an argument of the handler."""
        pattern = re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template)) + "/?")
        self._routes.append(Route(method=method, pattern=pattern, handler=handler, needs=needs))

    async def handle(self, request: GraphRequest) -> GraphAnswer:
        """Answer a request.

        Raises:
            GraphError: Graph refuses the request.
        """
        route, parameters = self._resolve(request)
        self._authorise(route, parameters, request.caller)
        answer = route.handler(request, **parameters)
        return await answer if inspect.isawaitable(answer) else answer

    def _resolve(self, request: GraphRequest) -> tuple[Route, dict[str, str]]:
        other_method = False
        for route in self._routes:
            match = route.pattern.fullmatch(request.path)
            if match and route.method == request.method:
                return route, match.groupdict()
            other_method = other_method or match is not None
        if other_method:
            refuse("Specified HTTP method is not allowed for the request target.", status=405)
        segment = request.path.strip("/").rsplit("/", 1)[-1]
        return refuse(f"Resource not found for the segment '{segment}'.", code="BadRequest")

    def _authorise(self, route: Route, parameters: Mapping[str, str], caller: Caller) -> None:
        for alternatives in route.needs:
            granted = alternatives & caller.roles
            if not granted:
                deny()
            # The permission for owned objects does not include other objects.
            target = parameters.get("application") or parameters.get("principal")
            if granted == {OWNED_BY} and target and not self._is_owner(target, caller.object_id):
                deny()


def page(
    request: GraphRequest,
    items: list[Json],
    context: str,
    *,
    default_properties: tuple[str, ...] | None = None,
    searched: bool = False,
) -> GraphAnswer:
    """Return a page of a collection according to $filter, $select, $top, $count and $skiptoken.

    Args:
        request: The request with its query.
        items: The whole collection.
        context: The entity of @odata.context.
        default_properties: The properties to return without $select; None returns all.
        searched: Whether the filter was applied before.

    Raises:
        GraphError: 400, if Graph refuses the query.
    """
    query = request.query
    advanced = request.headers.get("consistencylevel", "").lower() == "eventual" and query.get("$count") == "true"
    if "$filter" in query and not searched:
        items = filtered(items, query["$filter"], advanced=advanced)
    offset, size = _offset(query), _size(query)
    shown = [odata.select(item, selection(request, default_properties)) for item in items[offset : offset + size]]
    body: Json = {"@odata.context": request.context(context)}
    if advanced:
        body["@odata.count"] = len(items)
    if offset + size < len(items):
        token = base64.urlsafe_b64encode(str(offset + size).encode()).decode()
        following = urlencode({**query, "$skiptoken": token}, safe="$,'()")
        body["@odata.nextLink"] = f"{request.base_url}/{request.version}{quote_url(request.path)}?{following}"
    body["value"] = shown
    return GraphAnswer(200, body)


def filtered(items: list[Json], text: str, *, advanced: bool) -> list[Json]:
    """Return the objects that a $filter selects.

    Raises:
        GraphError: 400, if Graph refuses the filter.
    """
    tree = odata.parse_filter(text)
    if odata.alternatives(tree) > odata.MAXIMUM_ALTERNATIVES:
        refuse(
            "Too many child clauses specified in search filter expression containing 'OR' operators:"
            f" {odata.alternatives(tree)}. Max allowed: {odata.MAXIMUM_ALTERNATIVES}.",
            code="Request_UnsupportedQuery",
        )
    if odata.needs_advanced_query(tree) and not advanced:
        refuse(
            "Operator is not supported because the required parameters might be missing."
            " Try adding $count=true query parameter and ConsistencyLevel:eventual header.",
            code="Request_UnsupportedQuery",
        )
    known = set(items[0]) if items else None
    for name in odata.names(tree):
        if known is not None and name.split("/")[0] not in known | {"id"}:
            refuse(f"Invalid filter clause: Could not find a property named '{name}'.", code="BadRequest")
    return [item for item in items if odata.matches(tree, item)]


def selection(request: GraphRequest, default: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the properties to include in an answer; None means all."""
    if "$select" not in request.query:
        return default
    return tuple(name.strip() for name in request.query["$select"].split(",") if name.strip())


def _size(query: Mapping[str, str]) -> int:
    text = query.get("$top", str(DEFAULT_PAGE))
    if not text.isdigit() or not 1 <= int(text) <= MAXIMUM_PAGE:
        refuse(
            f"Invalid page size specified: '{text}'. Must be between 1 and {MAXIMUM_PAGE} inclusive.",
            code="Request_UnsupportedQuery",
        )
    return int(text)


def _offset(query: Mapping[str, str]) -> int:
    token = query.get("$skiptoken")
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error) as error:
        message = "Skip token is not valid."
        raise GraphError(400, "Directory_ExpiredPageToken", message) from error

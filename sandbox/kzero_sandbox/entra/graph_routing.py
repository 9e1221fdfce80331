"""Route Graph requests: path templates, the permissions that operations need, and pages of collections.

A request is plain data, so that the items of `$batch` use the same table as HTTP requests.
Must not know HTTP or individual operations.
"""

import base64
import binascii
import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote as quote_url
from urllib.parse import urlencode

from . import graph_properties, odata
from .graph_errors import GraphError, deny, refuse
from .tokens import Caller

Json = dict[str, Any]
OWNED_BY = "Application.ReadWrite.OwnedBy"
Requirement = tuple[frozenset[str], ...]
"""The caller needs one permission out of each set."""
DEFAULT_PAGE = 100
MAXIMUM_PAGE = 999
_OPTIONS = frozenset(
    {"$count", "$expand", "$filter", "$format", "$orderby", "$search", "$select", "$skip", "$skiptoken", "$top"}
)
_DIRECTORY = frozenset({"users", "groups", "servicePrincipals", "applications", "directoryObjects"})
"""Collections of directory objects, whose queries have limits of their own."""


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
    advanced = is_advanced(request)
    known = graph_properties.known(context, items)
    _check_options(request, context)
    if "$filter" in query and not searched:
        items = filtered(items, query["$filter"], advanced=advanced, known=known)
    if "$search" in query:
        items = _searched(items, query["$search"])
    if "$orderby" in query and not searched:
        items = _ordered(items, query["$orderby"], known)
    offset, size = _offset(query), _size(query)
    chosen = selection(request, default_properties, known)
    shown = [odata.select(item, chosen) for item in items[offset : offset + size]]
    body: Json = {"@odata.context": request.context(context)}
    if advanced:
        body["@odata.count"] = len(items)
    if offset + size < len(items):
        token = base64.urlsafe_b64encode(str(offset + size).encode()).decode()
        following = urlencode({**query, "$skiptoken": token}, safe="$,'()")
        body["@odata.nextLink"] = f"{request.base_url}/{request.version}{quote_url(request.path)}?{following}"
    body["value"] = shown
    return GraphAnswer(200, body)


def is_advanced(request: GraphRequest) -> bool:
    """Return whether a request has what Graph requires of an advanced query."""
    is_eventual = request.headers.get("consistencylevel", "").lower() == "eventual"
    return is_eventual and request.query.get("$count") == "true"


def _check_options(request: GraphRequest, context: str) -> None:
    query = request.query
    for name in sorted(query.keys() - _OPTIONS):
        if name.startswith("$"):
            refuse(f"The query parameter '{name}' is not supported.", code="BadRequest")
    if "$skip" in query and context in _DIRECTORY:
        refuse("'$skip' is not supported by the service.", code="Request_UnsupportedQuery")
    if "$search" in query and request.headers.get("consistencylevel", "").lower() != "eventual":
        refuse(
            "Request with $search query parameter only works through MSGraph with a special request header:"
            " 'ConsistencyLevel: eventual'",
            code="Request_UnsupportedQuery",
        )
    if re.search(r"/microsoft\.graph\.\w+/?$", request.path) and "deletedItems" not in request.path:
        _require_advanced(request)
    if "$orderby" in query and "$filter" in query and context in _DIRECTORY:
        _require_advanced(request)


def _require_advanced(request: GraphRequest) -> None:
    if not is_advanced(request):
        refuse(
            "The specified request requires the $count=true query parameter and the ConsistencyLevel:eventual header.",
            code="Request_UnsupportedQuery",
        )


def _searched(items: list[Json], text: str) -> list[Json]:
    match = re.fullmatch(r'"(\w+):(.*)"', text)
    if match is None:
        refuse(f"Syntax error: character ':' is expected in the search expression '{text}'.", code="BadRequest")
    name, wanted = match.groups()
    return [item for item in items if wanted.casefold() in str(item.get(name) or "").casefold()]


def _ordered(items: list[Json], text: str, known: frozenset[str] | None) -> list[Json]:
    for part in reversed(text.split(",")):
        name, _, direction = part.strip().partition(" ")
        _check_known([name], known, "$orderby")
        items = sorted(items, key=lambda item: str(item.get(name) or ""), reverse=direction.strip() == "desc")
    return items


def _check_known(names: Iterable[str], known: frozenset[str] | None, option: str) -> None:
    for name in names:
        if known is not None and name.split("/")[0] not in known and not name.startswith("extension_"):
            refuse(f"Invalid {option} clause: Could not find a property named '{name}'.", code="BadRequest")


def filtered(items: list[Json], text: str, *, advanced: bool, known: frozenset[str] | None = None) -> list[Json]:
    """Return the objects that a $filter selects.

    Args:
        items: The whole collection.
        text: The filter.
        advanced: Whether the request is an advanced query.
        known: The properties that the objects can have; None uses those of the first object.

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
    if known is None and items:
        known = frozenset({*items[0], "id"})
    _check_known(sorted(odata.names(tree)), known, "filter")
    return [item for item in items if odata.matches(tree, item)]


def selection(
    request: GraphRequest, default: tuple[str, ...] | None, known: frozenset[str] | None = None
) -> tuple[str, ...] | None:
    """Return the properties to include in an answer; None means all.

    Raises:
        GraphError: 400, if the objects have no such property.
    """
    if "$select" not in request.query:
        return default
    names = tuple(name.strip() for name in request.query["$select"].split(",") if name.strip())
    if request.version != "beta":  # where unknown names are null
        _check_known(names, known, "$select")
    return names


def one(request: GraphRequest, item: Json, kind: str, default: tuple[str, ...] | None = None) -> Json:
    """Return one object with the properties that a request selects.

    Raises:
        GraphError: 400, if the object cannot have such a property.
    """
    return odata.select(item, selection(request, default, graph_properties.known(kind, [item])))


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

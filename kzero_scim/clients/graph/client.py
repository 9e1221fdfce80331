"""The client of Microsoft Graph v1.0: sends and returns JSON, and explains errors. Knows no Pulumi resource.

https://learn.microsoft.com/graph/use-the-api, ``/graph/paging``, ``/graph/json-batching``, ``/graph/errors``.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from kzero_scim.clients import timeouts
from kzero_scim.clients.answers import Turns, body_of, count_values, read_object, too_slow
from kzero_scim.clients.body import ACCEPTED, UnreadableBodyError
from kzero_scim.clients.claims import claims_of
from kzero_scim.clients.graph import graph_errors
from kzero_scim.clients.graph.batch import (
    BatchAnswer,
    BatchRequest,
    Progress,
    Sending,
    batch_answers,
    batch_document,
    may_repeat,
    unanswered,
)
from kzero_scim.clients.graph.operations import operation
from kzero_scim.clients.graph.read_batching import ReadBatcher
from kzero_scim.clients.graph.sign_in import SignIn
from kzero_scim.clients.graph.write_limit import WriteLimit, writes_of
from kzero_scim.clients.proxies import check_proxies
from kzero_scim.clients.retries import (
    USER_AGENT,
    Attempts,
    RetryPolicy,
    may_answer_pass,
    may_error_pass,
    retry_after,
)
from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.clients.tls import ssl_context
from kzero_scim.clients.trail import note
from kzero_scim.errors import GraphError
from kzero_scim.settings.allowed_hosts import HostRule
from kzero_scim.settings.provider_config import Config

WITHIN: Final = 180.0
"""Seconds from sending a request to the last byte of its answer. On-demand provisioning can take a minute."""
BATCH_SIZE: Final = 20
"""Requests in one ``$batch`` (Graph's limit)."""
BATCHES_AT_ONCE: Final = 4
MOST_PAGES: Final = 1000
MOST_VALUES: Final = 4_000_000
"""Values in all pages of a collection that are kept together."""
RETRIES: Final = RetryPolicy(delays=(0.5, 1.0, 2.0, 4.0, 8.0), jitter=0.5, longest=60.0, is_cut=False)
"""A longer Retry-After ends the attempts, and the error shows the wait that Graph asks for."""
THROTTLED: Final = replace(RETRIES, delays=(*RETRIES.delays, 16.0, 32.0, 64.0, 64.0), longest=300.0, total=900.0)
"""For writes that Graph refuses with 429: its limit for writes may need 150 s."""
_NO_DIRECTORY_ROLE: Final = "0997a1d0-0d1d-4acb-b408-d5ca73121e90"
"""The value that Entra puts into a token's ``wids`` for an account without a directory role."""
_NO_ID: Final = frozenset({"", ".", ".."})
SHARED_SECONDS: Final = 1.0
"""How long the answer to a GET is reused for the same GET. A write ends the reuse."""

T = TypeVar("T")
Json = dict[str, Any]
Parameters = Mapping[str, str]


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: httpx.Headers
    body: bytes


class GraphClient:
    """Microsoft Graph for one tenant.

    Every request has time-outs and is repeated on 429, 5xx, 408, 424 and broken connections, by :class:`RetryPolicy`.
    A POST whose answer was lost is not repeated, except commands that do no harm when repeated (``operations.py``).
    Redirects are never followed. TLS is always verified.

    Args:
        sign_in: Provides tokens and the cloud.
        http: Sends the requests.
        policy: How often and how long to retry.
        sleep: Waits.
        clock: A monotonic clock, in seconds.
        within: Seconds from sending a request to the last byte of its answer.
        transport: The transport of the default ``http``, in place of its own connections.
        is_gathering: Whether to send simultaneous reads as one ``$batch``.
    """

    def __init__(  # noqa: PLR0913 - the seams of its tests
        self,
        sign_in: SignIn,
        *,
        http: httpx.AsyncClient | None = None,
        policy: RetryPolicy | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        within: float = WITHIN,
        transport: httpx.AsyncBaseTransport | None = None,
        is_gathering: bool = False,
    ) -> None:
        """Open no connection yet."""
        check_proxies()
        self._sign_in = sign_in
        self._gathering = ReadBatcher(sign_in.token, self._gathered, BATCH_SIZE) if is_gathering else None
        self._http = http or httpx.AsyncClient(
            transport=transport,
            verify=ssl_context(),
            timeout=httpx.Timeout(timeouts.seconds(60.0), connect=10.0),
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=16, keepalive_expiry=30.0),
            follow_redirects=False,
        )
        self._policy = policy or RETRIES
        self._sleep = sleep
        self._clock = clock
        self._within = within
        # With another's transport, other tenants share this process.
        self._turns = None if transport is None else Turns()
        self._shared: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[float, asyncio.Task[_Answer | Json]]] = {}
        self._batches = asyncio.Semaphore(BATCHES_AT_ONCE)
        self._throttled = THROTTLED if self._policy == RETRIES else replace(self._policy, longest=THROTTLED.longest)
        self._limit = WriteLimit()

    @classmethod
    def from_config(
        cls,
        config: Config,
        *,
        environment: Mapping[str, str] | None = None,
        connections: SharedConnections | None = None,
        hosts: HostRule | None = None,
    ) -> Self:
        """Return a client for the configured tenant. Sends no request yet.

        Args:
            config: The configuration.
            environment: Variables that have no setting; None for the process's environment.
            connections: Connections shared with other tenants' clients; None for its own connections.
            hosts: Where secrets of the environment may go; None for wherever the metadata host says.
        """
        return cls(
            SignIn(config, environment, connections=connections, hosts=hosts),
            transport=connections.transport() if connections else None,
            # A sweep over many tenants reads all of one tenant at once.
            is_gathering=connections is not None,
        )

    @property
    def tenant_id(self) -> str:
        """The configured Entra tenant ID.

        Raises:
            SettingsError: No tenant is configured.
        """
        return self._sign_in.tenant_id

    async def granted_permissions(self) -> frozenset[str] | None:
        """Return the application permissions in the token, or None if they do not decide alone.

        They do not for a signed-in person or an application with a directory role, nor if the token is unreadable.

        Raises:
            GraphError: The sign-in failed.
        """
        claims = await self._claims()
        if claims is None:
            return None
        try:
            if "scp" in claims or set(claims.get("wids", ())) - {_NO_DIRECTORY_ROLE}:
                return None
            return frozenset(claims.get("roles", ()))
        except TypeError:
            return None

    async def caller_id(self) -> str | None:
        """Return the object ID of the signed-in account from the token, or None if the token is unreadable.

        Raises:
            GraphError: The sign-in failed.
        """
        oid = (await self._claims() or {}).get("oid")
        return oid if isinstance(oid, str) else None

    async def _claims(self) -> Json | None:
        """Return the token's claims, or None if it is unreadable. Microsoft guarantees the format to Graph only."""
        return claims_of(await self._sign_in.token())

    async def get(self, path: str, params: Parameters | None = None, *, fresh: bool = False) -> Json:
        """GET one object and return it.

        Args:
            path: Relative to ``/v1.0``, percent-encoded.
            params: The query.
            fresh: Send the request even if the last same one is less than :data:`SHARED_SECONDS` old.

        Raises:
            GraphError: Graph refused, cannot be reached, or did not answer with a JSON object.
        """
        _require_whole(path)
        note(f"GET {path}")
        key = (path, tuple(sorted((params or {}).items())))
        started, task = self._shared.get(key, (0.0, None))
        if task is None or fresh or (task.done() and self._clock() - started > SHARED_SECONDS):
            task = asyncio.create_task(self._read(path, params))
            self._shared[key] = (self._clock(), task)
        try:
            # Each caller gets its own document. Parsing a large one again is faster than copying it.
            found = await asyncio.shield(task)
            if isinstance(found, _Answer):
                return await self._document("GET", path, found)
            return json.loads(json.dumps(found))  # type: ignore[no-any-return] # a copy of an object
        except BaseException:
            # Other callers may wait for a read whose caller was cancelled.
            if task.done() and self._shared.get(key, (0.0, None))[1] is task:
                del self._shared[key]
            raise

    async def pages(self, path: str, params: Parameters | None = None, *, at_most: int | None = None) -> list[Json]:
        """GET all pages of a collection and return its entries.

        Args:
            path: Relative to ``/v1.0``, percent-encoded.
            params: The query.
            at_most: Stop requesting pages when this many entries were read.

        Raises:
            GraphError: As for :meth:`get`, and if the address of a page is not Graph's.
        """
        found: list[Json] = []
        count = 0
        async with aclosing(self.each_page(path, params)) as pages:
            async for values in pages:
                found += values
                count += count_values(values)
                if count > MOST_VALUES:
                    raise graph_errors.unexpected(path, f"more than {MOST_VALUES} values in all pages")
                if at_most is not None and len(found) >= at_most:
                    break
        return found

    async def each_page(self, path: str, params: Parameters | None = None) -> AsyncGenerator[list[Json], None]:
        """GET a collection and yield it page by page, for one that is too large to keep in memory.

        Raises:
            GraphError: As for :meth:`pages`.
        """
        answer = await self.get(path, params)
        for _ in range(MOST_PAGES):
            values = answer.get("value")
            if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
                raise graph_errors.unexpected(path, "something else where a list belongs")
            yield values
            following = answer.get("@odata.nextLink")
            if following is None:
                return
            answer = await self._object("GET", await self._inside(path, following))
        raise graph_errors.unexpected(path, f"more than {MOST_PAGES} pages")

    async def post(self, path: str, body: Json | None = None, *, repeatable: bool | None = None) -> Json | None:
        """POST and return the JSON object answered, if any.

        Args:
            path: Relative to ``/v1.0``, percent-encoded.
            body: The JSON body, if any.
            repeatable: Whether to send it again after its answer was lost; None for the default in ``operations.py``.

        Returns:
            The JSON object answered, or None if the answer is empty.
        """
        return await self._write("POST", path, body, repeatable=repeatable)

    async def put(self, path: str, body: Json) -> Json | None:
        """PUT, as :meth:`post` does."""
        return await self._write("PUT", path, body)

    async def patch(self, path: str, body: Json) -> Json | None:
        """PATCH, as :meth:`post` does."""
        return await self._write("PATCH", path, body)

    async def delete(self, path: str, *, missing_ok: bool = False) -> None:
        """DELETE. With ``missing_ok``, an object that does not exist is not an error."""
        try:
            await self._write("DELETE", path, None)
        except GraphError as error:
            if not (missing_ok and error.is_missing):
                raise

    async def batch(self, requests: Sequence[BatchRequest], progress: Progress | None = None) -> list[BatchAnswer]:
        """Send many requests, 20 per ``$batch``, a few batches at once. Repeats requests that were refused temporarily.

        Writes wait as long as Graph's limit for writes requires.

        Args:
            requests: The requests.
            progress: Called after each batch, and before each wait.

        Returns:
            The answers in the order of the requests. An answer may be an error, or the failure of its batch;
            :meth:`error` explains both.

        Raises:
            GraphError: Every batch failed, or the path of a request has an empty segment.
        """
        for request in requests:
            _require_whole(request.path)
        sending = Sending(requests, progress)
        attempts, throttled = Attempts(self._policy), Attempts(self._throttled)
        pending = list(range(len(requests)))
        try:
            while pending:
                chunks = [pending[start : start + BATCH_SIZE] for start in range(0, len(pending), BATCH_SIZE)]
                rounds = await asyncio.gather(
                    *(self._one_batch(sending, chunk) for chunk in chunks),
                    return_exceptions=True,  # otherwise the others would run unobserved after one has failed
                )
                for failed in rounds:
                    if isinstance(failed, BaseException):
                        raise failed
                refused = sending.refused()
                if not refused:
                    break
                if len(refused) < len(pending):
                    throttled = Attempts(self._throttled)
                is_throttled = any(sending.is_throttled_write(index) for index in refused)
                longest = max((wait for wait in refused.values() if wait is not None), default=None)
                delay = (throttled if is_throttled else attempts).delay(longest)
                if delay is None:
                    break
                await sending.report(delay)
                await self._sleep(delay)
                pending = sorted(refused)
        finally:
            if any(request.method != "GET" for request in requests):
                self._shared.clear()
        answers = [sending.answers[index] for index in range(len(requests))]
        failures = [answer.failure for answer in answers if answer.failure is not None]
        if failures and len(failures) == len(answers):
            raise failures[0]
        return answers

    def error(self, request: BatchRequest, answer: BatchAnswer) -> GraphError:
        """Return the error that explains one refused answer of a batch."""
        if answer.failure is not None:
            return answer.failure
        return graph_errors.refused(request.method, request.path, answer.status, answer.body)

    async def consistent(
        self,
        request: Callable[[], Awaitable[T]],
        *,
        statuses: Collection[int] = (404,),
        within: float = 60.0,
    ) -> T:
        """Repeat a request until Graph's replicas agree on an object that was just created, and return its result.

        Args:
            request: Makes the request.
            statuses: Statuses after which to wait and repeat.
            within: Seconds to wait in total.

        Raises:
            GraphError: The last refusal.
        """
        waited, delay = 0.0, 0.5
        while True:
            try:
                return await request()
            except GraphError as error:
                if error.status not in statuses or waited + delay > within:
                    raise
            await self._sleep(delay)
            waited += delay
            delay = min(delay * 2, 5.0)

    async def aclose(self) -> None:
        """Close all connections and cancel reads without a caller."""
        if self._gathering is not None:
            self._gathering.close()
        tasks = [task for _, task in self._shared.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._http.aclose()

    async def _read(self, path: str, params: Parameters | None) -> _Answer | Json:
        """GET something, in a batch with other reads if enabled. A schema is read alone, because it is too large."""
        if self._gathering is not None and not path.endswith("/schema"):
            found = await self._gathering.get(path, params)
            if found is not None:
                return found
        return await self._request("GET", path, params=params)

    async def _gathered(self, requests: Sequence[BatchRequest]) -> list[BatchAnswer] | None:
        """Send reads as one batch, once. The caller repeats what stays unanswered as single requests, with retries."""
        chunk = dict(enumerate(requests))
        body = batch_document(chunk)
        try:
            answer = await self._send("POST", "/$batch", None, body, await self._sign_in.token())
            found = batch_answers(chunk, await self._parsed(answer) or {})
        except (GraphError, httpx.HTTPError):
            return None
        return [found[index][0] for index in chunk]

    async def _parsed(self, answer: _Answer) -> Json | None:
        """Return an answer's JSON object, or None, in turn with other tenants' work."""
        if self._turns is not None:
            await self._turns.take(answer.body)
        return read_object(answer.body)

    async def _document(self, method: str, path: str, answer: _Answer) -> Json:
        document = await self._parsed(answer)
        if document is None:
            kind = answer.headers.get("Content-Type") or "nothing"
            raise graph_errors.unexpected(path, f"{answer.status} with {kind} instead of a JSON object", method)
        return document

    async def _object(self, method: str, path: str, params: Parameters | None = None) -> Json:
        return await self._document(method, path, await self._request(method, path, params=params))

    async def _write(self, method: str, path: str, body: Json | None, *, repeatable: bool | None = None) -> Json | None:
        _require_whole(path)
        self._shared.clear()
        try:
            answer = await self._request(method, path, body=body, repeatable=repeatable)
        finally:
            self._shared.clear()
        if not answer.body.strip():
            return None
        document = await self._parsed(answer)
        if document is None:
            raise graph_errors.unexpected(path, f"{answer.status} with something other than a JSON object", method)
        return document

    async def _one_batch(self, sending: Sending, indexes: Sequence[int]) -> None:
        chunk = {index: sending.requests[index] for index in indexes}
        async with self._batches:
            try:
                answer = await self._request(
                    "POST",
                    "/$batch",
                    body=batch_document(chunk),
                    repeatable=all(map(may_repeat, chunk.values())),
                    waiting=sending.report,
                )
            except GraphError as error:
                found: dict[int, tuple[BatchAnswer, float | None]] = dict.fromkeys(chunk, (unanswered(error), None))
            else:
                found = batch_answers(chunk, await self._parsed(answer) or {})
        sending.keep(found)
        await sending.report(0.0)

    async def _request(  # noqa: PLR0913 - a request, and how to send it
        self,
        method: str,
        path: str,
        *,
        params: Parameters | None = None,
        body: Json | None = None,
        repeatable: bool | None = None,
        waiting: Callable[[float], Awaitable[object]] | None = None,
    ) -> _Answer:
        """Send one request, with retries, and return its answer. ``waiting`` is called before each wait."""
        note(f"{method} {path}")
        writes = writes_of(method, path, body)
        may_repeat = operation(method, path).is_repeatable if repeatable is None else repeatable
        token = await self._sign_in.token()
        has_renewed = False
        attempts, throttled = Attempts(self._policy), Attempts(self._throttled)
        while True:
            wait: float | None = None
            is_throttled = False
            if ahead := self._limit.reserve(writes, self._clock()) if writes else 0.0:
                await self._wait(ahead, waiting)
                token = await self._sign_in.token()  # it may have expired meanwhile
            try:
                answer = await self._send(method, path, params, body, token)
            except httpx.HTTPError as error:
                failure = graph_errors.unreachable(method, path, error)
                if not may_error_pass(error, is_repeatable=may_repeat):
                    raise failure from error
            else:
                if httpx.codes.is_success(answer.status):
                    return answer
                if answer.status == httpx.codes.UNAUTHORIZED and not has_renewed:
                    token, has_renewed = await self._sign_in.token(rejected=token), True
                    continue
                failure = graph_errors.refused(
                    method, path, answer.status, await self._parsed(answer) or {}, answer.headers
                )
                if not may_answer_pass(answer.status, is_repeatable=may_repeat):
                    raise failure
                wait = retry_after(answer.headers.get("Retry-After"))
                is_throttled = writes > 0 and answer.status == httpx.codes.TOO_MANY_REQUESTS
            delay = (throttled if is_throttled else attempts).delay(wait)
            if delay is None:
                raise graph_errors.exhausted(failure, attempts.made + throttled.made - 1, wait)
            await self._wait(delay, waiting)

    async def _wait(self, seconds: float, waiting: Callable[[float], Awaitable[object]] | None) -> None:
        if waiting is not None:
            await waiting(seconds)
        await self._sleep(seconds)

    async def _send(self, method: str, path: str, params: Parameters | None, body: Json | None, token: str) -> _Answer:
        url = path if path.startswith("https://") else f"{(await self._sign_in.cloud()).graph}/v1.0{path}"
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Accept-Encoding": ACCEPTED,
            "User-Agent": USER_AGENT,
            "client-request-id": str(uuid.uuid4()),
        }
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            async with (
                asyncio.timeout(self._within),
                self._http.stream(
                    method, url, params=params, headers=headers, content=content, follow_redirects=False
                ) as response,
            ):
                received = (await body_of(response)).whole()
        except TimeoutError as error:
            raise graph_errors.unexpected(path, too_slow(self._within), method) from error
        except UnreadableBodyError as error:
            raise graph_errors.unexpected(path, str(error), method) from error
        return _Answer(response.status_code, response.headers, received)

    async def _inside(self, path: str, link: object) -> str:
        """Return the address of a next page. Refuses another server, because it would receive the token."""
        graph = urlsplit((await self._sign_in.cloud()).graph)
        try:
            target = urlsplit(link) if isinstance(link, str) else None
        except ValueError:
            target = None
        if target is None or (target.scheme, target.netloc) != (graph.scheme, graph.netloc):
            raise graph_errors.unexpected(path, "with a next page on another server")
        return target.geturl()


def _require_whole(path: str) -> None:
    """Refuse a path with an empty ID: ``/users/`` is all users, not the user without a name.

    Raises:
        GraphError: An ID is empty, or dots, which a server reads as a folder.
    """
    if not _NO_ID.isdisjoint(path.partition("?")[0].split("/")[1:]):
        message = f"cannot ask Microsoft Graph for {path}: an ID in this path is empty or dots; correct the ID"
        raise GraphError(message)


def odata_quote(value: str) -> str:
    """Return a string literal for an OData filter: ``O'Hara`` becomes ``'O''Hara'``."""
    return "'" + value.replace("'", "''") + "'"


def segment(value: str) -> str:
    """Return one path segment, percent-encoded, so that a guest's ``#EXT#`` cannot end the path.

    Raises:
        GraphError: The value is empty or dots, which a server reads as a folder.
    """
    if value in _NO_ID:
        message = f'"{value}" is not a valid ID in Microsoft Graph; correct the ID'
        raise GraphError(message)
    return quote(value, safe="")

"""The Graph client against scripted answers, and against the sandbox's Entra where a login is needed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from kzero_scim.clients import answers
from kzero_scim.clients.graph.batch import BatchRequest
from kzero_scim.clients.graph.client import RETRIES, GraphClient
from kzero_scim.clients.graph.cloud import Cloud
from kzero_scim.clients.graph.sign_in import SignIn
from kzero_scim.clients.tls import ssl_context
from kzero_scim.errors import GraphError, SettingsError
from tests.contract.local_entra import LocalEntra

Json = dict[str, Any]


class _SignedIn:
    tenant_id = "t"

    def __init__(self) -> None:
        self.rejected: list[str] = []

    async def token(self, rejected: str | None = None) -> str:
        if rejected is not None:
            self.rejected.append(rejected)
        return f"token{len(self.rejected)}"

    async def cloud(self) -> Cloud:
        return Cloud(name="test", login="https://login.test", graph="https://graph.test")


class Script:
    """A Graph that returns the given answers in order and repeats the last one."""

    def __init__(self, *answers: httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]) -> None:
        """Store the answers."""
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        self.time = 0.0
        self.sign_in = _SignedIn()
        self.client = GraphClient(
            cast("SignIn", self.sign_in),
            http=httpx.AsyncClient(transport=httpx.MockTransport(self._answer)),
            policy=replace(RETRIES, chance=lambda: 0.0),
            sleep=self._sleep,
            clock=lambda: self.time,
        )

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def _json(document: object, status: int = 200, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, json=document, headers=headers)


def _refusal(status: int, headers: dict[str, str] | None = None) -> httpx.Response:
    return _json({"error": {"code": "Odd", "message": "No."}}, status, headers)


async def test_a_request_says_who_asks() -> None:
    """A request carries the token, the User-Agent and an id of its own."""
    script = Script(_json({"id": "1"}))

    assert await script.client.get("/users/a%23b", {"$select": "id"}) == {"id": "1"}

    (request,) = script.requests
    assert str(request.url) == "https://graph.test/v1.0/users/a%23b?%24select=id"
    assert request.headers["Authorization"] == "Bearer token0"
    assert request.headers["User-Agent"].startswith("kzero-scim/")
    assert len(request.headers["client-request-id"]) == 36


@pytest.mark.parametrize("status", [408, 424, 429, 500, 502, 503, 504])
async def test_momentary_refusals_are_waited_out(status: int) -> None:
    """The client waits and repeats after a temporary refusal, as long as Retry-After asks."""
    script = Script(_refusal(status, {"Retry-After": "7"}), _refusal(status), _json({"id": "1"}))

    assert await script.client.get("/x") == {"id": "1"}
    assert script.waits == [7.0, 0.5]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 423])
async def test_final_refusals_are_not_repeated(status: int) -> None:
    """A final refusal is not repeated; the error has its status and code."""
    script = Script(_refusal(status))

    with pytest.raises(GraphError) as caught:
        await script.client.get("/x")

    assert (caught.value.status, caught.value.code, len(script.requests)) == (status, "Odd", 1)


async def test_attempts_are_limited_and_counted() -> None:
    """The client gives up after six attempts, and the error says so."""
    script = Script(_refusal(503))

    with pytest.raises(GraphError, match="tried 6 times"):
        await script.client.get("/x")

    assert len(script.requests) == 6


async def test_an_endless_retry_after_is_not_obeyed() -> None:
    """The client does not wait an hour; the error says how long Graph asks to wait."""
    script = Script(_refusal(429, {"Retry-After": "3600"}))

    with pytest.raises(GraphError, match=r"throttling.*Graph asks to wait 3600 s"):
        await script.client.get("/x")

    assert script.waits == []


async def test_a_lost_answer_to_a_creation_is_not_repeated() -> None:
    """A creation is not repeated after a lost answer, because it may have succeeded."""
    for lost in (httpx.ReadError("reset"), _refusal(500), _refusal(504)):
        script = Script(lost)
        with pytest.raises(GraphError):
            await script.client.post("/servicePrincipals/x/synchronization/jobs", {})
        assert len(script.requests) == 1


async def test_a_creation_that_certainly_did_not_happen_is_repeated() -> None:
    """A creation is repeated after throttling, 503 or a failed connection."""
    for harmless in (_refusal(429), _refusal(503), httpx.ConnectError("refused"), httpx.ConnectTimeout("late")):
        script = Script(harmless, _json({"id": "1"}, 201))
        assert await script.client.post("/servicePrincipals/x/synchronization/jobs", {}) == {"id": "1"}


async def test_a_lost_answer_to_a_command_is_repeated() -> None:
    """A command is repeated after a lost answer: to start a job twice does no harm."""
    script = Script(httpx.ReadError("reset"), httpx.Response(204))

    assert await script.client.post("/servicePrincipals/x/synchronization/jobs/j/start") is None
    assert len(script.requests) == 2


async def test_a_rejected_token_is_renewed_once() -> None:
    """A rejected token is renewed once; a second 401 is an error."""
    script = Script(_refusal(401), _json({"id": "1"}))
    assert await script.client.get("/x") == {"id": "1"}
    assert script.requests[1].headers["Authorization"] == "Bearer token1"

    script = Script(_refusal(401))
    with pytest.raises(GraphError, match="does not accept the token"):
        await script.client.get("/x")
    assert script.sign_in.rejected == ["token0"]


async def test_redirects_are_not_followed() -> None:
    """The client follows no redirect, which would carry the token away."""
    script = Script(httpx.Response(302, headers={"Location": "https://evil.test/"}))

    with pytest.raises(GraphError, match="redirects are not followed"):
        await script.client.get("/x")

    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<p>proxy</p>"),
        httpx.Response(200, json=[1]),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(200),
    ],
)
async def test_what_is_no_json_object_is_an_error(answer: httpx.Response) -> None:
    """A proxy's page, a list, invalid bytes and an empty body are errors."""
    with pytest.raises(GraphError, match="instead of a JSON object"):
        await Script(answer).client.get("/x")


async def test_a_flood_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer above the size limit is an error."""
    monkeypatch.setattr(answers, "LARGEST", 1024**2)
    script = Script(httpx.Response(200, content=b" " * (1024**2 + 1)))

    with pytest.raises(GraphError, match="more than 1 MB"):
        await script.client.get("/x")


async def test_pages_are_followed_within_graph() -> None:
    """The client follows the address of the next page unchanged."""
    following = "https://graph.test/v1.0/users?$skiptoken=a%20b"
    script = Script(_json({"value": [{"id": "1"}], "@odata.nextLink": following}), _json({"value": [{"id": "2"}]}))

    assert await script.client.pages("/users") == [{"id": "1"}, {"id": "2"}]
    assert script.requests[1].url.query == b"$skiptoken=a%20b"


@pytest.mark.parametrize("link", ["https://evil.test/v1.0/users", "http://graph.test/v1.0/users", "/users", 7])
async def test_a_page_elsewhere_never_gets_the_token(link: object) -> None:
    """A next page on another server, with another scheme or without an address is an error."""
    script = Script(_json({"value": [], "@odata.nextLink": link}))

    with pytest.raises(GraphError, match="a next page on another server"):
        await script.client.pages("/users")

    assert len(script.requests) == 1


async def test_equal_questions_share_one_answer_for_a_moment() -> None:
    """Equal reads within a second share one request, each with its own copy; a write ends it."""
    script = Script(lambda _: _json({"list": [1]}))
    first, second = await asyncio.gather(script.client.get("/x"), script.client.get("/x"))
    first["list"].append(2)
    assert second == {"list": [1]}
    script.time = 0.9
    assert await script.client.get("/x") == {"list": [1]}
    assert len(script.requests) == 1

    await script.client.get("/x", fresh=True)
    assert len(script.requests) == 2
    await script.client.get("/x", {"$select": "list"})
    assert len(script.requests) == 3
    script.time = 2.0
    await script.client.get("/x")
    assert len(script.requests) == 4
    await script.client.put("/y", {})
    await script.client.get("/x")
    assert len(script.requests) == 6


async def test_a_refusal_is_not_shared() -> None:
    """A refusal is not reused, so that a caller waiting for an object sees it appear."""
    script = Script(_refusal(404), _refusal(404), _json({"id": "1"}))

    assert await script.client.consistent(lambda: script.client.get("/x")) == {"id": "1"}
    assert script.waits == [0.5, 1.0]


async def test_waiting_for_consistency_ends() -> None:
    """Waiting ends with the last refusal, and immediately for another status."""
    script = Script(_refusal(404))
    with pytest.raises(GraphError):
        await script.client.consistent(lambda: script.client.get("/x"), within=10)
    assert sum(script.waits) <= 10

    script = Script(_refusal(403))
    with pytest.raises(GraphError):
        await script.client.consistent(lambda: script.client.get("/x"))
    assert script.waits == []


async def test_deleting_what_is_gone_is_no_error_on_request() -> None:
    """Deleting a missing object is an error unless ``missing_ok`` is set."""
    await Script(_refusal(404)).client.delete("/x", missing_ok=True)
    with pytest.raises(GraphError):
        await Script(_refusal(404)).client.delete("/x")


def _batch(request: httpx.Request, special: dict[str, Json] | None = None) -> httpx.Response:
    """Answer a batch in reverse order with 200 and the path, or once with the special answer of a path."""
    entries = json.loads(request.content)["requests"]
    assert len(entries) <= 20
    once = {} if special is None else special
    usual = [{"status": 200, "body": {"id": entry["url"]}} for entry in entries]
    answers = [
        {"id": entry["id"], **once.pop(entry["url"], other)} for entry, other in zip(entries, usual, strict=True)
    ]
    return _json({"responses": answers[::-1]})


async def test_batches_hold_twenty_and_keep_the_order() -> None:
    """A batch has at most 20 requests, and the answers keep the requests' order."""
    script = Script(_batch)

    answers = await script.client.batch([BatchRequest("GET", f"/users/{number}") for number in range(45)])

    assert [answer.body["id"] for answer in answers] == [f"/users/{number}" for number in range(45)]
    assert len(script.requests) == 3


async def test_only_what_was_refused_in_a_batch_is_sent_again() -> None:
    """Only temporarily refused requests are repeated, after the longest wait asked for."""
    special: dict[str, Json] = {
        "/users/1": {"status": 429, "headers": {"Retry-After": "4"}, "body": {}},
        "/users/2": {"status": 503, "headers": {"retry-after": "9"}},
        "/users/3": {"status": 404, "body": {"error": {"code": "Request_ResourceNotFound", "message": "No."}}},
    }
    script = Script(lambda request: _batch(request, special))
    requests = [BatchRequest("GET", f"/users/{number}") for number in range(5)]

    answers = await script.client.batch(requests)

    assert [answer.status for answer in answers] == [200, 200, 200, 404, 200]
    assert script.waits == [9.0]
    assert [entry["url"] for entry in json.loads(script.requests[1].content)["requests"]] == ["/users/1", "/users/2"]
    assert "cannot look up user 3: Microsoft Graph answered 404" in str(script.client.error(requests[3], answers[3]))


async def test_a_batch_without_all_its_answers_is_an_error() -> None:
    """A batch with a missing answer is an error."""
    with pytest.raises(GraphError, match="1 answers are missing"):
        await Script(_json({"responses": []})).client.batch([BatchRequest("GET", "/users/1")])


async def test_a_lost_batch_with_creations_is_not_repeated() -> None:
    """A lost batch is repeated if it only reads, and not if it creates something."""
    creation = BatchRequest("POST", "/servicePrincipals/x/synchronization/jobs", {})
    script = Script(httpx.ReadError("reset"), _batch)
    with pytest.raises(GraphError):
        await script.client.batch([creation])

    script = Script(httpx.ReadError("reset"), _batch)
    assert (await script.client.batch([BatchRequest("GET", "/users/1")]))[0].ok


# --- with a real login ------------------------------------------------------------------------------------------------


async def test_a_client_signs_in_once(entra: LocalEntra) -> None:
    """Many reads cause one request each for metadata, the login's description and a token."""
    graph = entra.graph()

    await asyncio.gather(*(graph.get(f"/users/{user.id}") for user in entra.organisation.users))
    await graph.aclose()

    asked = [path for _, path in entra.requests()]
    assert sum(path.endswith("/token") for path in asked) == 1
    assert sum(path.startswith("/metadata") for path in asked) == 1
    assert len(asked) == len(entra.organisation.users) + 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"client_secret": "guessed"}, "AADSTS7000215"),
        ({"client_id": "00000000-0000-4000-8000-000000000001"}, "AADSTS700016"),
        (
            {"tenant_id": "00000000-0000-4000-8000-000000000002"},
            "does not know the tenant; correct azuread:tenantId or ARM_TENANT_ID",
        ),
        ({"metadata_host": "localhost:1"}, "metadata host localhost:1 cannot be reached"),
    ],
)
async def test_wrong_credentials_are_explained(entra: LocalEntra, changes: dict[str, str], said: str) -> None:
    """Wrong credentials give one line with the cause and without the secret."""
    graph = GraphClient.from_config(entra.config(**changes))

    with pytest.raises(GraphError) as caught:
        await graph.get("/organization")
    await graph.aclose()

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "guessed" not in str(caught.value)


async def test_a_misspelt_metadata_host_is_refused(entra: LocalEntra) -> None:
    """A metadata host that is an address instead of host and port is refused."""
    graph = GraphClient.from_config(entra.config(metadata_host="https://localhost:1/x"))

    with pytest.raises(SettingsError, match=r"is malformed; set ARM_METADATA_HOSTNAME to host or host:port"):
        await graph.get("/organization")
    await graph.aclose()


async def test_an_untrusted_certificate_is_named(entra: LocalEntra, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for an untrusted certificate says what to set."""
    monkeypatch.delenv("SSL_CERT_FILE")
    graph = GraphClient.from_config(entra.config())

    with pytest.raises(GraphError, match=r"certificate of metadata host .* is not trusted.*set SSL_CERT_FILE"):
        await graph.get("/organization")
    await graph.aclose()


async def test_a_missing_permission_is_named(entra: LocalEntra) -> None:
    """The error names the missing permission, as the sandbox's Graph enforces a token's roles."""
    graph = entra.graph("without-User.Read.All")

    with pytest.raises(GraphError, match=r"grant the application permission User\.Read\.All") as caught:
        await graph.get("/users")
    await graph.aclose()

    assert caught.value.status == 403


async def test_a_pipeline_signs_in_without_a_secret(entra: LocalEntra, tmp_path: Path) -> None:
    """A pipeline signs in with an id token, given directly or in a file."""
    seed = entra.organisation.client("admin")
    async with httpx.AsyncClient(verify=ssl_context()) as http:
        answer = await http.post(f"https://{entra.host}/sandbox/oidc-token", json={"subject": seed.federated_subject})
    token = next(value for value in answer.json().values() if str(value).count(".") == 2)
    file = tmp_path / "token"
    file.write_text(f"{token}\n", encoding="utf-8")

    for given in ({"oidc_token": token}, {"oidc_token_file_path": str(file)}):
        graph = GraphClient.from_config(entra.config(client_secret=None, use_oidc=True, **given))
        assert (await graph.get("/organization"))["value"]
        await graph.aclose()

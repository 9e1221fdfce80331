"""Services that ignore a filter: no caller takes a stranger in the answer for what it asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from kzero_scim.clients.keycloak.client import KeycloakClient
from kzero_scim.clients.keycloak.session import Credentials
from kzero_scim.clients.retries import ONCE
from kzero_scim.entra.enterprise_application import NON_GALLERY_TEMPLATE
from kzero_scim.errors import AdoptionError, GraphError, KeycloakError
from kzero_scim.provider.change_authors import Attribution
from kzero_scim.provider.directory.principals import resolve, users_by_id
from kzero_scim.provider.provisioning_log import read_log
from kzero_scim.resource.reading import Absent, Present, Unknown
from kzero_scim.tenant.adopt import candidates
from tests.contract.scripted_graph import Json, ScriptedGraph
from tests.unit.clients.test_keycloak_session import token

STRANGER = "99999999-0000-4000-8000-000000000009"
WANTED = "22222222-0000-4000-8000-000000000001"


@dataclass
class Unfiltered(ScriptedGraph):
    """A Graph that answers every list with the same rows."""

    rows: list[Json] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request or a batch."""
        self.asked.append((request.method, request.url.path))
        if request.url.path.endswith("/$batch"):
            asked = json.loads(request.content)["requests"]
            answers = [{"id": item["id"], "status": 200, "body": {"value": self.rows}} for item in asked]
            return httpx.Response(200, json={"responses": answers})
        return httpx.Response(200, json={"value": self.rows})


class Kzero:
    """A Keycloak that answers every search for users with the same rows."""

    def __init__(self, *names: str | None) -> None:
        """Use these user names."""
        self.rows = [{"id": f"k-{name}", "username": name} for name in names]
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        if request.url.path.endswith("/token"):
            return token(1, "view-users")
        self.asked.append(str(request.url))
        return httpx.Response(200, json=self.rows)

    @property
    def client(self) -> KeycloakClient:
        """The client of this server."""
        credentials = Credentials(client_id="kzero-scim", client_secret="secret-4711")
        return KeycloakClient("https://kzero.test", credentials, transport=httpx.MockTransport(self), policy=ONCE)


@pytest.mark.parametrize("name", ["", " ", "\t"])
async def test_an_empty_user_name_is_refused(name: str) -> None:
    """KZero is not asked for a user without a name, because it would answer with all users."""
    kzero = Kzero("admin")
    with pytest.raises(KeycloakError, match="user name is empty"):
        await kzero.client.find_user("Contoso", name)
    assert kzero.asked == []


async def test_a_user_of_another_name_is_not_the_one_asked_for() -> None:
    """A row with another name is not the user, and without further rows the user does not exist."""
    assert await Kzero("admin").client.find_user("Contoso", "alex@contoso.example") == Absent()
    assert await Kzero(None).client.find_user("Contoso", "alex@contoso.example") == Absent()


async def test_the_row_of_the_name_is_found_among_others() -> None:
    """The user is found wherever it is in the answer, in any case."""
    found = await Kzero("admin", "alex@contoso.example").client.find_user("Contoso", "Alex@contoso.example")
    assert isinstance(found, Present)
    assert found.value["username"] == "alex@contoso.example"


@pytest.mark.parametrize(
    ("names", "reason"),
    [(("admin", "blair"), "filter has no effect"), (("alex", "Alex"), "several users of that name")],
)
async def test_an_answer_that_says_nothing_about_the_user_is_unknown(names: tuple[str, ...], reason: str) -> None:
    """If KZero ignores the filter, or several users have the name, it is unknown whether the user exists."""
    found = await Kzero(*names).client.find_user("Contoso", "alex")
    assert isinstance(found, Unknown)
    assert reason in found.reason


@pytest.mark.parametrize(
    "path", ["/users/", "/servicePrincipals//synchronization/jobs", "/applications/../users", "/users/./manager"]
)
async def test_graph_is_not_asked_for_an_object_without_an_id(path: str) -> None:
    """A path with an empty ID is refused before any request, alone and in a batch."""
    graph = Unfiltered()
    client = graph.services().graph
    for asked in (client.get(path), client.pages(path), client.post(path, {}), client.delete(path)):
        with pytest.raises(GraphError, match="empty or dots"):
            await asked
    assert graph.asked == []


async def test_users_are_found_by_their_own_ids() -> None:
    """A user with another ID in the answer is left out."""
    graph = Unfiltered(rows=[{"id": STRANGER}, {"id": WANTED.upper()}])
    assert await users_by_id(graph.services().graph, [WANTED], "id") == [{"id": WANTED.upper()}]


async def test_a_hint_names_only_the_owner_of_the_email_address() -> None:
    """The name of a user with another email address is not suggested."""
    graph = Unfiltered(rows=[{"id": STRANGER, "userPrincipalName": "blair@contoso.example", "mail": "b@c.example"}])
    found = await resolve(graph.services().graph, ["alex@contoso.example"], [])
    assert len(found.problems) == 1
    assert "blair" not in found.problems[0]


async def test_entries_of_other_jobs_are_not_this_jobs_errors() -> None:
    """An entry of another job in the provisioning log is left out."""
    failure: dict[str, Any] = {
        "sourceIdentity": {"id": STRANGER, "displayName": "someone"},
        "provisioningStatusInfo": {"status": "failure"},
        "activityDateTime": "2026-11-24T08:00:00Z",
    }
    rows = [failure | {"jobId": "scim.other"}, failure | {"jobId": "SCIM.mine", "sourceIdentity": {"id": WANTED}}]
    log = await read_log(Unfiltered(rows=rows).services().graph, "scim.mine", now=datetime(2026, 11, 24, tzinfo=UTC))
    assert [item.id for item in log.in_error] == [WANTED]


async def test_the_order_of_the_answer_does_not_decide_what_is_latest() -> None:
    """An older failure after a newer success, in a log that ignores the order asked for, is no error."""

    def entry(status: str, at: str) -> Json:
        return {
            "jobId": "scim.mine",
            "sourceIdentity": {"id": WANTED},
            "provisioningStatusInfo": {"status": status},
            "activityDateTime": at,
        }

    older, newer = "2026-11-24T08:00:00Z", "2026-11-24T09:00:00Z"
    for rows, failed in (
        ([entry("failure", older), entry("success", newer)], 0),
        ([entry("success", older), entry("failure", newer)], 1),
    ):
        graph = Unfiltered(rows=rows).services().graph
        log = await read_log(graph, "scim.mine", now=datetime(2026, 11, 24, tzinfo=UTC))
        assert len(log.in_error) == failed


async def test_changes_of_other_objects_have_other_authors() -> None:
    """An audit entry about another object does not name who changed this one."""
    entry = {
        "activityDisplayName": "Update application",
        "activityDateTime": "2026-11-24T08:00:00Z",
        "initiatedBy": {"user": {"userPrincipalName": "casey@contoso.example"}},
    }
    other = entry | {"targetResources": [{"id": STRANGER}]}
    mine = entry | {"targetResources": [{"id": WANTED}]}
    for rows, found in (([other], None), ([other, mine], "casey@contoso.example")):
        event = await Attribution(Unfiltered(rows=rows).services()).in_entra(WANTED, ["Update application"])
        assert (None if event is None else event.who) == found


async def test_adopt_takes_no_other_application() -> None:
    """An application with another name, ID or template is not the one to adopt."""
    row = {"id": STRANGER, "appId": STRANGER, "displayName": "HR", "applicationTemplateId": "other"}
    graph = Unfiltered(rows=[row]).services().graph
    with pytest.raises(AdoptionError, match="no enterprise application is called"):
        await candidates.find_named(graph, "KZero", "https://kzero.test/realms/Contoso/scim/v2")
    named = Unfiltered(rows=[row | {"displayName": "KZero"}]).services().graph
    assert await candidates.find(named, "https://kzero.test/realms/Contoso/scim/v2") == ([], 0)
    right = row | {"displayName": "KZero", "applicationTemplateId": NON_GALLERY_TEMPLATE.upper()}
    found, _ = await candidates.find(Unfiltered(rows=[row, right]).services().graph, "https://kzero.test")
    assert [item.name for item in found] == ["KZero"]

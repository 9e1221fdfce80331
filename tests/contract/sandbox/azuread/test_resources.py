"""Resources of the azuread stand-in in cases that the recordings lack, according to the official plugin's source."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from kzero_sandbox.azuread.resources import RESOURCES

from tests.contract.sandbox.azuread.graph import BASE, ME, Script
from tests.contract.sandbox.azuread.plugin import Plugin, Waits, running, sign_in

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
APPLICATION = "ApplicationFromTemplate"
SERVICE_PRINCIPAL = "ServicePrincipal"
ASSIGNMENT = "AppRoleAssignment"

APP_ID = "20bd7055-3953-409b-af0f-857a2faad1b0"
SP = "/servicePrincipals/b66dfe1b-cee6-4ed4-89c2-564656b4d888"
FILTER = f"GET /v1.0/servicePrincipals?$filter=appId eq '{APP_ID}'"
SP_DOCUMENT = {"id": SP.rsplit("/", 1)[-1], "appId": APP_ID, "accountEnabled": True, "tags": ["HideApp"]}

ROLE_INPUTS = {
    "appRoleId": "18d14569-c3bd-439b-9a66-3a2aee01d14f",
    "principalObjectId": "aaaaaaaa-0000-0000-0000-000000000001",
    "resourceObjectId": SP.rsplit("/", 1)[-1],
}
ROLE_DOCUMENT = {
    "id": "m5J4",
    "appRoleId": ROLE_INPUTS["appRoleId"],
    "principalId": ROLE_INPUTS["principalObjectId"],
    "resourceId": ROLE_INPUTS["resourceObjectId"],
}


@pytest.fixture
def graph() -> Script:
    return Script()


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
async def plugin(graph: Script, waits: Waits, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Plugin]:
    """Yield the configured plugin."""
    sign_in(monkeypatch)
    async with running(graph, waits) as plugin:
        assert "response" in await plugin("Configure", {"args": {}})
        yield plugin


def urn(kind: str, name: str = "x") -> str:
    token = next(token for token in RESOURCES if token.endswith(f":{kind}"))
    return f"urn:pulumi:dev::project::{token}::{name}"


def script_service_principal(graph: Script, document: dict[str, Any]) -> None:
    """Make the service principal readable, without owners."""
    graph.on(f"GET /v1.0{SP}", document)
    graph.on(f"GET /beta{SP}?$select=samlMetadataUrl", document)
    graph.on(f"GET /v1.0{SP}/owners", {"value": []})


class TestApplicationFromTemplate:
    """An application from the gallery."""

    async def test_a_new_application_is_seen_five_times_in_a_row(
        self, plugin: Plugin, graph: Script, waits: Waits
    ) -> None:
        """The plugin reads a new application every 5 seconds, and a miss restarts the count of five."""
        graph.on(
            "POST /v1.0/applicationTemplates/8adf8e6e-67b2-4cf2-a259-e3dc5476c621/instantiate",
            {"application": {"id": "a"}, "servicePrincipal": {"id": "s"}},
        )
        graph.on("GET /v1.0/applications/a", {"id": "a", "displayName": "KZero"})
        graph.missing("GET /v1.0/applications/a")
        graph.on("GET /v1.0/applications/a", {"id": "a", "displayName": "KZero"})
        inputs = {"displayName": "KZero", "templateId": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"}

        answer = await plugin("Create", {"urn": urn(APPLICATION), "properties": inputs})

        assert answer["response"]["properties"]["applicationObjectId"] == "a"
        assert waits.seconds == [5.0] * 6

    async def test_an_answer_without_ids_is_reported(self, plugin: Plugin, graph: Script) -> None:
        """The error names the missing id."""
        path = "POST /v1.0/applicationTemplates/t/instantiate"
        graph.on(path, {"application": {"id": "a"}})
        inputs = {"displayName": "KZero", "templateId": "t"}

        answer = await plugin("Create", {"urn": urn(APPLICATION), "properties": inputs})

        assert "Microsoft Graph's answer lacks servicePrincipal.id" in answer["errors"][0]

    async def test_a_custom_timeout_is_kept_in_the_state(self, plugin: Plugin, graph: Script) -> None:
        """The state contains a custom timeout in nanoseconds, as in the official plugin's private data."""
        graph.done("PATCH /v1.0/applications/a")
        graph.on("GET /v1.0/applications/a", {"id": "a", "displayName": "New"})
        request = {
            "urn": urn(APPLICATION),
            "id": "/applicationTemplates/t/instantiate/a/s",
            "olds": {"displayName": "Old"},
            "news": {"displayName": "New", "templateId": "t"},
            "timeout": 30.0,
        }

        answer = await plugin("Update", request)

        assert '"update":30000000000' in answer["response"]["properties"]["__meta"]

    async def test_another_template_replaces(self, plugin: Plugin) -> None:
        """A change of a property that cannot be changed replaces the resource."""
        request = {
            "urn": urn(APPLICATION),
            "olds": {"displayName": "KZero", "templateId": "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"},
            "news": {"displayName": "KZero", "templateId": UNKNOWN},
        }

        answer = await plugin("Diff", request)

        assert answer["response"] == {
            "changes": "DIFF_SOME",
            "detailedDiff": {"templateId": {"kind": "UPDATE_REPLACE"}},
            "diffs": ["templateId"],
            "hasDetailedDiff": True,
            "replaces": ["templateId"],
            "stables": ["templateId"],
        }

    async def test_ignored_changes_make_no_difference(self, plugin: Plugin) -> None:
        """`ignoreChanges` keeps the current value."""
        request = {
            "urn": urn(APPLICATION),
            "olds": {"displayName": "Renamed outside", "templateId": "t"},
            "news": {"displayName": "KZero", "templateId": "t"},
            "ignoreChanges": ["displayName"],
        }

        answer = await plugin("Diff", request)

        assert answer["response"]["changes"] == "DIFF_NONE"

    async def test_wrong_inputs_are_named(self, plugin: Plugin) -> None:
        """Each failure names its property and the resource."""
        answer = await plugin("Check", {"urn": urn(APPLICATION, "app"), "news": {"templateId": "gallery"}})

        assert answer["response"]["failures"] == [
            {
                "property": "displayName",
                "reason": 'Missing required argument: "displayName" is required, but no definition was found. '
                "Examine values at 'app.displayName'.",
            },
            {
                "property": "templateId",
                "reason": '"templateId" must be a UUID, got "gallery". Examine values at \'app.templateId\'.',
            },
        ]

    async def test_a_foreign_id_cannot_be_imported(self, plugin: Plugin) -> None:
        """The error for an id of another format shows the expected format."""
        answer = await plugin("Read", {"urn": urn(APPLICATION), "id": "nope"})

        assert "instantiate/{application object id}/{service principal object id}" in answer["errors"][0]


class TestServicePrincipal:
    """A service principal, new or adopted."""

    async def test_a_preview_contains_the_programs_values(self, plugin: Plugin) -> None:
        """In a preview, values that the service sets are unknown, and values that no one sets are null."""
        inputs = {"__defaults": [], "accountEnabled": True, "clientId": UNKNOWN, "notes": "by hand"}

        answer = await plugin("Create", {"urn": urn(SERVICE_PRINCIPAL), "properties": inputs, "preview": True})

        planned = answer["response"]["properties"]
        assert "id" not in answer["response"]
        assert planned["notes"] == "by hand"
        assert planned["description"] is None
        assert {planned[name] for name in ("id", "clientId", "objectId", "appRoles", "tags")} == {UNKNOWN}
        assert "__pulumi_raw_state_delta" not in planned

    async def test_a_new_one_is_made_without_the_caller_as_owner(self, plugin: Plugin, graph: Script) -> None:
        """The temporary description and the caller's ownership are removed after the creation."""
        graph.on(FILTER, {"value": []})
        graph.on("POST /v1.0/servicePrincipals", SP_DOCUMENT, status=201)
        graph.done(f"PATCH /v1.0{SP}")
        graph.done(f"DELETE /v1.0{SP}/owners/{ME}/$ref")
        script_service_principal(graph, SP_DOCUMENT)

        answer = await plugin("Create", {"urn": urn(SERVICE_PRINCIPAL), "properties": {"clientId": APP_ID}})

        made, described = graph.bodies
        assert answer["response"]["id"] == SP
        assert made["description"].startswith("TERRAFORM_UPDATE_")
        assert made["owners@odata.bind"] == [f"{BASE}/graph/v1.0/directoryObjects/{ME}"]
        assert described == {"@odata.type": "#microsoft.graph.servicePrincipal", "description": None}
        assert graph.asked[3] == f"DELETE /v1.0{SP}/owners/{ME}/$ref"

    async def test_an_existing_one_is_not_adopted_without_use_existing(self, plugin: Plugin, graph: Script) -> None:
        """Without `useExisting`, the error says how to adopt the existing service principal."""
        graph.on(FILTER, {"value": [SP_DOCUMENT]})

        answer = await plugin("Create", {"urn": urn(SERVICE_PRINCIPAL), "properties": {"clientId": APP_ID}})

        assert f"set useExisting, or import it by {SP}" in answer["errors"][0]
        assert graph.asked == [FILTER]

    async def test_feature_tags_become_tags(self, plugin: Plugin, graph: Script) -> None:
        """A changed block of features is written as tags."""
        graph.done(f"PATCH /v1.0{SP}")
        script_service_principal(graph, SP_DOCUMENT)
        request = {
            "urn": urn(SERVICE_PRINCIPAL),
            "id": SP,
            "olds": {"clientId": APP_ID, "featureTags": [{"enterprise": False, "hide": True}], "tags": ["HideApp"]},
            "news": {"clientId": APP_ID, "featureTags": [{"__defaults": [], "enterprise": True, "hide": True}]},
        }

        await plugin("Update", request)

        assert graph.bodies[0]["tags"] == ["WindowsAzureActiveDirectoryIntegratedApp", "HideApp"]

    async def test_tags_stay_when_the_program_gives_none(self, plugin: Plugin, graph: Script) -> None:
        """An update for another reason writes the current tags."""
        graph.done(f"PATCH /v1.0{SP}")
        script_service_principal(graph, SP_DOCUMENT)
        request = {
            "urn": urn(SERVICE_PRINCIPAL),
            "id": SP,
            "olds": {"clientId": APP_ID, "tags": ["HideApp"]},
            "news": {"clientId": APP_ID, "notes": "new"},
        }

        await plugin("Update", request)

        assert graph.bodies[0]["tags"] == ["HideApp"]
        assert graph.bodies[0]["notes"] == "new"

    async def test_owners_are_added_and_removed(self, plugin: Plugin, graph: Script) -> None:
        """An update only writes the difference between the owners."""
        old, new = "cccccccc-0000-0000-0000-000000000001", "cccccccc-0000-0000-0000-000000000002"
        graph.done(f"PATCH /v1.0{SP}")
        graph.done(f"POST /v1.0{SP}/owners/$ref")
        graph.done(f"DELETE /v1.0{SP}/owners/{old}/$ref")
        graph.on(f"GET /v1.0{SP}/owners", {"value": [{"id": old}]}, {"value": [{"id": new}]})
        graph.on(f"GET /v1.0{SP}", SP_DOCUMENT)
        graph.on(f"GET /beta{SP}?$select=samlMetadataUrl", SP_DOCUMENT)
        request = {
            "urn": urn(SERVICE_PRINCIPAL),
            "id": SP,
            "olds": {"clientId": APP_ID, "owners": [old]},
            "news": {"clientId": APP_ID, "owners": [new]},
        }

        answer = await plugin("Update", request)

        assert graph.bodies[1] == {"@odata.id": f"{BASE}/graph/v1.0/directoryObjects/{new}"}
        assert answer["response"]["properties"]["owners"] == [new]

    async def test_ignored_properties_keep_their_values(self, plugin: Plugin, graph: Script) -> None:
        """An update leaves ignored owners and writes the state's value of other ignored properties."""
        owner = "cccccccc-0000-0000-0000-000000000001"
        graph.done(f"PATCH /v1.0{SP}")
        graph.on(f"GET /v1.0{SP}", SP_DOCUMENT)
        graph.on(f"GET /v1.0{SP}/owners", {"value": [{"id": owner}]})
        graph.on(f"GET /beta{SP}?$select=samlMetadataUrl", SP_DOCUMENT)
        request = {
            "urn": urn(SERVICE_PRINCIPAL),
            "id": SP,
            "olds": {"clientId": APP_ID, "owners": [owner], "notes": "by hand", "loginUrl": "https://old.example"},
            "news": {"clientId": APP_ID, "loginUrl": "https://new.example"},
            "ignoreChanges": ["owners", "notes", "description"],
        }

        await plugin("Update", request)

        assert [each for each in graph.asked if not each.startswith("GET")] == [f"PATCH /v1.0{SP}"]
        assert (graph.bodies[0]["notes"], graph.bodies[0]["loginUrl"]) == ("by hand", "https://new.example")
        assert graph.bodies[0]["description"] is None

    async def test_changes_are_listed_by_element(self, plugin: Plugin) -> None:
        """A diff lists added and removed elements of sets, changed parts of blocks, and removed properties."""
        request = {
            "urn": urn(SERVICE_PRINCIPAL),
            "olds": {
                "clientId": APP_ID,
                "notes": "old",
                "tags": ["a", "b"],
                "features": [{"visibleToUsers": True}],
                "samlSingleSignOn": {"relayState": ""},
            },
            "news": {
                "__defaults": [],
                "clientId": APP_ID,
                "tags": ["b", "c"],
                "features": [{"__defaults": [], "visibleToUsers": False}],
                "owners": ["cccccccc-0000-0000-0000-000000000001"],
            },
        }

        answer = await plugin("Diff", request)

        # An addition is the protocol's zero value, which is not written.
        assert answer["response"]["detailedDiff"] == {
            "features[0].visibleToUsers": {"kind": "UPDATE"},
            "notes": {"kind": "DELETE"},
            "owners": {},
            "tags[0]": {"kind": "DELETE"},
            "tags[1]": {},
        }

    async def test_each_block_lists_its_own_defaults(self, plugin: Plugin) -> None:
        """Each block lists the properties that the plugin filled in."""
        news = {"clientId": APP_ID, "accountEnabled": False, "features": [{"enterpriseApplication": True}]}

        answer = await plugin("Check", {"urn": urn(SERVICE_PRINCIPAL), "news": news})

        block = {"__defaults": ["visibleToUsers"], "enterpriseApplication": True, "visibleToUsers": True}
        assert answer["response"]["inputs"] == {
            "__defaults": [],
            "accountEnabled": False,
            "clientId": APP_ID,
            "features": [block],
        }

    async def test_tags_and_feature_tags_exclude_each_other(self, plugin: Plugin) -> None:
        """The plugin refuses tags together with feature tags, because both write the same property of Graph."""
        news = {"clientId": APP_ID, "tags": ["HideApp"], "featureTags": [{"hide": True}]}

        answer = await plugin("Check", {"urn": urn(SERVICE_PRINCIPAL), "news": news})

        assert {each["property"] for each in answer["response"]["failures"]} == {"tags", "featureTags"}

    async def test_an_import_gives_the_inputs_that_differ_from_the_defaults(
        self, plugin: Plugin, graph: Script
    ) -> None:
        """Of the properties that conflict with each other, an import has only the first by name."""
        script_service_principal(graph, SP_DOCUMENT | {"notes": "by hand"})

        answer = await plugin("Read", {"urn": urn(SERVICE_PRINCIPAL), "id": SP})

        assert answer["response"]["inputs"] == {
            "__defaults": [],
            "clientId": APP_ID,
            "featureTags": [{"__defaults": [], "hide": True}],
            "notes": "by hand",
        }

    async def test_deleting_a_new_one_waits_until_it_is_gone(self, plugin: Plugin, graph: Script, waits: Waits) -> None:
        """A deletion waits until the service principal was not found five times in a row."""
        graph.done(f"DELETE /v1.0{SP}")
        graph.on(f"GET /v1.0{SP}", SP_DOCUMENT)
        graph.missing(f"GET /v1.0{SP}")

        answer = await plugin("Delete", {"urn": urn(SERVICE_PRINCIPAL), "id": SP, "properties": {}})

        assert answer == {"response": {}}
        assert len(graph.asked) == 7
        assert waits.seconds == [5.0] * 5

    async def test_deleting_an_adopted_one_ignores_the_answer(self, plugin: Plugin, graph: Script) -> None:
        """As in the official plugin, deleting an adopted service principal sends one request and ignores the answer."""
        graph.missing(f"DELETE /v1.0{SP}")

        answer = await plugin("Delete", {"urn": urn(SERVICE_PRINCIPAL), "id": SP, "properties": {"useExisting": True}})

        assert answer == {"response": {}}
        assert graph.asked == [f"DELETE /v1.0{SP}"]


class TestAppRoleAssignment:
    """An app role of a user or group."""

    async def test_entra_is_given_time_to_know_a_new_principal(
        self, plugin: Plugin, graph: Script, waits: Waits
    ) -> None:
        """The plugin retries after both answers that Entra gives while it does not know a new principal."""
        unknown = {"code": "Request_BadRequest", "message": "Not a valid reference update."}
        graph.on(f"GET /v1.0{SP}", SP_DOCUMENT)
        graph.missing(f"POST /v1.0{SP}/appRoleAssignedTo")
        graph.on(f"POST /v1.0{SP}/appRoleAssignedTo", {"error": unknown}, status=400)
        graph.on(f"POST /v1.0{SP}/appRoleAssignedTo", ROLE_DOCUMENT, status=201)
        graph.on(f"GET /v1.0{SP}/appRoleAssignedTo/m5J4", ROLE_DOCUMENT)

        answer = await plugin("Create", {"urn": urn(ASSIGNMENT), "properties": ROLE_INPUTS})

        assert answer["response"]["id"] == f"{SP}/appRoleAssignedTo/m5J4"
        assert waits.seconds == [1.0, 2.0]

    async def test_a_refusal_of_graph_is_reported(self, plugin: Plugin, graph: Script) -> None:
        """The error contains request, status, code and message in one line."""
        denied = {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}
        graph.on(f"GET /v1.0{SP}", SP_DOCUMENT)
        graph.on(f"POST /v1.0{SP}/appRoleAssignedTo", {"error": denied}, status=403)

        answer = await plugin("Create", {"urn": urn(ASSIGNMENT), "properties": ROLE_INPUTS})

        assert answer["errors"] == [
            (
                f"rpc error: code = Unknown desc = POST /v1.0{SP}/appRoleAssignedTo: "
                "Microsoft Graph answered 403 Authorization_RequestDenied: Insufficient privileges."
            )
        ]

    async def test_a_lost_assignment_after_creation_is_an_error(self, plugin: Plugin, graph: Script) -> None:
        """The creation fails if the assignment cannot be read afterwards."""
        graph.on(f"GET /v1.0{SP}", SP_DOCUMENT)
        graph.on(f"POST /v1.0{SP}/appRoleAssignedTo", ROLE_DOCUMENT, status=201)
        graph.missing(f"GET /v1.0{SP}/appRoleAssignedTo/m5J4")

        answer = await plugin("Create", {"urn": urn(ASSIGNMENT), "properties": ROLE_INPUTS})

        assert f"{SP}/appRoleAssignedTo/m5J4 was written, but Microsoft Graph does not find it" in answer["errors"][0]

    async def test_a_resource_inside_a_component_is_recognised(self, plugin: Plugin) -> None:
        """The plugin finds a resource's type in a URN that also contains the component's type."""
        token = next(token for token in RESOURCES if token.endswith(ASSIGNMENT))
        inside = f"urn:pulumi:dev::project::kzero:components:Tenant${token}::user"

        answer = await plugin("Check", {"urn": inside, "news": ROLE_INPUTS})

        assert answer["response"]["inputs"] == ROLE_INPUTS | {"__defaults": []}


async def test_other_resources_are_refused(plugin: Plugin) -> None:
    """The error for a resource that the stand-in lacks says so."""
    other = "urn:pulumi:dev::project::azuread:index/group:Group::x"

    answer = await plugin("Check", {"urn": other, "news": {}})

    assert "azuread:index/group:Group is not part of the offline stand-in" in answer["errors"][0]

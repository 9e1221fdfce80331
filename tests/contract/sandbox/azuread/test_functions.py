"""Functions of the azuread stand-in in cases that the recordings lack, according to the official plugin's source."""

from collections.abc import AsyncIterator

import pytest
from kzero_sandbox.azuread.functions.user import SELECT

from tests.contract.sandbox.azuread.graph import Script
from tests.contract.sandbox.azuread.plugin import TENANT, Plugin, running, sign_in

TEMPLATE = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
GROUP = {"id": "g", "displayName": "KZero users", "securityEnabled": True, "groupTypes": []}


@pytest.fixture
def graph() -> Script:
    return Script()


@pytest.fixture
async def plugin(graph: Script, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Plugin]:
    """Yield the configured plugin."""
    sign_in(monkeypatch)
    async with running(graph) as plugin:
        assert "response" in await plugin("Configure", {"args": {}})
        yield plugin


def named(function: str) -> str:
    return f"azuread:index/{function}:{function}"


async def test_a_group_is_found_by_its_id_with_all_its_members(plugin: Plugin, graph: Script) -> None:
    """`getGroup` reads all pages of members, and includes indirect members if requested."""
    graph.on("GET /beta/groups/g", GROUP)
    following = "https://localhost:18443/graph/beta/groups/g/transitiveMembers?$skiptoken=2"
    graph.on("GET /beta/groups/g/transitiveMembers", {"value": [{"id": "a"}], "@odata.nextLink": following})
    graph.on("GET /beta/groups/g/transitiveMembers?$skiptoken=2", {"value": [{"id": "b"}]})
    graph.on("GET /beta/groups/g/owners", {"value": [{"id": "o"}]})
    args = {"objectId": "g", "includeTransitiveMembers": True}

    answer = await plugin("Invoke", {"tok": named("getGroup"), "args": args})

    group = answer["response"]["return"]
    assert group["members"] == ["a", "b"]
    assert group["owners"] == ["o"]
    assert group["includeTransitiveMembers"] is True


async def test_a_microsoft_365_group_is_read_with_more_properties(plugin: Plugin, graph: Script) -> None:
    """`getGroup` selects the properties that Graph only returns by name for Microsoft 365 groups."""
    graph.on("GET /beta/groups/g", GROUP | {"groupTypes": ["Unified"], "membershipRule": "user.city -eq 'Paris'"})
    select = "allowExternalSenders,autoSubscribeNewMembers,hideFromAddressLists,hideFromOutlookClients"
    graph.on(f"GET /beta/groups/g?$select={select}", {"allowExternalSenders": True})
    graph.on("GET /beta/groups/g/members", {"value": []})
    graph.on("GET /beta/groups/g/owners", {"value": []})

    answer = await plugin("Invoke", {"tok": named("getGroup"), "args": {"objectId": "g"}})

    group = answer["response"]["return"]
    assert group["externalSendersAllowed"] is True
    assert group["dynamicMemberships"] == [{"enabled": True, "rule": "user.city -eq 'Paris'"}]


async def test_a_group_of_the_wrong_kind_is_refused(plugin: Plugin, graph: Script) -> None:
    """`getGroup` refuses a group that does not have the requested flags."""
    graph.on("GET /beta/groups/g", GROUP)

    answer = await plugin("Invoke", {"tok": named("getGroup"), "args": {"objectId": "g", "securityEnabled": False}})

    assert "does not have the specified securityEnabled setting (expected: False, actual: True)" in answer["errors"][0]


async def test_two_groups_of_one_name_are_refused(plugin: Plugin, graph: Script) -> None:
    """`getGroup` refuses a display name that several groups have."""
    graph.on("GET /beta/groups?$filter=displayName eq 'O''Neil'", {"value": [GROUP, GROUP]})

    answer = await plugin("Invoke", {"tok": named("getGroup"), "args": {"displayName": "O'Neil"}})

    assert "More than one group found" in answer["errors"][0]
    assert TENANT in answer["errors"][0]


async def test_a_user_has_a_manager_and_an_organisation(plugin: Plugin, graph: Script) -> None:
    """`getUser` finds a user by object id and reads the manager with a separate request."""
    user = {"id": "u", "displayName": "Adele Vance", "employeeOrgData": {"costCenter": "7", "division": None}}
    graph.on("GET /v1.0/users/u", user)
    graph.on(f"GET /v1.0/users/u?$select={SELECT}", user)
    graph.on("GET /v1.0/users/u/manager", {"id": "m"})

    answer = await plugin("Invoke", {"tok": named("getUser"), "args": {"objectId": "u"}})

    found = answer["response"]["return"]
    assert found["managerId"] == "m"
    assert found["costCenter"] == "7"
    assert found["division"] == ""


@pytest.mark.parametrize(
    ("args", "where"),
    [
        ({"mail": "a@contoso.com"}, "mail eq 'a@contoso.com'"),
        ({"mailNickname": "adele"}, "mailNickname eq 'adele'"),
        ({"employeeId": "17"}, "employeeId eq '17'"),
    ],
)
async def test_a_missing_user_is_named(plugin: Plugin, graph: Script, args: dict[str, str], where: str) -> None:
    """The error names the value that the program searched for."""
    graph.on(f"GET /v1.0/users?$filter={where}", {"value": []})

    answer = await plugin("Invoke", {"tok": named("getUser"), "args": args})

    assert "No user found with" in answer["errors"][0]
    assert next(iter(args.values())) in answer["errors"][0]


async def test_a_template_is_found_by_name(plugin: Plugin, graph: Script) -> None:
    """Values that Graph omits are empty in the result."""
    template = {"id": TEMPLATE, "displayName": "Custom", "homePageUrl": None, "categories": ["hr"]}
    graph.on("GET /v1.0/applicationTemplates?$filter=displayName eq 'Custom'", {"value": [template]})

    answer = await plugin("Invoke", {"tok": named("getApplicationTemplate"), "args": {"displayName": "Custom"}})

    assert answer["response"]["return"] == {
        "categories": ["hr"],
        "displayName": "Custom",
        "homepageUrl": "",
        "id": TEMPLATE,
        "logoUrl": "",
        "publisher": "",
        "supportedProvisioningTypes": [],
        "supportedSingleSignOnModes": [],
        "templateId": TEMPLATE,
    }


async def test_a_service_principal_is_found_by_client_id(plugin: Plugin, graph: Script) -> None:
    """The names do not include the application id, and the role map omits roles without a value."""
    role = {"id": "r", "displayName": "Admin", "value": "admin", "isEnabled": True, "allowedMemberTypes": ["User"]}
    document = {
        "id": "s",
        "appId": "C",
        "servicePrincipalNames": ["c", "https://kzero.example"],
        "appRoles": [role, role | {"id": "n", "value": None}],
        "samlSingleSignOnSettings": {"relayState": "/home"},
    }
    graph.on("GET /v1.0/servicePrincipals?$filter=appId eq 'C'", {"value": [document]})
    graph.on("GET /beta/servicePrincipals/s?$select=samlMetadataUrl", {"samlMetadataUrl": "https://saml.example"})

    answer = await plugin("Invoke", {"tok": named("getServicePrincipal"), "args": {"clientId": "C"}})

    found = answer["response"]["return"]
    assert found["servicePrincipalNames"] == ["https://kzero.example"]
    assert found["appRoleIds"] == {"admin": "r"}
    assert found["samlMetadataUrl"] == "https://saml.example"
    assert found["samlSingleSignOns"] == [{"relayState": "/home"}]


async def test_an_application_shows_all_its_blocks(plugin: Plugin, graph: Script) -> None:
    """`getApplication` finds an application by identifier URI; blocks that Graph returns as null are empty lists."""
    application = {
        "id": "a",
        "appId": "c",
        "api": {"requestedAccessTokenVersion": None, "oauth2PermissionScopes": [{"id": "p", "value": "read"}]},
        "groupMembershipClaims": None,
        "info": {"logoUrl": None, "supportUrl": "https://help.example"},
        "optionalClaims": {"idToken": [{"name": "upn", "essential": True}]},
        "requiredResourceAccess": [{"resourceAppId": "g", "resourceAccess": [{"id": "x", "type": "Role"}]}],
        "web": None,
        "spa": {"redirectUris": ["https://spa.example"]},
    }
    graph.on("GET /v1.0/applications?$filter=identifierUris/any(uri:uri eq 'api://kzero')", {"value": [application]})
    graph.on("GET /beta/applications/a?$select=oauth2RequirePostResponse", {"oauth2RequirePostResponse": True})
    graph.on("GET /v1.0/applications/a/owners", {"value": [{"id": "o"}]})

    answer = await plugin("Invoke", {"tok": named("getApplication"), "args": {"identifierUri": "api://kzero"}})

    found = answer["response"]["return"]
    claim = {"additionalProperties": [], "essential": True, "name": "upn", "source": ""}
    assert found["apis"][0]["requestedAccessTokenVersion"] == 1
    assert found["oauth2PermissionScopeIds"] == {"read": "p"}
    assert found["groupMembershipClaims"] == []
    assert (found["logoUrl"], found["supportUrl"]) == ("", "https://help.example")
    assert found["optionalClaims"] == [{"accessTokens": [], "idTokens": [claim], "saml2Tokens": []}]
    assert found["requiredResourceAccesses"][0]["resourceAccesses"] == [{"id": "x", "type": "Role"}]
    assert found["webs"] == []
    assert found["singlePageApplications"] == [{"redirectUris": ["https://spa.example"]}]
    assert found["oauth2PostResponseRequired"] is True
    assert found["owners"] == ["o"]


async def test_domains_are_filtered_here(plugin: Plugin, graph: Script) -> None:
    """`getDomains` filters the domains itself and returns unverified domains only on request."""
    initial = {"id": "x.onmicrosoft.com", "isInitial": True, "isVerified": True, "supportedServices": ["Email"]}
    draft = {"id": "draft.example", "isInitial": False, "isVerified": False, "supportedServices": []}
    graph.on("GET /v1.0/domains", {"value": [initial, draft]})

    verified = await plugin("Invoke", {"tok": named("getDomains"), "args": {}})
    every = await plugin("Invoke", {"tok": named("getDomains"), "args": {"includeUnverified": True}})
    mail = await plugin("Invoke", {"tok": named("getDomains"), "args": {"supportsServices": ["Yammer"]}})

    assert [each["domainName"] for each in verified["response"]["return"]["domains"]] == ["x.onmicrosoft.com"]
    assert len(every["response"]["return"]["domains"]) == 2
    assert "no domains found for the provided filters" in mail["errors"][0]


@pytest.mark.parametrize(
    "function", ["getApplication", "getApplicationTemplate", "getGroup", "getServicePrincipal", "getUser"]
)
async def test_a_look_up_of_nothing_is_refused(plugin: Plugin, graph: Script, function: str) -> None:
    """A function without search arguments fails without a request to Graph."""
    answer = await plugin("Invoke", {"tok": named(function), "args": {}})

    assert f"{function}: one of" in answer["errors"][0]
    assert graph.asked == []


async def test_other_functions_are_refused(plugin: Plugin) -> None:
    """A function that the stand-in lacks fails with an error that says so."""
    answer = await plugin("Invoke", {"tok": named("getUsers"), "args": {}})

    assert f"{named('getUsers')} is not part of the offline stand-in" in answer["errors"][0]

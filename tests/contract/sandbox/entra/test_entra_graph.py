"""The directory side of the local Graph: queries, pages, batches, objects, errors, and the sandbox's faults."""

import base64

import httpx
import pytest
from kzero_sandbox.entra.application_template import NON_GALLERY_TEMPLATE, USER_ROLE
from kzero_sandbox.organisation import GLOBAL_ADMINISTRATOR

from tests.contract.sandbox.entra.world import Application, Entra, Json

ADVANCED = {"ConsistencyLevel": "eventual"}


def _names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["userPrincipalName"] for item in answer.json()["value"]]


# --- queries --------------------------------------------------------------------------------------------------------


def test_users_without_select_have_the_default_properties_only(entra: Entra) -> None:
    """As in Microsoft Graph v1.0, accountEnabled and userType are only returned if they are selected."""
    answer = entra.http.get("/v1.0/users/alex@contoso.example")

    assert set(answer.json()) == {
        "@odata.context", "businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone",
        "officeLocation", "preferredLanguage", "surname", "userPrincipalName",
    }  # fmt: skip


def test_select_returns_the_selected_properties(entra: Entra) -> None:
    """Extension attributes are nested as in Graph."""
    query = {"$select": "id,accountEnabled,onPremisesExtensionAttributes"}
    body = entra.http.get("/v1.0/users/morgan@contoso.example", params=query).json()

    assert body["accountEnabled"] is True
    assert body["onPremisesExtensionAttributes"]["extensionAttribute1"] == "board"
    assert "displayName" not in body


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("$filter=userPrincipalName+eq+'ALEX@contoso.example'", ["alex@contoso.example"]),
        ("$filter=displayName eq 'Sam O''Hara'", ["sam@contoso.example"]),
        ("$filter=userType eq 'Guest'", ["pat_partner.example#EXT#@contoso-sandbox.onmicrosoft.com"]),
        ("$filter=accountEnabled+eq+false+and+department+eq+'Operations'", ["jo@contoso.example"]),
        ("$filter=startswith(displayName,'Al')", ["alex@contoso.example"]),
        (
            "$filter=userPrincipalName in ('alex@contoso.example','sam@contoso.example')",
            ["alex@contoso.example", "sam@contoso.example"],
        ),
        ("$filter=onPremisesExtensionAttributes/extensionAttribute1 eq 'field'", ["alex@contoso.example"]),
        ("$filter=displayName eq 'Nobody'", []),
    ],
)
def test_filters(entra: Entra, query: str, found: list[str]) -> None:
    """Filters support eq, and, startswith and in, `+` for a space and doubled apostrophes, and ignore case."""
    assert _names(entra.http.get(f"/v1.0/users?{query}")) == found


def test_a_user_is_found_by_a_name_with_hash_signs(entra: Entra) -> None:
    """A guest is found by the user name, percent-encoded in the path."""
    path = "/v1.0/users/pat_partner.example%23EXT%23@contoso-sandbox.onmicrosoft.com"

    assert entra.http.get(path).json()["displayName"] == "Pat Visitor"


def test_ends_with_is_an_advanced_query(entra: Entra) -> None:
    """`endswith` requires `ConsistencyLevel: eventual` and `$count=true`."""
    query = "$filter=endswith(userPrincipalName,'.onmicrosoft.com')"

    plain = entra.http.get(f"/v1.0/users?{query}")
    advanced = entra.http.get(f"/v1.0/users?{query}&$count=true", headers=ADVANCED)

    assert (plain.status_code, plain.json()["error"]["code"]) == (400, "Request_UnsupportedQuery")
    assert advanced.json()["@odata.count"] == 2


@pytest.mark.parametrize(
    ("filter_text", "code"),
    [
        ("displayName eq", "BadRequest"),
        ("displayName eq 'x' or", "BadRequest"),
        ("nickname eq 'x'", "BadRequest"),
        ("displayName in (" + ",".join(f"'{number}'" for number in range(16)) + ")", "Request_UnsupportedQuery"),
    ],
    ids=["no-value", "half", "unknown-property", "sixteen-alternatives"],
)
def test_filters_that_graph_refuses(entra: Entra, filter_text: str, code: str) -> None:
    """An invalid filter, or one with more than 15 alternatives, is a 400 error with Graph's code."""
    answer = entra.http.get("/v1.0/users", params={"$filter": filter_text})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_pages_follow_the_next_link(entra: Entra) -> None:
    """A page has 100 objects without $top and up to 999 with it; all pages together contain every user once."""
    entra.http.post("/sandbox/users", json={"count": 240})
    everyone = 240 + len(entra.organisation.users)

    seen: list[str] = []
    url: str | None = "/v1.0/users?$select=userPrincipalName"
    pages = 0
    while url:
        body = entra.http.get(url).json()
        seen += [user["userPrincipalName"] for user in body["value"]]
        url, pages = body.get("@odata.nextLink"), pages + 1
    whole = entra.http.get("/v1.0/users?$top=999").json()
    too_much = entra.http.get("/v1.0/users?$top=1000")

    assert (pages, len(seen), len(set(seen))) == (3, everyone, everyone)
    assert len(whole["value"]) == everyone
    assert "@odata.nextLink" not in whole
    assert too_much.status_code == 400


def test_the_manager_is_a_separate_object(entra: Entra) -> None:
    """GET manager and $expand return the manager; GET manager is a 404 for a user without one."""
    manager = entra.http.get("/v1.0/users/alex@contoso.example/manager").json()
    missing = entra.http.get("/v1.0/users/morgan@contoso.example/manager")
    expanded = entra.http.get("/v1.0/users/alex@contoso.example?$expand=manager($select=id)").json()

    assert manager["userPrincipalName"] == "robin@contoso.example"
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "Request_ResourceNotFound")
    assert expanded["manager"]["id"] == manager["id"]


@pytest.mark.parametrize(
    "query",
    [
        "users?$select=id,nothing",
        "users/alex@contoso.example?$select=nothing",
        "groups?$select=userPrincipalName",
        "servicePrincipals?$select=nothing",
        "applications?$select=nothing",
        "users?$filter=nothing eq 'x'",
        "applications?$filter=nothing eq 'x'",
        "users?$orderby=nothing",
        "users?$orderby=displayName&$filter=userType eq 'Guest'",
        "users?$skip=2",
        'users?$search="displayName:alex"',
        "users?$unknown=1",
        "groups/{group}/members/microsoft.graph.user",
        "groups/{group}/members/microsoft.graph.user?$count=true",
    ],
)
def test_queries_that_graph_refuses_are_refused(entra: Entra, query: str) -> None:
    """Unknown names, paging by $skip, and what only an advanced query may ask answer 400, as Graph does."""
    group = entra.organisation.group("kzero-users").id

    answer = entra.http.get(f"/v1.0/{query.format(group=group)}")

    assert (answer.status_code, "error" in answer.json()) == (400, True)


def test_advanced_queries_are_answered(entra: Entra) -> None:
    """With $count and the header, Graph searches, sorts what it filters, and casts."""
    eventual = {"ConsistencyLevel": "eventual"}
    group = entra.organisation.group("kzero-users").id
    queries = (
        'users?$search="displayName:alex"&$count=true',
        "users?$orderby=displayName desc&$filter=userType eq 'Guest'&$count=true",
        f"groups/{group}/members/microsoft.graph.user?$count=true",
        "users?$orderby=displayName&$top=2",
    )

    found = [entra.http.get(f"/v1.0/{query}", headers=eventual).json()["value"] for query in queries]

    assert [user["displayName"] for user in found[0]] == ["Alex Lindqvist"]
    assert all(found)
    names = [user["displayName"] for user in found[3]]
    assert names == sorted(names)


def test_groups_list_their_members_and_two_share_a_name(entra: Entra) -> None:
    """The seeded directory contains two groups with the same name and a nested group."""
    query = "$filter=displayName+eq+'Duplicates'+and+securityEnabled+eq+true"
    duplicates = entra.http.get(f"/beta/groups?{query}").json()["value"]
    nested = entra.organisation.group("kzero-nested").id
    members = entra.http.get(f"/v1.0/groups/{nested}/members?$select=id,displayName").json()["value"]
    cast = f"/v1.0/groups/{nested}/members/microsoft.graph.group?$count=true"
    groups = entra.http.get(cast, headers={"ConsistencyLevel": "eventual"}).json()["value"]

    assert len(duplicates) == 2
    assert sorted(member["@odata.type"] for member in members) == ["#microsoft.graph.group", "#microsoft.graph.user"]
    assert [group["displayName"] for group in groups] == ["KZero users"]


def test_global_administrators_are_found_by_the_roles_template(entra: Entra) -> None:
    """The role's members are found with a filter on directoryRoles, or with the template as alternate key."""
    roles = entra.http.get(f"/v1.0/directoryRoles?$filter=roleTemplateId eq '{GLOBAL_ADMINISTRATOR}'").json()["value"]
    by_id = entra.http.get(f"/v1.0/directoryRoles/{roles[0]['id']}/members?$select=userPrincipalName,accountEnabled")
    by_template = entra.http.get(f"/v1.0/directoryRoles(roleTemplateId='{GLOBAL_ADMINISTRATOR}')/members")

    expected = ["admin@contoso.example", "breakglass@contoso-sandbox.onmicrosoft.com"]
    assert _names(by_id) == expected
    assert _names(by_template) == expected


# --- applications ---------------------------------------------------------------------------------------------------


def test_instantiating_creates_an_application_and_its_service_principal(entra: Entra) -> None:
    """The objects have the roles, tags and settings of Microsoft's response for the non-gallery template."""
    path = f"/v1.0/applicationTemplates/{NON_GALLERY_TEMPLATE}/instantiate"
    body = entra.http.post(path, json={"displayName": "KZero"}).json()
    application, principal = body["application"], body["servicePrincipal"]

    assert application["appId"] == principal["appId"]
    assert {role["displayName"] for role in principal["appRoles"]} == {"User", "msiam_access"}
    assert principal["appRoleAssignmentRequired"] is True
    assert "WindowsAzureActiveDirectoryIntegratedApp" in principal["tags"]
    found = entra.http.get(f"/v1.0/servicePrincipals?$filter=appId+eq+'{application['appId']}'").json()["value"]
    assert [item["id"] for item in found] == [principal["id"]]


def test_deleting_an_application_deletes_everything_that_belongs_to_it(entra: Entra, application: Application) -> None:
    """The service principal, assignments, job and secrets are deleted with the application."""
    application.assign(entra.organisation.user("alex@contoso.example").id)

    assert entra.http.delete(f"/v1.0/applications/{application.id}").status_code == 204

    for path in (application.path, application.job_path, f"{application.path}/appRoleAssignedTo"):
        assert entra.http.get(path).status_code == 404
    assert entra.http.get("/sandbox/state").json()["assignments"] == 0
    assert entra.http.get("/sandbox/jobs").json() == []


def test_renaming_an_application_renames_its_service_principal(entra: Entra, application: Application) -> None:
    """Changing an application's displayName with PATCH also renames its service principal."""
    entra.http.patch(f"/v1.0/applications/{application.id}", json={"displayName": "Renamed"})

    assert entra.http.get(application.path).json()["displayName"] == "Renamed"


def test_an_assignment_has_the_documented_members(entra: Entra, application: Application) -> None:
    """An assignment has the names and types of principal and resource, and an opaque id in URL-safe base64."""
    group = entra.organisation.group("kzero-users")

    [assignment] = application.assign(group.id)

    assert assignment["principalType"] == "Group"
    assert assignment["principalDisplayName"] == "KZero users"
    assert assignment["resourceDisplayName"] == "KZero Passwordless SCIM"
    assert base64.urlsafe_b64decode(assignment["id"] + "=" * (-len(assignment["id"]) % 4))
    assert entra.http.get(f"{application.path}/appRoleAssignedTo/{assignment['id']}").json() == assignment


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({}, 400, "Permission being assigned already exists on the object"),
        ({"principalId": "00000000-0000-4000-8000-000000000001"}, 404, "does not exist"),
        ({"appRoleId": "00000000-0000-4000-8000-000000000002"}, 400, "was not found on application"),
        ({"resourceId": "00000000-0000-4000-8000-000000000003"}, 400, "resourceId"),
    ],
    ids=["twice", "unknown-principal", "unknown-role", "other-resource"],
)
def test_assignments_that_graph_refuses(
    entra: Entra, application: Application, changes: dict[str, str], status: int, words: str
) -> None:
    """A second assignment of the same role and unknown ids are refused."""
    alex = entra.organisation.user("alex@contoso.example").id
    application.assign(alex)
    body = {"principalId": alex, "resourceId": application.principal, "appRoleId": USER_ROLE} | changes

    answer = entra.http.post(f"{application.path}/appRoleAssignedTo", json=body)

    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1.0/users/nobody@contoso.example", 404, "Request_ResourceNotFound"),
        ("GET", "/v1.0/nonsense", 400, "BadRequest"),
        ("PUT", "/v1.0/users", 405, "Request_BadRequest"),
        ("GET", "/v2.0/users", 400, "BadRequest"),
    ],
)
def test_errors_have_graphs_shape(entra: Entra, method: str, path: str, status: int, code: str) -> None:
    """An error has a code, a message and an innerError that repeats the client's request id."""
    answer = entra.http.request(method, path, headers={"client-request-id": "my-request"})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["message"]
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    assert error["innerError"]["client-request-id"] == "my-request"


# --- $batch ---------------------------------------------------------------------------------------------------------


def _batch(entra: Entra, *requests: Json) -> dict[str, Json]:
    answer = entra.http.post("/v1.0/$batch", json={"requests": list(requests)})
    assert answer.status_code == 200, answer.text
    return {item["id"]: item for item in answer.json()["responses"]}


def test_a_batch_answers_each_request_separately(entra: Entra, application: Application) -> None:
    """A batch may contain reads, writes and failures; answers are identified by id, not by order."""
    alex = entra.organisation.user("alex@contoso.example").id
    body = {"principalId": alex, "resourceId": application.principal, "appRoleId": USER_ROLE}
    assign: Json = {
        "method": "POST",
        "url": application.path.removeprefix("/v1.0") + "/appRoleAssignedTo",
        "headers": {"Content-Type": "application/json"},
        "body": body,
    }

    answers = _batch(
        entra,
        {"id": "1", "method": "GET", "url": "/users/alex@contoso.example?$select=id"},
        {"id": "2", **assign},
        {"id": "3", "method": "GET", "url": "users?$filter=displayName eq 'Sam O''Hara'"},
        {"id": "4", "method": "GET", "url": "/users/nobody"},
        {"id": "5", "dependsOn": ["4"], "method": "GET", "url": "/users"},
        {"id": "6", "dependsOn": ["2"], **assign},
    )

    assert {key: answer["status"] for key, answer in answers.items()} == {
        "1": 200, "2": 201, "3": 200, "4": 404, "5": 424, "6": 400,
    }  # fmt: skip
    assert answers["1"]["body"]["id"] == alex
    assert len(answers["3"]["body"]["value"]) == 1


def test_a_batch_has_at_most_twenty_requests(entra: Entra) -> None:
    """A batch with 21 requests is refused as a whole."""
    requests = [{"id": str(number), "method": "GET", "url": "/organization"} for number in range(21)]

    answer = entra.http.post("/v1.0/$batch", json={"requests": requests})

    assert answer.status_code == 400
    assert len(_batch(entra, *requests[:20])) == 20


def test_permissions_hold_inside_a_batch(entra: Entra) -> None:
    """Each request of a batch needs its own permission."""
    body = {"requests": [{"id": "1", "method": "GET", "url": "/users"}, {"id": "2", "method": "GET", "url": "/groups"}]}

    answer = entra.http.post("/v1.0/$batch", json=body, headers=entra.headers("User.Read.All"))

    assert {item["id"]: item["status"] for item in answer.json()["responses"]} == {"1": 200, "2": 403}


# --- limits and ids --------------------------------------------------------------------------------------------------


def test_writes_are_limited_as_in_graph(entra: Entra, application: Application) -> None:
    """Beyond the limit, writes are answered 429 with the time to wait, alone and in a batch; reads are not."""
    assert entra.http.get("/sandbox/settings").json()["writeLimit"] == 3000
    entra.http.patch("/sandbox/settings", json={"writeLimit": 10})
    path, change = application.path, {"displayName": "KZero"}
    item = {"id": "1", "method": "PATCH", "url": path.removeprefix("/v1.0"), "body": change}
    item["headers"] = {"Content-Type": "application/json"}

    alone = [entra.http.patch(path, json=change).status_code for _ in range(10)]
    batch = _batch(entra, item)["1"]
    refused = entra.http.patch(path, json=change)

    # The writes that made the application count too.
    assert alone == sorted(alone)
    assert set(alone) == {204, 429}
    assert (batch["status"], batch["headers"]["Retry-After"]) == (429, refused.headers["Retry-After"])
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "TooManyRequests"
    assert 0 < int(refused.headers["Retry-After"]) <= 150
    assert entra.http.get(path).status_code == 200
    entra.http.patch("/sandbox/settings", json={"writeLimit": 3000})
    assert entra.http.patch(path, json=change).status_code == 204


def test_the_case_of_an_id_does_not_matter(entra: Entra, application: Application) -> None:
    """Paths, filters and bodies may spell an id in any case."""
    alex = entra.organisation.user("alex@contoso.example").id
    body = {"principalId": alex.upper(), "resourceId": application.principal.upper(), "appRoleId": USER_ROLE.upper()}
    path = application.path.replace(application.principal, application.principal.upper())

    made = entra.http.post(f"{path}/appRoleAssignedTo", json=body)
    found = entra.http.get("/v1.0/users", params={"$filter": f"id in ('{alex.upper()}')"})

    assert (made.status_code, made.json()["principalId"]) == (201, alex)
    assert [user["id"] for user in found.json()["value"]] == [alex]


# --- faults and log -------------------------------------------------------------------------------------------------


def test_a_fault_answers_a_given_number_of_requests(entra: Entra) -> None:
    """A fault sends its status, its headers and a Graph error body as often as requested."""
    fault = {"method": "GET", "path": "^/v1.0/users$", "status": 429, "headers": {"Retry-After": "2"}, "times": 2}
    entra.http.post("/sandbox/faults", json=fault)

    answers = [entra.http.get("/v1.0/users") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "2"
    assert answers[0].json()["error"]["code"] == "TooManyRequests"
    assert entra.http.get("/sandbox/faults").json() == []


def test_a_fault_can_hit_one_item_of_a_batch(entra: Entra) -> None:
    """The other requests of the batch succeed."""
    entra.http.post("/sandbox/faults", json={"path": "/groups", "status": 503})

    answers = _batch(
        entra, {"id": "1", "method": "GET", "url": "/users"}, {"id": "2", "method": "GET", "url": "/groups"}
    )

    assert (answers["1"]["status"], answers["2"]["status"]) == (200, 503)


def test_a_fault_can_break_the_connection(entra: Entra) -> None:
    """The connection ends before the client receives an answer."""
    entra.http.post("/sandbox/faults", json={"path": "/organization", "resetConnection": True})

    with pytest.raises(httpx.RemoteProtocolError):
        entra.http.get("/v1.0/organization")
    assert entra.http.get("/v1.0/organization").status_code == 200


def test_login_can_fail_too(entra: Entra) -> None:
    """Faults also match the token endpoint."""
    entra.http.post("/sandbox/faults", json={"path": "/oauth2/v2.0/token", "status": 500, "body": {"error": "x"}})

    assert entra.sign_in("admin").json() == {"error": "x"}


def test_new_objects_are_not_found_at_first_on_request(entra: Entra) -> None:
    """With the setting consistencyReads, the first requests for a new object are answered 404."""
    entra.http.patch("/sandbox/settings", json={"consistencyReads": 2})
    application = entra.application()

    statuses = [entra.http.get(application.path).status_code for _ in range(3)]

    assert statuses == [404, 404, 200]


def test_the_log_has_every_request_and_no_secret(entra: Entra, application: Application) -> None:
    """The log has method, path, status and client; credential values are hidden and batch requests are marked."""
    entra.http.delete("/sandbox/requests")
    entra.sign_in("least-privilege")
    application.set_secrets(SecretToken="very-secret-token")
    _batch(entra, {"id": "1", "method": "GET", "url": "/users"})

    log = entra.http.get("/sandbox/requests")

    assert [(item["method"], item["path"].rsplit("/", 1)[-1], item["batch"]) for item in log.json()] == [
        ("POST", "token", False),
        ("PUT", "secrets", False),
        ("POST", "$batch", False),
        ("GET", "users", True),
    ]
    assert [item["status"] for item in log.json()] == [200, 204, 200, 200]
    assert "very-secret-token" not in log.text
    assert entra.organisation.client("least-privilege").secret not in log.text

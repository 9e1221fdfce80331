"""The provisioning engine against an independent SCIM server, scim2-server, over TLS."""

import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.contract.sandbox.entra.world import COMPLIANT, CUSTOM_EXTENSION, TOKEN, Application, Entra, Target

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ALEX = "alex@contoso.example"
MANNERS = pytest.mark.parametrize("flag", ["", COMPLIANT], ids=["without-flag", "aadOptscim062020"])


def _id(entra: Entra, name: str) -> str:
    return entra.organisation.user(name).id


@MANNERS
def test_a_user_is_created_updated_disabled_and_enabled_again(
    entra: Entra, provisioning: Application, target: Target, flag: str
) -> None:
    """Creating, updating, disabling and enabling a user works with an independent server in both formats."""
    provisioning.set_secrets(BaseAddress=target.url + flag)
    alex = _id(entra, ALEX)

    provisioning.assign(alex)
    provisioning.cycle()
    created = target.users()[ALEX]
    assert created["active"] is True
    assert created["name"] == {"givenName": "Alex", "familyName": "Lindqvist", "formatted": "Alex Lindqvist"}
    assert created["emails"] == [{"primary": True, "type": "work", "value": ALEX}]
    assert created["externalId"] == "alex"
    assert created[ENTERPRISE] == {"employeeNumber": "1003", "department": "Operations"}
    assert created[CUSTOM_EXTENSION] == {"tag": "field"}

    changes = {
        "surname": "Berg",
        "jobTitle": "Engineer",
        "mail": "berg@contoso.example",
        "extensionAttribute1": "office",
    }
    entra.http.patch(f"/sandbox/users/{ALEX}", json=changes)
    provisioning.cycle()
    updated = target.users()[ALEX]
    assert updated["name"]["familyName"] == "Berg"
    assert updated["title"] == "Engineer"
    assert updated["emails"][0]["value"] == "berg@contoso.example"
    assert updated[CUSTOM_EXTENSION] == {"tag": "office"}

    provisioning.unassign(alex)
    provisioning.cycle()
    assert target.users()[ALEX]["active"] is False

    provisioning.assign(alex)
    provisioning.cycle()
    assert target.users()[ALEX]["active"] is True
    assert target.users()[ALEX]["id"] == created["id"]


def test_a_guest_is_matched_and_sent_without_the_tenants_domain(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """As Microsoft documents for B2B users: #EXT# and the tenant's domain are removed."""
    guest = next(user for user in entra.organisation.users if user.user_type == "Guest")
    provisioning.assign(guest.id)

    provisioning.cycle()

    assert "pat@partner.example" in target.users()


def test_the_body_of_a_new_user_does_not_list_the_custom_extension(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """As Microsoft documents, `schemas` omits the custom schema's URN, but the body contains its attribute."""
    provisioning.assign(_id(entra, ALEX))
    provisioning.cycle()

    body = target.bodies("POST")[0]

    assert body["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE]
    assert body[CUSTOM_EXTENSION] == {"tag": "field"}


def test_without_the_flag_a_change_is_one_operation_per_attribute_and_booleans_are_words(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """Without a flag in the Tenant URL, each attribute is one operation, and booleans are words."""
    alex = _id(entra, ALEX)
    provisioning.assign(alex)
    provisioning.cycle()
    entra.http.patch(f"/sandbox/users/{ALEX}", json={"surname": "Berg", "jobTitle": "Engineer", "city": "Oslo"})
    provisioning.cycle()
    provisioning.unassign(alex)
    provisioning.cycle()

    update, disable = target.bodies("PATCH")[-2:]

    assert sorted((item["op"], item["path"], item["value"]) for item in update["Operations"]) == [
        ("Add", 'addresses[type eq "work"].locality', "Oslo"),
        ("Replace", "name.familyName", "Berg"),
        ("Replace", "name.formatted", "Alex Berg"),
        ("Replace", "title", "Engineer"),
    ]
    assert disable["Operations"] == [{"op": "Replace", "path": "active", "value": "False"}]


def test_with_the_flag_plain_changes_are_gathered_and_booleans_are_booleans(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """With aadOptscim062020, plain changes are one operation and booleans are booleans; the flag is not sent."""
    provisioning.set_secrets(BaseAddress=target.url + COMPLIANT)
    alex = _id(entra, ALEX)
    provisioning.assign(alex)
    provisioning.cycle()
    entra.http.patch(f"/sandbox/users/{ALEX}", json={"surname": "Berg", "mail": "b@contoso.example", "city": "Oslo"})
    provisioning.cycle()
    provisioning.unassign(alex)
    provisioning.cycle()

    update, disable = target.bodies("PATCH")[-2:]

    assert update["Operations"] == [
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "b@contoso.example"},
        {"op": "add", "path": 'addresses[type eq "work"].locality', "value": "Oslo"},
        {"op": "replace", "value": {"name.familyName": "Berg", "name.formatted": "Alex Berg"}},
    ]
    assert disable["Operations"] == [{"op": "replace", "path": "active", "value": False}]
    assert not any("aadOptscim062020" in query for query in target.queries())


def test_a_user_is_looked_for_by_the_matching_attribute_and_joined(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """Entra searches for a user by the matching attribute and adopts an existing one."""
    # With a work address: Entra adds to emails[type eq "work"], which a strict server refuses if no such entry exists.
    emails = [{"type": "work", "value": "old@contoso.example"}]
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"]
    body = {"schemas": schemas, "userName": ALEX, "active": False, "emails": emails}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    existing = target.http.post(f"{target.url}/Users", json=body, headers=headers).json()["id"]

    provisioning.assign(_id(entra, ALEX))
    provisioning.cycle()

    assert {"filter": f'userName eq "{ALEX}"'} in target.queries()
    assert target.users()[ALEX]["id"] == existing
    assert target.users()[ALEX]["active"] is True


def test_an_incremental_cycle_without_changes_sends_nothing(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """After the initial cycle, only changed objects are processed; a restart processes all objects again."""
    provisioning.assign(_id(entra, ALEX))
    provisioning.cycle()
    target.application.received.clear()

    provisioning.cycle()
    [probe] = target.queries()
    target.application.received.clear()
    entra.http.post(f"{provisioning.job_path}/restart", json={"criteria": {"resetScope": "Watermark"}})
    provisioning.cycle()

    assert probe["filter"].startswith('userName eq "')
    assert [request.method for request in target.application.received] == ["GET", "GET"]


def test_a_refused_token_shows_even_if_nothing_is_to_do(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """Each cycle first asks for a user that cannot exist."""
    provisioning.assign(_id(entra, ALEX))
    provisioning.cycle()
    target.application.token = "another"

    assert provisioning.cycle()["state"] == "Failed"
    assert provisioning.status()["status"]["code"] == "Quarantine"


@pytest.mark.parametrize("body", [None, {}, {"criteria": {}}, {"criteria": {"resetScope": ""}}])
def test_a_restart_without_scope_keeps_links_and_the_deletion_threshold(
    entra: Entra, provisioning: Application, target: Target, body: dict[str, Any] | None
) -> None:
    """As documented, it resets quarantine, watermark and escrows, but not which objects belong together."""
    provisioning.assign(_id(entra, ALEX))
    provisioning.cycle()
    target.application.received.clear()

    entra.http.post(f"{provisioning.job_path}/restart", json=body).raise_for_status()
    provisioning.cycle()

    # The linked user is read by its id: after Full, it would be searched for.
    assert [request.path.startswith("/Users/") for request in target.application.received] == [False, True]


def test_a_user_who_left_the_scope_before_being_purged_is_not_deleted(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """Entra deletes a purged user at the target only if the user was still in scope."""
    made = {"accountEnabled": True, "mailNickname": "x", "passwordProfile": {"password": "made-up"}}
    ids = {}
    for name in ("gone@contoso.example", "left@contoso.example"):
        user = made | {"displayName": name, "userPrincipalName": name}
        ids[name] = entra.http.post("/v1.0/users", json=user).json()["id"]
        provisioning.assign(ids[name])
    provisioning.cycle()
    provisioning.unassign(ids["left@contoso.example"])
    provisioning.cycle()
    for user_id in ids.values():
        entra.http.delete(f"/v1.0/users/{user_id}").raise_for_status()
        entra.http.delete(f"/v1.0/directory/deletedItems/{user_id}").raise_for_status()

    provisioning.cycle()

    assert "gone@contoso.example" not in target.users()
    assert target.users()["left@contoso.example"]["active"] is False


def test_a_group_keeps_a_member_who_is_disabled(entra: Entra, provisioning: Application, target: Target) -> None:
    """Disabling a user changes the user, not the groups."""
    provisioning.assign(entra.organisation.group("kzero-users").id)
    provisioning.cycle()
    target.application.received.clear()
    entra.http.patch("/sandbox/users/sam@contoso.example", json={"accountEnabled": False})

    provisioning.cycle()

    assert [request.path.partition("/")[2].partition("/")[0] for request in target.application.received] != []
    assert not any(request.method == "PATCH" and "/Groups/" in request.path for request in target.application.received)


def _change_users(provisioning: Application, **changes: Any) -> None:  # noqa: ANN401 - members of an objectMapping
    schema = provisioning.schema()
    users = next(m for m in schema["synchronizationRules"][0]["objectMappings"] if m["sourceObjectName"] == "User")
    users.update(changes)
    provisioning.put_schema(schema).raise_for_status()


def test_the_mapping_says_what_may_happen_at_the_target(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """Without Update, a user is created, but neither changed nor disabled."""
    _change_users(provisioning, flowTypes="Add")
    provisioning.assign(_id(entra, ALEX))
    provisioning.cycle()
    entra.http.patch(f"/sandbox/users/{ALEX}", json={"surname": "Berg"})
    provisioning.unassign(_id(entra, ALEX))

    provisioning.cycle()

    assert target.users()[ALEX]["active"] is True
    assert target.bodies("PATCH") == []


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ([("department", "EQUALS", ["Operations"])], {ALEX}),
        ([("department", "NOT EQUALS", ["Operations"])], set()),
        ([("department", "REGEX MATCH", ["Oper.*"]), ("jobTitle", "IS NOT NULL", [])], {ALEX}),
        ([("department", "IS NULL", [])], set()),
    ],
)
def test_only_users_that_pass_the_scoping_filter_are_provisioned(
    entra: Entra,
    provisioning: Application,
    target: Target,
    clauses: list[tuple[str, str, list[str]]],
    expected: set[str],
) -> None:
    """A user in scope meets all clauses of one group."""
    entra.http.patch(f"/sandbox/users/{ALEX}", json={"jobTitle": "Engineer"})
    group = [
        {"sourceOperandName": name, "operatorName": operator, "targetOperand": {"key": None, "values": values}}
        for name, operator, values in clauses
    ]
    _change_users(provisioning, scope={"groups": [{"name": "a", "clauses": group}]})
    provisioning.assign(_id(entra, ALEX))

    provisioning.cycle()

    assert set(target.users()) == expected


def test_values_that_differ_only_in_case_are_equal_if_the_schema_says_so(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """`caseExact` is false in the default schema."""
    provisioning.assign(_id(entra, ALEX))
    provisioning.cycle()
    entra.http.patch(f"/sandbox/users/{ALEX}", json={"surname": "LINDQVIST"})

    provisioning.cycle()

    assert target.users()[ALEX]["name"]["familyName"] == "Lindqvist"


def test_an_assigned_group_brings_its_direct_members_and_itself(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """Members of an assigned group are in scope, and PATCH requests add and remove them as the group's members."""
    provisioning.set_secrets(BaseAddress=target.url + COMPLIANT)
    group = entra.organisation.group("kzero-users").id
    provisioning.assign(group)
    provisioning.cycle()
    users = target.users()
    before = {member["value"] for member in target.groups()["KZero users"]["members"]}
    assert before == {users[name]["id"] for name in users}
    assert set(users) == {f"{name}@contoso.example" for name in ("robin", "alex", "sam", "kim")}

    entra.http.delete(f"/v1.0/groups/{group}/members/{_id(entra, ALEX)}/$ref")
    provisioning.cycle()

    after = {member["value"] for member in target.groups()["KZero users"]["members"]}
    assert before - after == {users[ALEX]["id"]}
    assert target.users()[ALEX]["active"] is False


def test_without_the_flag_a_member_is_removed_by_value(entra: Entra, provisioning: Application, target: Target) -> None:
    """Without the flag, a member is removed by value, which scim2-server, following RFC 7644, ignores."""
    group = entra.organisation.group("kzero-users").id
    provisioning.assign(group)
    provisioning.cycle()
    entra.http.delete(f"/v1.0/groups/{group}/members/{_id(entra, ALEX)}/$ref")

    provisioning.cycle()

    removal = [{"value": target.users()[ALEX]["id"]}]
    assert target.bodies("PATCH")[-1]["Operations"] == [{"op": "Remove", "path": "members", "value": removal}]


def test_members_of_a_nested_group_are_not_in_scope(entra: Entra, provisioning: Application, target: Target) -> None:
    """Entra provisions direct members only."""
    provisioning.assign(entra.organisation.group("kzero-nested").id)

    provisioning.cycle()

    assert set(target.users()) == {"morgan@contoso.example"}


def test_managers_are_set_by_a_later_patch_with_the_targets_ids(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """Managers are set after all users exist; a manager who is out of scope is omitted."""
    names = ["robin@contoso.example", ALEX, "sam@contoso.example"]
    provisioning.assign(*(_id(entra, name) for name in names))

    provisioning.cycle()

    users = target.users()
    assert users[ALEX][ENTERPRISE]["manager"]["value"] == users["robin@contoso.example"]["id"]
    assert "manager" not in users["robin@contoso.example"][ENTERPRISE]
    assert all("manager" not in body[ENTERPRISE] for body in target.bodies("POST") if ENTERPRISE in body)
    assert target.bodies("PATCH")[0]["Operations"] == [
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": users["robin@contoso.example"]["id"]}
    ]


def test_a_refused_object_is_an_escrow_and_tried_again(entra: Entra, provisioning: Application, target: Target) -> None:
    """A failed object does not stop the cycle, and the next cycle retries it."""
    target.application.takes_bare_manager = False
    provisioning.assign(_id(entra, "robin@contoso.example"), _id(entra, ALEX))
    first = provisioning.cycle()
    target.application.takes_bare_manager = True
    second = provisioning.cycle()

    assert (first["state"], first["countEscrowed"]) == ("EntryLevelErrors", 1)
    assert set(target.users()) == {"robin@contoso.example", ALEX}
    assert (second["state"], second["countEscrowed"]) == ("Succeeded", 0)


def test_users_without_mail_get_no_email(entra: Entra, provisioning: Application, target: Target) -> None:
    """Nulls are not provisioned."""
    provisioning.assign(_id(entra, "kim@contoso.example"))

    provisioning.cycle()

    assert "emails" not in target.users()["kim@contoso.example"]


@pytest.mark.parametrize("how", ["disabled", "deleted"])
def test_a_user_who_leaves_the_organisation_is_disabled(
    entra: Entra, provisioning: Application, target: Target, how: str
) -> None:
    """Setting accountEnabled to false and a soft delete each disable the user at the target."""
    alex = _id(entra, ALEX)
    provisioning.assign(alex)
    provisioning.cycle()

    if how == "disabled":
        entra.http.patch(f"/v1.0/users/{alex}", json={"accountEnabled": False})
    else:
        entra.http.delete(f"/v1.0/users/{alex}")
    provisioning.cycle()

    assert target.users()[ALEX]["active"] is False


def test_a_purged_user_is_deleted_at_the_target(entra: Entra, provisioning: Application, target: Target) -> None:
    """A hard delete becomes a SCIM DELETE."""
    alex = _id(entra, ALEX)
    provisioning.assign(alex)
    provisioning.cycle()

    entra.http.delete(f"/sandbox/users/{alex}")
    provisioning.cycle()

    assert target.users() == {}


def test_disabled_users_are_not_created(entra: Entra, provisioning: Application, target: Target) -> None:
    """A user who is disabled before the first cycle is never created at the target."""
    provisioning.assign(_id(entra, "jo@contoso.example"))

    provisioning.cycle()

    assert target.users() == {}


def test_sync_all_provisions_all_users(entra: Entra, provisioning: Application, target: Target) -> None:
    """The secret SyncAll = "true" provisions the whole directory, assigned or not, except disabled users."""
    provisioning.set_secrets(SyncAll="true")

    provisioning.cycle()

    assert len(target.users()) == len([user for user in entra.organisation.users if user.account_enabled])


def test_a_wrong_token_puts_the_job_into_quarantine_until_it_is_right(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """Refused credentials quarantine the job; starting it clears the quarantine."""
    provisioning.set_secrets(SecretToken="wrong")
    provisioning.assign(_id(entra, ALEX))

    execution = provisioning.cycle()
    job = provisioning.status()
    assert execution["state"] == "Failed"
    assert job["status"]["code"] == "Quarantine"
    assert job["status"]["quarantine"]["reason"] == "EncounteredQuarantineException"
    error = job["status"]["quarantine"]["error"]
    assert error["code"] == "SystemForCrossDomainIdentityManagementInvalidCredentials"
    assert "401" in error["message"]
    assert job["status"]["countSuccessiveCompleteFailures"] == 1

    provisioning.set_secrets(SecretToken=TOKEN)
    provisioning.start()
    assert provisioning.status()["status"]["quarantine"] is None
    assert provisioning.cycle()["state"] == "Succeeded"
    assert set(target.users()) == {ALEX}


def test_without_a_secret_token_entra_presents_a_token_of_its_own(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """Without a secret token, Entra sends an RS256 token of the tenant for the application template, as documented."""
    provisioning.set_secrets(SecretToken="")
    provisioning.assign(_id(entra, ALEX))
    provisioning.cycle()
    header = target.application.received[0].header("Authorization") or ""

    keys = KeySet.import_key_set(entra.http.get(f"/{entra.organisation.tenant_id}/discovery/v2.0/keys").json())
    claims = jwt.decode(header.removeprefix("Bearer "), keys, algorithms=["RS256"]).claims
    assert claims["iss"] == f"https://sts.windows.net/{entra.organisation.tenant_id}/"
    assert claims["aud"] == "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"


def test_too_many_deletions_are_held_back(entra: Entra, provisioning: Application, target: Target) -> None:
    """The accidental deletion threshold quarantines the job; ForceDeletes allows the deletions."""
    settings = {"Enabled": True, "Recipients": "", "DeleteThresholdEnabled": True, "DeleteThresholdValue": 1}
    provisioning.set_secrets(SyncNotificationSettings=json.dumps(settings))
    people = [_id(entra, name) for name in (ALEX, "sam@contoso.example")]
    provisioning.assign(*people)
    provisioning.cycle()

    provisioning.unassign(*people)
    provisioning.cycle()
    assert provisioning.status()["status"]["quarantine"]["reason"] == "TooManyDeletes"
    assert all(user["active"] for user in target.users().values())

    scope = {"criteria": {"resetScope": "QuarantineState, ForceDeletes"}}
    assert entra.http.post(f"{provisioning.job_path}/restart", json=scope).status_code == 204
    provisioning.cycle()
    assert not any(user["active"] for user in target.users().values())


def test_a_job_that_is_not_started_does_nothing(entra: Entra, application: Application, target: Target) -> None:
    """A cycle of a job that is disabled or paused sends no request."""
    application.set_secrets(BaseAddress=target.url, SecretToken=TOKEN)
    application.assign(_id(entra, ALEX))

    execution = application.cycle()

    assert execution == {"state": "NotStarted", "scheduleState": "Disabled"}
    assert target.application.received == []


def test_the_log_shows_the_result_for_each_user(entra: Entra, provisioning: Application, target: Target) -> None:
    """GET /auditLogs/provisioning returns provisioningObjectSummary entries, newest first, and supports filters."""
    provisioning.assign(_id(entra, ALEX))
    provisioning.cycle()

    query = {"$filter": f"jobId eq '{provisioning.job}'"}
    entries = entra.http.get("/v1.0/auditLogs/provisioning", params=query).json()["value"]

    assert [entry["provisioningAction"] for entry in entries] == ["create"]
    assert entries[0]["provisioningStatusInfo"] == {"status": "success", "errorInformation": None}
    assert entries[0]["targetIdentity"]["id"] == target.users()[ALEX]["id"]
    assert [step["name"] for step in entries[0]["provisioningSteps"]] == [
        "EntryImport",
        "EntrySynchronizationAdd",
        "EntrySynchronizationScoping",
        "EntryExportAdd",
    ]


def test_synchronized_entries_are_counted_by_kind(entra: Entra, provisioning: Application, target: Target) -> None:
    """The job's status counts the provisioned users and groups."""
    provisioning.assign(entra.organisation.group("kzero-users").id)

    provisioning.cycle()

    status = provisioning.status()["status"]
    assert status["synchronizedEntryCountByType"] == [{"key": "User", "value": 4}, {"key": "Group", "value": 1}]
    assert status["lastSuccessfulExecutionWithExports"]["countExported"] == 5
    assert len(target.users()) == 4


# --- on demand ------------------------------------------------------------------------------------------------------


def _read(answer: dict[str, str]) -> tuple[dict[str, Any], dict[str, list[dict[str, str]]]]:
    return json.loads(answer["key"]), json.loads(answer["value"])


def test_on_demand_provisions_and_then_finds_nothing_to_do(
    entra: Entra, provisioning: Application, target: Target
) -> None:
    """The first run succeeds with Microsoft's steps; the second is Skipped with RedundantExport."""
    alex = _id(entra, ALEX)
    provisioning.assign(alex)

    first_key, first_value = _read(provisioning.provision(alex).json())
    second_key, second_value = _read(provisioning.provision(alex).json())

    assert first_key == {"result": "Success", "details": {}}
    assert [step["name"] for step in first_value["provisioningSteps"]][-1] == "EntryExportAdd"
    assert second_key["result"] == "Skipped"
    assert second_key["details"]["errorCode"] == "RedundantExport"
    assert [(step["name"], step["type"], step["status"]) for step in second_value["provisioningSteps"]] == [
        ("EntryImport", "Import", "Success"),
        ("EntryImport", "Matching", "Success"),
        ("EntrySynchronizationScoping", "Scoping", "Success"),
        ("EntrySynchronizationSkip", "Export", "Skipped"),
    ]
    assert set(target.users()) == {ALEX}


def test_on_demand_skips_a_user_out_of_scope(entra: Entra, provisioning: Application, target: Target) -> None:
    """A user who is not assigned is not entitled, and the target is not changed."""
    key, value = _read(provisioning.provision(_id(entra, ALEX)).json())

    assert key["result"] == "Skipped"
    assert key["details"]["errorCode"] == "NotEffectivelyEntitled"
    assert "Skipped" in [step["status"] for step in value["provisioningSteps"] if step["type"] == "Scoping"]
    assert target.users() == {}


def test_on_demand_shows_a_refusal_as_failure(entra: Entra, provisioning: Application, target: Target) -> None:
    """If the target refuses, the answer is 200 with result Failure and the target's message."""
    provisioning.set_secrets(SecretToken="wrong")
    alex = _id(entra, ALEX)
    provisioning.assign(alex)

    answer = provisioning.provision(alex)
    key, _ = _read(answer.json())

    assert answer.status_code == 200
    assert key["result"] == "Failure"
    assert key["details"]["errorCode"] == "SystemForCrossDomainIdentityManagementInvalidCredentials"
    assert target.users() == {}


def test_on_demand_does_not_obey_the_flag(entra: Entra, provisioning: Application, target: Target) -> None:
    """As Microsoft documents, the feature flag does not apply to on-demand provisioning."""
    provisioning.set_secrets(BaseAddress=target.url + COMPLIANT)
    alex = _id(entra, ALEX)
    provisioning.assign(alex)
    provisioning.provision(alex)
    entra.http.patch(f"/sandbox/users/{ALEX}", json={"jobTitle": "Engineer"})

    provisioning.provision(alex)

    assert target.bodies("PATCH")[-1]["Operations"] == [{"op": "Replace", "path": "title", "value": "Engineer"}]


def test_on_demand_provisions_a_group(entra: Entra, provisioning: Application, target: Target) -> None:
    """An assigned group can be provisioned on demand."""
    group = entra.organisation.group("kzero-users").id
    provisioning.assign(group)

    key, _ = _read(provisioning.provision(group, "Group").json())

    assert key["result"] == "Success"
    assert set(target.groups()) == {"KZero users"}


@pytest.mark.parametrize(
    "parameters",
    [
        [],
        [{"ruleId": "unknown", "subjects": [{"objectId": "x", "objectTypeName": "User"}]}],
        [{"ruleId": "03f7d90d-bf71-41b1-bda6-aaf0ddbee5d8", "subjects": [{"objectId": "x", "objectTypeName": "User"}]}],
    ],
    ids=["nothing", "unknown-rule", "unknown-user"],
)
def test_on_demand_refuses_what_it_does_not_know(
    entra: Entra, provisioning: Application, parameters: list[dict[str, object]]
) -> None:
    """Malformed or unknown subjects are a 400 error."""
    answer = entra.http.post(f"{provisioning.job_path}/provisionOnDemand", json={"parameters": parameters})

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BadRequest"

"""Graph's synchronization operations in the local Entra."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
from kzero_sandbox.entra.emulator import EntraEmulator
from kzero_sandbox.organisation import Organisation

from tests.contract.sandbox.entra.world import TAG, TOKEN, Application, Entra, Json, Target


def _rows(schema: Json, mapping: str = "User") -> list[Json]:
    for item in schema["synchronizationRules"][0]["objectMappings"]:
        if item["sourceObjectName"] == mapping:
            rows: list[Json] = item["attributeMappings"]
            return rows
    raise KeyError(mapping)


# --- jobs -----------------------------------------------------------------------------------------------------------


def test_a_new_job_is_disabled_and_has_not_run(entra: Entra) -> None:
    """A new job has the expected id, template, schedule and status."""
    application = entra.application()
    application.create_job()

    job = application.status()

    app_id = entra.http.get(application.path).json()["appId"]
    assert job["id"] == f"scim.{entra.organisation.tenant_id.replace('-', '')}.{app_id}"
    assert job["templateId"] == "scim"
    assert job["schedule"] == {"expiration": None, "interval": "PT40M", "state": "Disabled"}
    assert job["status"]["code"] == "NotRun"
    assert job["status"]["quarantine"] is None
    assert job["status"]["steadyStateLastAchievedTime"] == "0001-01-01T00:00:00Z"


def test_a_second_job_of_a_template_is_listed(entra: Entra, application: Application) -> None:
    """Graph accepts a second job of the same template, which has its own id."""
    first = application.job
    second = application.create_job()

    jobs = entra.http.get(f"{application.path}/synchronization/jobs").json()["value"]

    assert first != second
    assert [job["id"] for job in jobs] == [first, second]


def test_the_old_template_becomes_its_successor(entra: Entra) -> None:
    """A job with the template customappsso is created with customappssoOutDelta."""
    application = entra.application()

    answer = entra.http.post(f"{application.path}/synchronization/jobs", json={"templateId": "customappsso"})

    assert answer.json()["templateId"] == "customappssoOutDelta"


def test_only_applications_of_the_template_can_provision(entra: Entra) -> None:
    """Another service principal has no synchronization template."""
    other = f"/v1.0/servicePrincipals/{entra.organisation.client('admin').object_id}/synchronization"

    assert entra.http.get(f"{other}/templates").json()["value"] == []
    assert entra.http.post(f"{other}/jobs", json={"templateId": "scim"}).status_code == 400


def test_templates_name_scim_as_default(entra: Entra, application: Application) -> None:
    """A non-gallery application has four templates, and a template's schema is that of a new job."""
    base = f"{application.path}/synchronization/templates"

    templates = {item["id"]: item["default"] for item in entra.http.get(base).json()["value"]}
    schema = entra.http.get(f"{base}/scim/schema").json()

    assert set(templates) == {"customappsso", "customappssoOutDelta", "customappssoRoleIn", "scim"}
    assert [name for name, default in templates.items() if default] == ["scim"]
    assert schema["synchronizationRules"][0]["name"] == "USERGROUP_OUTBOUND_USERGROUP"


def test_start_pause_restart(entra: Entra, application: Application) -> None:
    """Each operation answers 204; starting a running job has no effect."""
    seen = []
    for action in ("start", "start", "pause", "restart"):
        body = {"criteria": {"resetScope": "Watermark, Escrows, QuarantineState"}} if action == "restart" else None
        assert entra.http.post(f"{application.job_path}/{action}", json=body).status_code == 204
        job = application.status()
        seen.append((job["schedule"]["state"], job["status"]["code"]))

    assert seen == [("Active", "Active"), ("Active", "Active"), ("Paused", "Paused"), ("Active", "Active")]


def test_an_unknown_reset_scope_is_refused(entra: Entra, application: Application) -> None:
    """A reset scope outside the enumeration is a 400 error."""
    answer = entra.http.post(f"{application.job_path}/restart", json={"criteria": {"resetScope": "Everything"}})

    assert answer.status_code == 400


def test_a_deleted_job_is_gone(entra: Entra, application: Application) -> None:
    """A request for a deleted job is a 404 error."""
    assert entra.http.delete(application.job_path).status_code == 204
    assert entra.http.get(application.job_path).json()["error"]["code"] == "Request_ResourceNotFound"


# --- secrets --------------------------------------------------------------------------------------------------------


def test_secrets_are_merged_hidden_and_deleted_by_an_empty_value(entra: Entra, application: Application) -> None:
    """PUT keeps the keys that it does not name, GET returns "*", and an empty value deletes a key."""
    path = f"{application.path}/synchronization/secrets"
    application.set_secrets(BaseAddress="https://localhost:1", SecretToken="x")
    application.set_secrets(SyncAll="false")
    before = entra.http.get(path).json()["value"]
    application.set_secrets(SecretToken="")
    after = entra.http.get(path).json()["value"]

    assert before == [{"key": key, "value": "*"} for key in ("BaseAddress", "SecretToken", "SyncAll")]
    assert after == [{"key": key, "value": "*"} for key in ("BaseAddress", "SyncAll")]
    assert entra.http.get(f"/sandbox/secrets/{application.principal}").json()["SyncAll"] == "false"


def test_an_unknown_secret_key_is_refused(application: Application) -> None:
    """An unknown key is refused with the service's message, and nothing is stored."""
    answer = application.set_secrets(BaseAddress="https://localhost:1", EnforceSandbox="x")

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Requested value 'EnforceSandbox' was not found."


# --- schema ---------------------------------------------------------------------------------------------------------


def test_the_default_schema_has_the_documented_rows(entra: Entra) -> None:
    """The default schema has Microsoft's rows for non-gallery applications: 22 for users, 3 for groups."""
    application = entra.application()
    application.create_job()

    schema = application.schema()

    users = {row["targetAttributeName"]: row["source"]["expression"] for row in _rows(schema)}
    assert len(users) == 22
    assert users["userName"] == "[userPrincipalName]"
    assert users["active"] == 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'
    assert users['emails[type eq "work"].value'] == "[mail]"
    assert users["name.familyName"] == "[surname]"
    assert users["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"] == "[manager]"
    assert [row["targetAttributeName"] for row in _rows(schema) if row["matchingPriority"]] == ["userName"]
    assert {row["targetAttributeName"] for row in _rows(schema, "Group")} == {"displayName", "externalId", "members"}
    assert schema["directories"][0]["name"] == "Azure Active Directory"


def test_a_schema_is_replaced_as_a_whole_and_reset_by_delete(entra: Entra, application: Application) -> None:
    """PUT replaces the schema, the next cycle is an initial cycle, and DELETE restores the default schema."""
    with_tag = application.schema()
    assert TAG in {row["targetAttributeName"] for row in _rows(with_tag)}
    assert entra.http.get("/sandbox/jobs").json()[0]["initialCycleNext"] is True

    assert entra.http.delete(f"{application.job_path}/schema").status_code == 204

    reset = application.schema()
    assert TAG not in {row["targetAttributeName"] for row in _rows(reset)}
    assert reset["version"] != with_tag["version"]


def test_patching_a_schema_is_the_services_404(entra: Entra, application: Application) -> None:
    """Graph's metadata lists the operation, but the service behind it answers 404."""
    answer = entra.http.patch(f"{application.job_path}/schema", json=application.schema())

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "UnknownError"
    assert "No HTTP resource was found that matches the request URI" in answer.json()["error"]["message"]


def _unknown_target(schema: Json) -> None:
    _rows(schema)[0]["targetAttributeName"] = "nonsense"


def _unknown_source(schema: Json) -> None:
    _rows(schema)[0]["source"]["name"] = "surName"


def _nested_unknown_source(schema: Json) -> None:
    row = next(row for row in _rows(schema) if row["targetAttributeName"] == "active")
    row["source"]["parameters"][0]["value"]["name"] = "isSoftDeleted"


def _duplicate_target(schema: Json) -> None:
    _rows(schema).append(copy.deepcopy(_rows(schema)[0]))


def _malformed_urn(schema: Json) -> None:
    attributes = schema["directories"][1]["objects"][0]["attributes"]
    attributes.append({**attributes[2], "name": "urn:ietf:params:scim:schemas:extension:Custom:User:tag"})


def _no_matching(schema: Json) -> None:
    for row in _rows(schema):
        row["matchingPriority"] = 0


def _no_rules(schema: Json) -> None:
    del schema["synchronizationRules"]


def _users_disabled(schema: Json) -> None:
    schema["synchronizationRules"][0]["objectMappings"][1]["enabled"] = False


def _unknown_function(schema: Json) -> None:
    _rows(schema)[1]["source"]["name"] = "Nonsense"


def _read_only(schema: Json) -> None:
    _rows(schema)[0]["targetAttributeName"] = "id"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_unknown_target, "target attribute 'nonsense'"),
        (_unknown_source, "source attribute 'surName'"),
        (_nested_unknown_source, "source attribute 'isSoftDeleted'"),
        (_duplicate_target, "mapped more than once"),
        (_malformed_urn, "urn:ietf:params:scim:schemas:extension:Custom:User:tag"),
        (_no_matching, "matchingPriority"),
        (_no_rules, "synchronizationRules"),
        (_users_disabled, "cannot be disabled"),
        (_unknown_function, "Nonsense"),
        (_read_only, "read-only"),
    ],
)
def test_a_wrong_schema_is_refused_and_nothing_changed(
    application: Application, spoil: Callable[[Json], None], words: str
) -> None:
    """A wrong schema is a 400 error that names the problem, and the schema stays unchanged."""
    before = application.schema()
    schema = copy.deepcopy(before)
    spoil(schema)

    answer = application.put_schema(schema)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert application.schema() == before


def test_an_expression_is_parsed_and_evaluated(entra: Entra, application: Application) -> None:
    """Microsoft's own example has the documented tree and result."""
    body = {
        "expression": 'Replace([preferredLanguage], "-", , , "_", ,  )',
        "targetAttributeDefinition": None,
        "testInputObject": {"definition": None, "properties": [{"key": "preferredLanguage", "value": "EN-US"}]},
    }

    answer = entra.http.post(f"{application.job_path}/schema/parseExpression", json=body).json()

    assert (answer["parsingSucceeded"], answer["evaluationSucceeded"]) == (True, True)
    assert answer["evaluationResult"] == ["EN_US"]
    tree = answer["parsedExpression"]
    assert tree["expression"] == 'Replace([preferredLanguage], "-", , , "_", , )'
    assert [parameter["key"] for parameter in tree["parameters"]] == ["source", "Find", "Replacement"]
    assert tree["parameters"][1]["value"] == {"expression": '"-"', "name": "-", "parameters": [], "type": "Constant"}


@pytest.mark.parametrize("expression", ["", "Switch(", "Nonsense([a])", "[a] [b]", "Not()x", "Append([a])"])
def test_an_invalid_expression_is_answered_with_its_error(
    entra: Entra, application: Application, expression: str
) -> None:
    """An invalid expression is answered 200 with parsingSucceeded false."""
    answer = entra.http.post(f"{application.job_path}/schema/parseExpression", json={"expression": expression})

    assert answer.status_code == 200
    assert answer.json()["parsingSucceeded"] is False
    assert answer.json()["error"]["message"]


def test_functions_and_operators_are_listed(entra: Entra, application: Application) -> None:
    """Functions and operators are listed with their parameters; the path works with and without parentheses."""
    functions = entra.http.get(f"{application.job_path}/schema/functions()").json()["value"]
    operators = entra.http.get(f"{application.job_path}/schema/filterOperators").json()["value"]

    append = next(item for item in functions if item["name"] == "Append")
    assert [parameter["name"] for parameter in append["parameters"]] == ["source", "suffix"]
    assert "EQUALS" in {item["name"] for item in operators}


# --- connection test ------------------------------------------------------------------------------------------------


def _validate(
    entra: Entra, application: Application, credentials: dict[str, str], *, saved: bool = False
) -> Json | None:
    pairs = [{"key": key, "value": value} for key, value in credentials.items()]
    body = {"templateId": "scim", "useSavedCredentials": saved, "credentials": pairs}
    answer = entra.http.post(f"{application.job_path}/validateCredentials", json=body)
    if answer.status_code == 204:
        return None
    assert answer.status_code == 400
    error: Json = answer.json()["error"]
    return error


def test_a_connection_test_searches_for_objects_that_cannot_exist(
    entra: Entra, application: Application, target: Target
) -> None:
    """The test searches for a random user and group by the schema's matching attributes."""
    schema = entra.http.get(f"{application.job_path}/schema").json()
    users = next(m for m in schema["synchronizationRules"][0]["objectMappings"] if m["sourceObjectName"] == "User")
    for row in users["attributeMappings"]:
        row["matchingPriority"] = 1 if row["targetAttributeName"] == "externalId" else 0
    entra.http.put(f"{application.job_path}/schema", json=schema).raise_for_status()

    assert _validate(entra, application, {"BaseAddress": target.url, "SecretToken": TOKEN}) is None

    assert [request.path for request in target.application.received] == ["/Users", "/Groups"]
    assert target.queries()[0]["filter"].startswith('externalId eq "')


def test_saved_credentials_replace_those_of_the_request(entra: Entra, application: Application, target: Target) -> None:
    """With useSavedCredentials, Entra ignores the credentials of the request, and uses none of the saved without it."""
    application.set_secrets(BaseAddress=target.url, SecretToken=TOKEN)

    assert _validate(entra, application, {"SecretToken": "wrong", "BaseAddress": "nonsense"}, saved=True) is None
    assert _validate(entra, application, {"SecretToken": TOKEN}) is not None


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        ({"SecretToken": "wrong"}, "Unauthorized (401)"),
        ({"BaseAddress": "https://localhost:1/scim/v2"}, "ConnectError"),
        ({"BaseAddress": "http://localhost:1/scim/v2"}, "absolute https URL"),
        ({"BaseAddress": "nonsense"}, "absolute https URL"),
    ],
    ids=["wrong-token", "unreachable", "not-https", "no-url"],
)
def test_a_failed_connection_test_says_why(
    entra: Entra, application: Application, target: Target, credentials: dict[str, str], words: str
) -> None:
    """The error is CredentialValidationUnavailable with the service's inner code, and does not contain the token."""
    error = _validate(entra, application, {"BaseAddress": target.url, "SecretToken": TOKEN} | credentials)

    assert error is not None
    assert error["code"] == "CredentialValidationUnavailable"
    inner = error["innerError"]
    assert inner["code"] == "SystemForCrossDomainIdentityManagementCredentialValidationUnavailable"
    assert words in inner["message"]
    assert TOKEN not in str(error)


def test_an_answer_that_is_not_a_list_fails_the_connection_test(entra: Entra, application: Application) -> None:
    """An endpoint that answers 200 with other content is not accepted as SCIM."""
    tenant = entra.organisation.tenant_id
    # The local Entra's discovery document replaces the SCIM endpoint: it is JSON and requires no token.
    application.set_secrets(BaseAddress=f"{entra.emulator.base_url}/{tenant}/v2.0/.well-known/openid-configuration")

    error = _validate(entra, application, {}, saved=True)

    assert error is not None


# --- the sandbox's own ----------------------------------------------------------------------------------------------


def test_starting_a_job_runs_a_cycle_with_auto_cycle(entra: Entra, application: Application, target: Target) -> None:
    """With the setting autoCycle, starting a job runs a cycle, as in the real service."""
    application.set_secrets(BaseAddress=target.url, SecretToken=TOKEN)
    application.assign(entra.organisation.user("alex@contoso.example").id)
    entra.http.patch("/sandbox/settings", json={"autoCycle": True})
    try:
        application.start()
        # A job's cycles run one after the other: this one starts when the background cycle has ended.
        application.cycle()
    finally:
        entra.http.patch("/sandbox/settings", json={"autoCycle": False})

    assert set(target.users()) == {"alex@contoso.example"}
    assert len(target.bodies("POST")) == 1


def test_state_survives_a_restart_of_the_sandbox(tmp_path: Path) -> None:
    """A second emulator starts with the saved state; only the owner can read the file."""
    organisation = Organisation()
    state = tmp_path / "entra.json"
    first = EntraEmulator("https://localhost:1", organisation, None, state_file=state)
    _, principal = first.directory.instantiate("8adf8e6e-67b2-4cf2-a259-e3dc5476c621", "KZero", None)
    job = first.jobs.create(principal["id"], principal["appId"], "scim")
    first.jobs.set_secrets(principal["id"], [{"key": "BaseAddress", "value": "https://localhost:2"}])
    job.start()
    first.save()

    second = EntraEmulator("https://localhost:1", organisation, None, state_file=state)

    assert second.jobs.jobs[job.id].shown() == job.shown()
    assert second.jobs.secrets == first.jobs.secrets
    assert second.directory.service_principals == first.directory.service_principals
    assert state.stat().st_mode & 0o077 == 0

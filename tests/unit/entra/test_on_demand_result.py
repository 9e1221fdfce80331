"""The two forms of provisionOnDemand's answer, and its failures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kzero_scim.entra.on_demand_result import parse_outcome

STATUS_INFO = "Microsoft.Identity.Health.CPP.Common.DataContracts.SyncFabric.StatusInfo"


def step(name: str, kind: str, status: str, description: str = "", **details: str) -> dict[str, Any]:
    """Return one step."""
    return {"name": name, "type": kind, "status": status, "description": description, "details": details}


IMPORT = step("EntryImport", "Import", "Success", "Retrieved User 'alex@contoso.example' from Entra")
EXPORT = step("EntryExportAdd", "Export", "Success", "User 'alex@contoso.example' was created")
REFUSED = step("EntryExportAdd", "Export", "Failure", "Failed to create; Error: 400", ErrorCode="SchemaError")
REDUNDANT = step("EntrySynchronizationSkip", "Export", "Skipped", "Already match.", SkipReason="RedundantExport")
OUTSIDE = step("EntrySynchronizationSkip", "Export", "Skipped", "Not assigned.", SkipReason="NotEffectivelyEntitled")


def documented(result: str, *steps: dict[str, Any], **details: str) -> dict[str, str]:
    """Return an answer of the first form."""
    return {
        "key": json.dumps({"result": result, "details": details}),
        "value": json.dumps({"provisioningSteps": steps, "statusInfo": {"status": result}}),
    }


@pytest.mark.parametrize(
    "answer",
    [
        documented("Success", IMPORT, EXPORT),
        {"key": STATUS_INFO, "value": json.dumps([{"provisioningSteps": [IMPORT, EXPORT]}])},
        {"key": STATUS_INFO, "value": json.dumps([IMPORT, EXPORT])},
        {
            "key": "{}",
            "value": json.dumps({"statusInfo": {"status": "Success"}, "provisioningSteps": [IMPORT, EXPORT]}),
        },
    ],
)
def test_success_in_every_shape(answer: dict[str, str]) -> None:
    """Success is recognized in both documented forms, with all steps."""
    outcome = parse_outcome(answer)

    assert outcome.result == "success"
    assert [item.name for item in outcome.steps] == ["EntryImport", "EntryExportAdd"]


@pytest.mark.parametrize(
    "answer",
    [
        documented("Skipped", IMPORT, REDUNDANT, errorCode="RedundantExport", errorMessage="Already match."),
        {"key": STATUS_INFO, "value": json.dumps([{"provisioningSteps": [IMPORT, REDUNDANT]}])},
    ],
)
def test_nothing_to_change_is_as_good(answer: dict[str, str]) -> None:
    """RedundantExport counts as a success: the user is in the desired state already."""
    assert parse_outcome(answer).result == "alreadyInDesiredState"


DISABLED = step("EntryExportUpdateSoftDelete", "Export", "Success", "User 'alex@contoso.example' was disabled")
DELETED = step("EntryExportDelete", "Export", "Success", "User 'alex@contoso.example' was deleted")
UPDATED = step("EntryExportUpdate", "Export", "Success", "User 'alex@contoso.example' was updated")
UNSCOPED = step("EntrySynchronizationScoping", "Scoping", "Skipped", "Not in scope.")
UNENTITLED = step("Scope", "Scoping", "Success", IsEffectivelyEntitledForProvisioning="False")


def acted(action: str, *steps: dict[str, Any], result: str = "Success", name: str = "action") -> dict[str, str]:
    """Return an answer that names Entra's action."""
    details = {"errorCode": "RedundantExport"} if result == "Skipped" else {}
    return {
        "key": json.dumps({"result": result, "details": details}),
        "value": json.dumps({name: action, "provisioningSteps": steps}),
    }


@pytest.mark.parametrize("name", ["action", "provisioningAction"])
@pytest.mark.parametrize("action", ["Create", "Update", "create", "UPDATE"])
def test_creating_and_updating_provision_the_user(action: str, name: str) -> None:
    """A success whose action is to create or update the user counts as a success."""
    assert parse_outcome(acted(action, IMPORT, UPDATED, name=name)).result == "success"


@pytest.mark.parametrize(
    ("answer", "done"),
    [
        (acted("Disable", IMPORT, UPDATED), "disabled"),
        (acted("disable", IMPORT, UPDATED, name="provisioningAction"), "disabled"),
        (acted("StagedDelete", IMPORT), "disabled"),
        (acted("Delete", IMPORT, DELETED), "deleted"),
        (documented("Success", IMPORT, DISABLED), "disabled"),
        (documented("Success", IMPORT, DELETED), "deleted"),
        ({"key": STATUS_INFO, "value": json.dumps([IMPORT, DELETED])}, "deleted"),
        (acted("Update", IMPORT, UNSCOPED, UPDATED), "nothing had to be done"),
        (documented("Success", IMPORT, UNENTITLED, UPDATED), "nothing had to be done"),
        (acted("Other", IMPORT, UNSCOPED, REDUNDANT, result="Skipped"), "nothing had to be done"),
        (acted("Disable", IMPORT, REDUNDANT, result="Skipped"), "disabled"),
    ],
)
def test_a_user_who_was_removed_is_not_provisioned(answer: dict[str, str], done: str) -> None:
    """A successful disable or delete, also one that had nothing to do, is a failure: the user is out of scope."""
    outcome = parse_outcome(answer)

    assert (outcome.result, outcome.is_outside) == (None, True)
    assert done in outcome.problem
    assert "assign the user" in outcome.problem


@pytest.mark.parametrize(
    "answer",
    [
        acted("Other", IMPORT, UPDATED),
        acted("unknownFutureValue", IMPORT, UPDATED),
        documented("Success", IMPORT),
        {"key": json.dumps({"result": "Success"}), "value": "{}"},
    ],
)
def test_a_success_of_an_unknown_action_is_a_failure(answer: dict[str, str]) -> None:
    """A success that does not show that Entra created or updated the user does not count."""
    outcome = parse_outcome(answer)

    assert (outcome.result, outcome.is_outside) == (None, False)
    assert "it is unknown whether it created or updated the user" in outcome.problem


@pytest.mark.parametrize(
    "answer",
    [
        documented("Skipped", IMPORT, OUTSIDE, errorCode="NotEffectivelyEntitled", errorMessage="Not assigned."),
        {"key": STATUS_INFO, "value": json.dumps([{"provisioningSteps": [IMPORT, OUTSIDE]}])},
    ],
)
def test_a_user_outside_is_a_failure_with_its_remedy(answer: dict[str, str]) -> None:
    """A user outside the scope is a failure, and its problem says how to assign the user."""
    outcome = parse_outcome(answer)

    assert outcome.result is None
    assert outcome.is_outside
    assert "assign the user" in outcome.problem


def test_a_failing_step_is_named() -> None:
    """The problem names the step and Entra's message, and mentions the flag aadOptscim062020."""
    outcome = parse_outcome(documented("Failure", IMPORT, REFUSED, errorCode="SchemaError", errorMessage="bad"))

    assert outcome.result is None
    assert "EntryExportAdd (Export) Failure: Failed to create; Error: 400" in outcome.problem
    assert "SchemaError: bad" in outcome.problem
    assert "aadOptscim062020" in outcome.problem
    assert "\n" not in outcome.problem


def test_a_failing_step_beats_a_success() -> None:
    """A failed step makes the outcome a failure, even if the summary says success."""
    assert parse_outcome(documented("Success", IMPORT, REFUSED)).result is None


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"key": None, "value": None},
        {"key": "{", "value": "["},
        {"key": "[]", "value": "{}"},
        {"key": json.dumps({"result": "Warning"}), "value": "{}"},
        {"key": json.dumps({"result": "Skipped"}), "value": "{}"},
        {"key": STATUS_INFO, "value": json.dumps([IMPORT])},
        {"key": STATUS_INFO, "value": json.dumps(["odd", 3])},
        {
            "key": json.dumps({"result": {"odd": 1}, "details": "odd"}),
            "value": json.dumps({"provisioningSteps": "odd"}),
        },
    ],
)
def test_an_unreadable_answer_is_a_failure(answer: dict[str, Any] | None) -> None:
    """An unreadable answer is a failure: it does not prove that Entra provisioned the user."""
    outcome = parse_outcome(answer)

    assert outcome.result is None
    assert outcome.problem

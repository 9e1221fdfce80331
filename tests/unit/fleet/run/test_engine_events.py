"""Tests of engine events as a tenant's changes, drift, warnings and errors."""

from typing import Any

from pulumi.automation.events import EngineEvent

from kzero_scim.fleet.model import PropertyChange, ResourceChange
from kzero_scim.fleet.run.engine_events import EngineEvents
from kzero_scim.tenant.drift import Difference

_URN = "urn:pulumi:fabrikam::kzero-scim::kzero-scim:components:TenantProvisioning$"
MAPPERS = "kzero:keycloak:MapperSet"
CREDENTIALS = "kzero:entra:SynchronizationCredentials"


def state(type_: str, values: dict[str, Any], *, custom: bool = True) -> dict[str, Any]:
    """Return a resource's state as in an event."""
    return {"type": type_, "urn": f"{_URN}{type_}::tenant", "custom": custom, "inputs": values, "outputs": values}


def event(  # noqa: PLR0913 - one keyword a fact
    kind: str,
    operation: str,
    type_: str,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    diff: dict[str, str] | None = None,
    custom: bool = True,
    name: str = "tenant",
) -> EngineEvent:
    """Return a step's event; a diff maps paths to kinds."""
    metadata = {
        "op": operation,
        "urn": f"{_URN}{type_}::{name}",
        "type": type_,
        "old": None if old is None else state(type_, old, custom=custom),
        "new": None if new is None else state(type_, new, custom=custom),
        "detailedDiff": {path: {"diffKind": word} for path, word in (diff or {}).items()},
    }
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, kind: {"metadata": metadata}})


def said(severity: str, message: str, urn: str = "") -> EngineEvent:
    """Return a diagnostic event."""
    return EngineEvent.from_json(
        {"sequence": 1, "timestamp": 1, "diagnosticEvent": {"severity": severity, "message": message, "urn": urn}}
    )


def gathered(*events: EngineEvent, refreshing: bool = False) -> EngineEvents:
    """Return the collected events."""
    found = EngineEvents(refreshing=refreshing)
    for item in events:
        found.take(item)
    return found


def test_values_before_and_after() -> None:
    """Secrets and unknown values are marked, numbers are whole, and paths are sorted."""
    old = {"secretToken": "[secret]", "deletionThreshold": 25.0, "scope": "assigned"}
    new = {"secretToken": "[secret]", "deletionThreshold": 30.0, "fingerprint": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
    diff = {"secretToken": "update", "deletionThreshold": "update", "scope": "delete", "fingerprint": "add"}

    assert [
        ResourceChange(
            resource="SynchronizationCredentials",
            name="tenant",
            operation="update",
            properties=[
                PropertyChange(property="deletionThreshold", kind="update", was=25, now=30),
                PropertyChange(property="fingerprint", kind="add", was=None, now="(not known yet)"),
                PropertyChange(property="scope", kind="delete", was="assigned", now=None),
                PropertyChange(property="secretToken", kind="update", was="(secret)", now="(secret)"),
            ],
        )
    ] == gathered(event("resourcePreEvent", "update", CREDENTIALS, old=old, new=new, diff=diff)).changes


def test_a_replacement_is_one_change() -> None:
    """The steps of a replacement are one change, with the reason of the first step."""
    old, new = {"realm": "a"}, {"realm": "b"}
    found = gathered(
        event("resourcePreEvent", "create-replacement", MAPPERS, old=old, new=new, diff={"realm": "update-replace"}),
        event("resourcePreEvent", "replace", MAPPERS, old=old, new=new),
        event("resourcePreEvent", "delete-replaced", MAPPERS, old=old),
    )

    assert [
        ResourceChange(
            resource="MapperSet",
            name="tenant",
            operation="replace",
            properties=[PropertyChange(property="realm", kind="replace", was="a", now="b")],
        )
    ] == found.changes


def test_components_the_stack_and_new_providers_are_no_changes() -> None:
    """Components, the stack and new providers are not changes; changed provider settings are."""
    found = gathered(
        event("resourcePreEvent", "create", "kzero-scim:components:ScimEndpoint", new={}, custom=False),
        event("resourcePreEvent", "create", "pulumi:pulumi:Stack", new={}),
        event("resourcePreEvent", "create", "pulumi:providers:azuread", new={}),
        event("resourcePreEvent", "same", MAPPERS, old={}, new={}),
        event("resourcePreEvent", "update", "pulumi:providers:kzero", old={}, new={}, diff={"clientId": "add"}),
    )

    assert [(change.resource, change.operation) for change in found.changes] == [("Provider", "update")]


def test_every_deletion_is_told() -> None:
    """Deleted resources, components and declared providers are reported; default providers are not."""
    component, providers = "kzero-scim:components:ScimEndpoint", "pulumi:providers:azuread"
    found = gathered(
        event("resourcePreEvent", "delete", MAPPERS, old={}),
        event("resourcePreEvent", "delete", component, old={}, custom=False),
        event("resOutputsEvent", "delete", component, old={}, custom=False),
        event("resourcePreEvent", "delete", providers, old={}, name="second"),
        event("resourcePreEvent", "delete", providers, old={}, name="default_6_11_1"),
        event("resourcePreEvent", "delete", "pulumi:pulumi:Stack", old={}, custom=False),
    )

    assert [(change.operation, change.resource, change.name) for change in found.changes] == [
        ("delete", "MapperSet", "tenant"),
        ("delete", "ScimEndpoint", "tenant"),
        ("delete", "Provider", "second"),
    ]


def test_drift_is_what_a_refresh_finds() -> None:
    """A preview with refresh reports drift beside the change that would undo it."""
    wanted, actual = {"mappers": {"email": {"claim": "email"}}}, {"mappers": {"email": {"claim": "mail"}}}
    diff = {"mappers.email.claim": "update"}
    found = gathered(
        event("resourcePreEvent", "refresh", MAPPERS, old=wanted, new=wanted),
        event("resOutputsEvent", "refresh", MAPPERS, old=wanted, new=actual, diff=diff),
        event("resourcePreEvent", "update", MAPPERS, old=actual, new=wanted, diff=diff),
    )

    assert [Difference(resource="MapperSet", property="mappers.email.claim", was="email", now="mail")] == found.drift
    assert [PropertyChange(property="mappers.email.claim", kind="update", was="mail", now="email")] == (
        found.changes[0].properties
    )


def test_a_refresh_changes_nothing() -> None:
    """Updates and deletions of a refresh are drift, including resources that are gone."""
    found = gathered(
        event("resOutputsEvent", "update", MAPPERS, old={"realm": "a"}, new={"realm": "b"}, diff={"realm": "update"}),
        event("resOutputsEvent", "delete", CREDENTIALS, old={"scope": "all"}),
        refreshing=True,
    )

    assert found.changes == []
    assert [(item.resource, item.property, item.now) for item in found.drift] == [
        ("MapperSet", "realm", "b"),
        ("SynchronizationCredentials", "", None),
    ]


def test_what_failed_is_no_change() -> None:
    """If an up fails, only applied changes are reported."""
    found = gathered(
        event("resourcePreEvent", "create", MAPPERS, new={}),
        event("resourcePreEvent", "update", CREDENTIALS, old={}, new={}, diff={"scope": "add"}),
        event("resOpFailedEvent", "update", CREDENTIALS, old={}, new={}),
    )

    assert [change.resource for change in found.changes] == ["MapperSet"]


def test_errors_and_warnings_are_single_lines() -> None:
    """Errors and warnings are single lines without repeats, colors, or the engine's final summary."""
    found = gathered(
        said("error", "an unhandled error occurred: first line"),
        said("error", "two problems:\n  one\n  two"),
        said("error", "<{%reset%}>first\n  line<{%reset%}>\n"),
        said("error", "preview failed"),
        said("error", "first line"),
        said("warning", "look out\n"),
        said("info", "chatter"),
    )

    assert (found.errors, found.warnings) == (["first line", "two problems: one; two"], ["look out"])


def test_a_failure_of_azuread_is_one_line_after_our_own() -> None:
    """The official plugin reports a failure in its log and as its answer, before the sentence that says what to do."""
    urn = f"{_URN}azuread:index/applicationFromTemplate:ApplicationFromTemplate::tenant"
    problem = "Instantiating application template: unexpected status 403 with error: Authorization_RequestDenied: No."
    found = gathered(
        said("error", f"  sdk-v2/provider2.go:572: sdk.helper_schema: {problem}: provider=azuread@6.11.1", urn),
        said("error", f"1 error occurred:\n\t* creating {urn}: 1 error occurred:\n\t* {problem}\n\n", urn),
        said("error", "the application lacks the permission Application.ReadWrite.OwnedBy; grant it"),
    )

    assert found.errors == ["the application lacks the permission Application.ReadWrite.OwnedBy; grant it", problem]


def test_what_the_engine_does_now() -> None:
    """The engine's present step is a few words."""
    events = EngineEvents(refreshing=False)

    assert [
        events.take(event("resourcePreEvent", operation, MAPPERS, old={}, new={}))
        for operation in ("refresh", "update", "same", "create-replacement")
    ] == ["reading MapperSet", "updating MapperSet", "comparing MapperSet", "replacing MapperSet"]

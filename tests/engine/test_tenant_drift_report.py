"""`kzero-scim drift` reports every owned property with both values, author and time: real Keycloak, local Entra."""

from __future__ import annotations

import asyncio
import copy
import pprint
import re
from typing import Any

import httpx
import pytest
from kzero_sandbox.organisation import LEAST_PRIVILEGE, LOG_PERMISSIONS

from kzero_scim.stack.stack import Stack
from kzero_scim.tenant.drift import Drift, find_drift
from tests.engine.drift_table import CASES, SETTINGS, Case, World
from tests.engine.engine_refresh import Row, drift_of_a_refresh
from tests.engine.tenant_program import TenantStack

OF_AZUREAD = {"ApplicationFromTemplate", "ServicePrincipal"}
Loaded = tuple[dict[str, Any], dict[str, Any]]


def load(running: TenantStack) -> Loaded:
    """Return configuration and state as Pulumi's CLI prints them."""
    return running.stack.configuration(), running.stack.export()


def stack_of(loaded: Loaded, assume: dict[str, dict[str, Any]] | None = None) -> Stack:
    """Return the stack as the command line loads it, with additional values in its state."""
    configured, deployment = copy.deepcopy(loaded)
    for item in deployment["resources"]:
        more = (assume or {}).get(item["type"].rsplit(":", 1)[-1], {})
        for side in ("inputs", "outputs"):
            if side in item:
                item[side] |= more
    return Stack.of("test", configured, {"deployment": deployment})


def look(loaded: Loaded, assume: dict[str, dict[str, Any]] | None = None) -> Drift:
    """Return the differences between both sides and the state."""
    return asyncio.run(find_drift(stack_of(loaded, assume)))


def reported(found: Drift, case: Case) -> list[Row]:
    """Return the reported differences in the table's form."""
    return in_the_tables_form([(item.resource, item.property, item.was, item.now) for item in found.differences], case)


def in_the_tables_form(rows: list[Row], case: Case) -> list[Row]:
    """Return differences in a fixed order, with ``...`` for values that the table does not compare."""
    anything = {(kind, path): (was is ..., now is ...) for kind, path, was, now in case.expected}
    shown = []
    for kind, path, was, now in rows:
        any_was, any_now = anything.get((kind, path), (False, False))
        shown.append(
            (kind, path, ... if any_was and was is not None else was, ... if any_now and now is not None else now)
        )
    return sorted(shown, key=repr)


@pytest.fixture
def owned(tenant_stack: TenantStack) -> TenantStack:
    """A running tenant whose stack owns every property that it can own."""
    made = tenant_stack.tenant.credentials
    token = tenant_stack.tenant.realm_token(made.scim_client_id, made.scim_client_secret)
    tenant_stack.set(**SETTINGS)
    tenant_stack.stack.configure({}, {"kzero-scim:secretToken": token})
    tenant_stack.up()
    return tenant_stack


def test_every_manual_change_of_an_owned_property_is_reported(
    owned: TenantStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change in the table is reported as expected, by `drift` and by a refresh, and no secret token is shown."""
    loaded, state = load(owned), owned.stack.state()
    # The state does not change here, and exporting it takes longer than the rest of a row.
    monkeypatch.setattr(owned.stack, "state", lambda: state)
    assert look(loaded).differences == []
    world = World(owned)
    wrong: dict[str, Any] = {}

    for name, case in CASES.items():
        try:
            case.change(world)
        except httpx.HTTPStatusError as refused:
            wrong[name] = refused.response.text
            world.restore()
            continue
        found, expected = look(loaded, case.assume), sorted(case.expected, key=repr)
        if found.unasked or reported(found, case) != expected:
            wrong[name] = {"reported": reported(found, case), "expected": expected, "unasked": found.unasked}
        refresh = in_the_tables_form(asyncio.run(drift_of_a_refresh(stack_of(loaded, case.assume))), case)
        if refresh != [row for row in expected if row[0] not in OF_AZUREAD]:
            wrong[f"{name}, in a refresh"] = {"refresh": refresh, "expected": expected}
        if name != "job deleted":
            world.restore()

    assert wrong == {}, pprint.pformat(wrong, width=160)


def test_the_report_names_author_and_time_if_the_services_know_them(running: TenantStack) -> None:
    """A person in Entra and an administrator in KZero are named. Without permissions, the author is unknown."""
    entra = running.tenant.entra
    signed_in = entra.headers["Authorization"]
    robin = entra.post("/sandbox/token", json={"user": "robin@contoso.example"}).json()["access_token"]
    entra.headers["Authorization"] = f"Bearer {robin}"
    running.rename("Renamed")
    running.unassign("Alex Lindqvist")
    running.change_row("name.givenName", source="city")
    running.set_secret("SecretToken", "another")
    entra.headers["Authorization"] = signed_in
    running.assign(running.tenant.entra.get("/v1.0/users/sam@contoso.example").json()["id"])
    running.change_mapper("status", jsonType__label="String")
    running.delete_mapper("email")

    loaded = load(running)
    unknown = look(loaded)
    permissions = {"permissions": [*LEAST_PRIVILEGE, *LOG_PERMISSIONS]}
    entra.patch("/sandbox/clients/least-privilege", json=permissions).raise_for_status()
    known = look(loaded)
    preview = running.stack.preview(refresh=True)

    assert {item.who for item in unknown.differences} == {"", "tenant-admin"}
    assert any("AuditLog.Read.All" in note for note in unknown.notes)
    who = {(item.resource, item.property): item.who for item in known.differences}
    assert who == {
        ("MapperSet", "mappers.email"): "tenant-admin",
        ("MapperSet", "mappers.status.claimJsonType"): "tenant-admin",
        ("AppRoleAssignments", "users[0]"): "robin@contoso.example",
        ("AttributeMappings", 'rows["name.givenName"].source'): "robin@contoso.example",
        ("ApplicationFromTemplate", "displayName"): "robin@contoso.example",
    }
    assert all(item.when.endswith("Z") for item in known.differences)
    assert [note.partition(" changed ")[0] for note in known.notes] == ["robin@contoso.example"]
    notes = [text for severity, text in preview.diagnostics if severity == "info" and "changed by" in text]
    assert any(text.startswith("users[0] changed by robin@contoso.example at 20") for text in notes)
    # Two changes in the same second share a line, in any order.
    assert any(re.search(r"mappers\.email.* changed by tenant-admin at 20", text) for text in notes)

"""Destroying a tenant disables users only if the stack says so: real engine, real Keycloak, local Entra."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from kzero_sandbox.running import Tenant

from tests.engine.tenant_program import TEST_USER, TenantStack
from tests.realm_roles import grant, service_account

ROBIN, SAM, MORGAN, KIM = (f"{name}@contoso.example" for name in ("robin", "sam", "morgan", "kim"))
GUEST = "pat_partner.example#EXT#@contoso-sandbox.onmicrosoft.com"
SENT_GUEST = "pat@partner.example"


@contextmanager
def cycles_all_the_time(tenant: Tenant) -> Iterator[list[str]]:
    """Run provisioning cycles without a pause while the block runs, and yield the list of their states."""
    states: list[str] = []
    done = threading.Event()

    def provision() -> None:
        with httpx.Client(
            base_url=tenant.entra.base_url,
            verify=ssl.create_default_context(cafile=tenant.env["SSL_CERT_FILE"]),
            trust_env=False,
        ) as entra:
            while not done.is_set():
                cycles = entra.post("/sandbox/cycle", timeout=60).raise_for_status().json()["cycles"]
                states.extend(execution["state"] for execution in cycles.values())

    thread = threading.Thread(target=provision)
    thread.start()
    try:
        yield states
    finally:
        done.set()
        thread.join()


def changes_in_kzero(tenant: Tenant) -> list[str]:
    """Return the requests to the tenant's SCIM endpoint that could change a user or a group."""
    log = tenant.kzero.get("/sandbox/requests").raise_for_status().json()
    return [
        f"{entry['method']} {entry['path']}"
        for entry in log
        if entry["path"].startswith(f"/realms/{tenant.realm}/scim/") and entry["method"] not in {"GET", "HEAD"}
    ]


def test_destroy_disables_no_user_even_with_constant_provisioning_cycles(running: TenantStack) -> None:
    """With cycles before, during and after destroy, no change reaches KZero, and all users stay as they were."""
    tenant = running.tenant
    running.cycle()
    before = {name: running.user(name) for name in (TEST_USER, ROBIN, SAM)}
    running_words = running.stack.outputs()["onDestroy"]
    tenant.kzero.delete("/sandbox/requests").raise_for_status()

    shown = running.stack.preview_destroy()
    with cycles_all_the_time(tenant) as states:
        running.stack.destroy()
    tenant.entra.post("/sandbox/cycle").raise_for_status()

    assert "kzero:keycloak:ProvisionedUsers tenant-users-stay-as-they-are delete" in shown.output
    assert f'users in KZero realm "{tenant.realm}" stay unchanged' in running_words
    assert "Succeeded" in states
    assert changes_in_kzero(tenant) == []
    assert {name: running.user(name) for name in before} == before
    assert all(user["enabled"] for user in before.values())


def test_destroy_disables_the_provisioned_users_if_on_destroy_says_so(running: TenantStack) -> None:
    """All users who are assigned, directly or through a group, are disabled, except for administrators.

    That includes guests, which Entra provisions under another name. Users who are not in KZero are named.
    """
    tenant = running.tenant
    running.cycle()
    grant(tenant, service_account(tenant, tenant.credentials.client_id), "manage-users")
    # A user who was not provisioned, and an assigned user who administers the realm.
    tenant.keycloak_admin.post("/users", json={"username": MORGAN, "enabled": True}).raise_for_status()
    grant(tenant, running.user(ROBIN)["id"], "view-clients")
    changed = running.up(onDestroy="disable", users=[TEST_USER, GUEST])
    running.cycle()
    tenant.keycloak_admin.delete(f"/users/{running.user(KIM)['id']}").raise_for_status()
    assert changed.changes["ProvisionedUsers"].op == "update"
    assert f'are DISABLED in KZero realm "{tenant.realm}"' in running.stack.outputs()["onDestroy"]
    back = running.up(onDestroy="keep")
    assert back.changes["ProvisionedUsers"].op == "update"
    assert running.user(SAM)["enabled"]
    running.up(onDestroy="disable")
    assert running.stack.preview(refresh=True).changes == {}

    shown = running.stack.preview_destroy()
    done = running.stack.destroy()

    assert "kzero:keycloak:ProvisionedUsers tenant-users-are-disabled delete" in shown.output
    notes = [text for _, text in done.diagnostics]
    assert f'disabled 3 users in KZero realm "{tenant.realm}": {TEST_USER}, {SENT_GUEST}, {SAM}' in notes
    assert f'not found in KZero realm "{tenant.realm}", so not disabled: {KIM}' in notes
    assert f"not disabled: {ROBIN} (administrator)" in notes
    enabled = {name: running.user(name)["enabled"] for name in (TEST_USER, SENT_GUEST, SAM, ROBIN, MORGAN)}
    assert enabled == {TEST_USER: False, SENT_GUEST: False, SAM: False, ROBIN: True, MORGAN: True}
    sam = running.user(SAM)
    assert (sam["firstName"], sam["attributes"]["userPrincipalName"]) == ("Sam", [SAM])
    assert running.stack.state() == {}

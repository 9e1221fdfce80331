"""A stack that moves to another tenant is stopped before any change, and completes if the move is confirmed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from kzero_sandbox.entra.emulator import EntraEmulator
from kzero_sandbox.kzero.tenants import TenantCredentials
from kzero_sandbox.organisation import Organisation
from kzero_sandbox.serving import ServerThread, issue_certificates, listen, port_of

from kzero_scim.settings.confirmations import VARIABLE
from tests.engine.attach import RunFailedError
from tests.engine.tenant_program import TEST_USER, TenantStack

OTHER = "5a4d0b0c-0000-4000-8000-00000000e499"


@contextmanager
def another_entra(directory: Path, ca_file: Path) -> Iterator[tuple[EntraEmulator, str, Path]]:
    """Serve a second Entra tenant. Yields the emulator, its host, and a file with the authorities of both."""
    files = issue_certificates(directory)
    listener = listen()
    host = f"localhost:{port_of(listener)}"
    both = directory / "both.pem"
    both.write_text(ca_file.read_text() + files.ca_file.read_text())
    emulator = EntraEmulator(f"https://{host}", replace(Organisation(), tenant_id=OTHER), both)
    with ServerThread(emulator.app, listener=listener, certificates=files):
        yield emulator, host, both


def test_a_move_to_another_kzero_tenant(running: TenantStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Preview and ``up`` stop the move. Once confirmed, the new tenant is provisioned and the old one is named."""
    old = running.tenant
    name = f"{old.realm}-next"
    made = TenantCredentials(**old.kzero.post("/sandbox/tenants", json={"name": name}).raise_for_status().json())
    try:
        running.set(kzeroTenant=name)
        monkeypatch.setenv("KZERO_CLIENT_SECRET", made.client_secret)
        for attempt in (running.stack.preview, running.stack.up):
            with pytest.raises(RunFailedError, match=rf"moves this stack.*{VARIABLE}=move={name}"):
                attempt()
        # A refresh uses the state. The old tenant does not know the new credentials, and no resource is dropped.
        before = running.stack.export()["resources"]
        with pytest.raises(RunFailedError):
            running.stack.refresh()
        assert [item["urn"] for item in running.stack.export()["resources"]] == [item["urn"] for item in before]
        assert running.stack.state()["ScimEndpoint"]["id"] == old.realm

        monkeypatch.setenv(VARIABLE, f"move={name}")
        foreseen = running.stack.preview()
        assert {kind for kind, step in foreseen.changes.items() if "replace" in step.op} == {
            "ScimEndpoint",
            "MapperSet",
            "SynchronizationJob",
            "AttributeMappings",
            "ConnectionTest",
            "ProvisioningStatus",
            "OnDemandProvisioning",
        }
        assert "provisioning would start with an initial cycle" in foreseen.messages
        done = running.up()
        assert f'endpoint of realm "{old.realm}", which this stack has left, stays ON' in done.messages
        assert f'stay in realm "{old.realm}"' in done.messages
        monkeypatch.delenv(VARIABLE)

        assert running.drift() == {}
        address = f"/realms/{name}/scim/v2"
        assert running.stack.outputs()["tenantUrl"].endswith(address)
        old.kzero.delete("/sandbox/requests")
        running.cycle()
        asked = {entry["path"] for entry in old.kzero.get("/sandbox/requests").json() if "/scim/" in entry["path"]}
        assert asked
        assert all(path.startswith(address) for path in asked)
    finally:
        old.kzero.delete(f"/sandbox/tenants/{name}")


def test_a_move_to_another_entra_tenant(running: TenantStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The move stops before a sign-in. Once confirmed, all is created again, and the old application is kept."""
    running.tenant.accept_tokens("fixed-token")
    running.stack.configure({}, {"kzero-scim:secretToken": "fixed-token"})
    running.up()
    old = running.graph("GET", "").json()
    old_tenant = running.tenant.env["ARM_TENANT_ID"]
    old_host = running.tenant.env["ARM_METADATA_HOSTNAME"]
    with another_entra(tmp_path / "entra", Path(running.tenant.env["SSL_CERT_FILE"])) as (entra, host, authorities):
        monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authorities))
        monkeypatch.setenv("KZERO_SCIM_ALLOWED_HOSTS", f"{os.environ['KZERO_SCIM_ALLOWED_HOSTS']} https://{host}")
        running.stack.configure({"azuread:tenantId": OTHER, "azuread:metadataHost": host})
        before = running.stack.export()
        for attempt in (running.stack.preview, running.stack.up):
            with pytest.raises(
                RunFailedError, match=rf"azuread:tenantId.*{old_tenant}.*`{VARIABLE}=move={OTHER} pulumi up`"
            ):
                attempt()
        # Which hosts the secret would reach is read before the move is judged; that request carries no credential.
        assert {request["path"] for request in entra.traffic.log} == {"/metadata/endpoints"}
        tenants = {
            item["inputs"]["tenantId"]
            for item in running.stack.export()["resources"]
            if item["type"] in {"pulumi:providers:azuread", "pulumi:providers:kzero"}
        }
        assert tenants == {old_tenant}
        assert len(running.stack.export()["resources"]) == len(before["resources"])

        # Return to the old tenant, to mark its application.
        monkeypatch.setenv(VARIABLE, f"move={OTHER}")
        running.stack.configure({"azuread:tenantId": old_tenant, "azuread:metadataHost": old_host})
        prepared = running.stack.up()
        assert prepared.changes == {}
        assert "marked to be kept" in prepared.messages

        running.stack.configure({"azuread:tenantId": OTHER, "azuread:metadataHost": host})
        assert "the application would be replaced: all assignments" in running.stack.preview().messages
        running.up()
        monkeypatch.delenv(VARIABLE)
        assert running.stack.preview().changes == {}
        assert running.drift() == {}

        made = running.service_principal
        assert made != old["id"]
        assert made in entra.directory.service_principals
        assert running.tenant.entra.get(f"/v1.0/servicePrincipals/{old['id']}").json() == old
        (job,) = entra.jobs.of(made)
        assert job.schedule_state == "Active"
    assert running.tenant.user(TEST_USER)

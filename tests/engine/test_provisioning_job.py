"""Attribute mappings, connection test and provisioning status under a real engine, with a local Entra."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest
from kzero_sandbox.serving import Certificates, issue_certificates

from kzero_scim import sdk as kzero
from kzero_scim.mapping.attribute_mapping import WORK_EMAIL
from kzero_scim.provider.package import KZERO
from tests.contract.local_entra import LocalEntra
from tests.contract.sandbox.entra.world import TOKEN, Application, Entra, Target, running_entra, running_target
from tests.engine.attach import EngineStack, RunFailedError
from tests.engine.conftest import MakeStack


@dataclass
class World:
    """A job without settings, its SCIM receiver, and a stack that manages the job."""

    application: Application
    target: Target
    stack: EngineStack
    trigger: str = "1"
    exclusive: bool = False

    def declare(self) -> None:
        """Declare the job's resources in the guide's order."""
        ids: dict[str, Any] = {"service_principal_id": self.application.principal, "job_id": self.application.job}
        mappings = kzero.AttributeMappings("mappings", **ids, exclusive=self.exclusive)
        triggers: dict[str, Any] = {"mappings": mappings.fingerprint, "credentials": self.trigger}
        test = kzero.ConnectionTest("test", **ids, triggers=triggers)
        kzero.ProvisioningStatus("status", **ids, triggers=triggers, opts=pulumi.ResourceOptions(depends_on=[test]))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates of an authority that both sides trust."""
    return issue_certificates(tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="module")
def running(certificates: Certificates) -> Iterator[Entra]:
    """The local Entra."""
    with running_entra(certificates) as entra:
        yield entra


@pytest.fixture
def world(
    running: Entra, certificates: Certificates, engine: MakeStack, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A job with credentials for an empty receiver."""
    host = running.emulator.base_url.removeprefix("https://")
    local = LocalEntra(running.emulator, host, certificates.ca_file)
    local.clean(monkeypatch)
    running.http.headers["Authorization"] = f"Bearer {running.http.post('/sandbox/token').json()['access_token']}"
    seed = local.organisation.client("admin")
    config = {
        "kzero:tenantId": local.organisation.tenant_id,
        "kzero:clientId": seed.client_id,
        "kzero:metadataHost": host,
    }
    with running_target(certificates) as target:
        application = running.application()
        application.create_job()
        application.set_secrets(BaseAddress=target.url, SecretToken=TOKEN)
        stack = engine(lambda: None, KZERO, config=config, secrets={"kzero:clientSecret": seed.secret})
        made = World(application, target, stack)
        stack.program = made.declare
        yield made


def test_a_job_from_first_up_to_destroy(world: World) -> None:
    """A second run changes nothing, drift is repaired, a trigger starts the test, and destroy restores the job."""
    before = {key: value for key, value in world.application.schema().items() if key != "version"}

    first = world.stack.up()
    assert {name: step.op for name, step in first.changes.items()} == {
        "mappings": "create",
        "test": "create",
        "status": "create",
    }
    assert world.application.status()["schedule"]["state"] == "Active"
    traffic = world.application.entra.emulator.traffic
    traffic.log.clear()
    assert world.stack.preview(expect_no_changes=True).changes == {}
    assert list(traffic.log) == []
    assert world.stack.preview(refresh=True).changes == {}
    graph = [entry["path"] for entry in traffic.log if "/synchronization/" in entry["path"]]
    assert len(graph) == 2, graph

    schema = world.application.schema()
    rows = next(
        mapping
        for mapping in schema["synchronizationRules"][0]["objectMappings"]
        if mapping["sourceObjectName"] == "User"
    )["attributeMappings"]
    email = next(row for row in rows if row["targetAttributeName"] == WORK_EMAIL)
    email["source"] = {"expression": "[city]", "name": "city", "parameters": [], "type": "Attribute"}
    world.application.put_schema(schema)
    world.application.entra.http.post(f"{world.application.job_path}/pause")

    drift = world.stack.preview(refresh=True)
    assert drift.changes["mappings"].diff == {'rows["emails[type eq \\"work\\"].value"].source': ("city", "mail")}
    assert drift.changes["status"].diff == {"enabled": (False, True)}
    assert set(drift.changes) == {"mappings", "status"}
    world.stack.up(refresh=True)
    assert world.stack.preview(refresh=True).changes == {}

    world.trigger = "2"
    changed = world.stack.up()
    assert {name: step.diff for name, step in changed.changes.items()} == {
        "test": {"triggers.credentials": ("1", "2")},
        "status": {"triggers.credentials": ("1", "2")},
    }

    world.stack.destroy()
    assert {key: value for key, value in world.application.schema().items() if key != "version"} == before
    assert world.application.status()["schedule"]["state"] == "Paused"


def test_a_failed_connection_test_does_not_start_the_job(world: World) -> None:
    """The job stays disabled, and the error is one line with its meaning."""
    world.target.application.token = "another"

    with pytest.raises(RunFailedError) as caught:
        world.stack.up()

    (line,) = [error for error in caught.value.run.errors if "CredentialValidationUnavailable" in error]
    assert "Azure Tenant ID" in line
    assert "Traceback" not in line
    assert world.application.status()["schedule"]["state"] == "Disabled"

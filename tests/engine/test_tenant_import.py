"""Each of the package's resources can be imported by its id: real engine, real Keycloak, local Entra."""

from pathlib import Path
from typing import Any

import pulumi

from kzero_scim.provider.package import KZERO
from tests.engine.attach import AttachedProvider, EngineStack
from tests.engine.tenant_program import TenantStack, by_kind


def imported(item: dict[str, Any]) -> None:
    """Declare a resource of another stack's state as an import."""
    inputs = dict(item["inputs"])
    if "triggers" in inputs:
        # Triggers come from the other stack. The existing object does not have them.
        inputs["triggers"] = {}
    # Inputs that the program omits keep the value that the import finds.
    inputs.pop("provisionGroups", None)
    properties = {**dict.fromkeys(item["outputs"]), **inputs}
    pulumi.CustomResource(item["type"], "imported", properties, pulumi.ResourceOptions(import_=item["id"]))


def test_every_resource_can_be_imported(running: TenantStack, tmp_path: Path) -> None:
    """A new stack imports every resource without a change, except for values that Entra does not return."""
    existing = {kind: item for kind, item in running.stack.state().items() if item["type"].startswith("kzero:")}
    mappers, rows, assigned = running.mappers(), running.row_sources(), running.assignments()
    environment = running.tenant.env
    config = {
        "kzero:tenantId": environment["ARM_TENANT_ID"],
        "kzero:metadataHost": environment["ARM_METADATA_HOSTNAME"],
        "kzero:serverUrl": environment["KZERO_SERVER_URL"],
        "kzero:realm": running.tenant.realm,
    }

    def program() -> None:
        for item in existing.values():
            imported(item)

    with AttachedProvider(KZERO) as provider:
        fresh = EngineStack(program, tmp_path / "fresh", [provider], config=config, naming=by_kind)
        made = fresh.up()
        after = fresh.preview(refresh=True)

    assert len(existing) == 10
    assert made.summary["import"] == 10
    changed = {kind: step.diff for kind, step in made.changes.items() if step.op != "import"}
    hidden = {"tenantUrl": ("", running.tenant.scim_url), "deletionThreshold": (None, 25)}
    assert changed == {"SynchronizationCredentials": hidden}
    assert after.changes == {}
    assert {kind: item["id"] for kind, item in fresh.state().items()} == {
        kind: item["id"] for kind, item in existing.items()
    }
    assert (running.mappers(), running.row_sources(), running.assignments()) == (mappers, rows, assigned)

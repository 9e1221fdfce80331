from __future__ import annotations

import json
import re
from typing import Any

import pytest

from kzero_scim.commands.sandbox.replica_state import fingerprint_of
from kzero_scim.provider.package import KZERO
from kzero_scim.resource.codec import decode
from tests.baselines.baseline import Baseline, recorded

RECORDED = recorded()
FINGERPRINTED = (
    "kzero:entra:SynchronizationCredentials",
    "kzero:keycloak:MapperSet",
    "kzero:keycloak:ScimEndpoint",
)
every_version = pytest.mark.parametrize("baseline", RECORDED, ids=[baseline.version for baseline in RECORDED])


def test_a_version_is_recorded() -> None:
    """The tests of this file and the upgrade tests run over at least one recording."""
    assert "0.1.0" in [baseline.version for baseline in RECORDED]


@every_version
@pytest.mark.parametrize("token", FINGERPRINTED)
def test_todays_fingerprint_is_the_recorded_one(baseline: Baseline, token: str) -> None:
    """The same settings have the same fingerprint in every version; otherwise an upgrade shows changes."""
    [resource] = [resource for resource in baseline.resources if resource["type"] == token]
    found = fingerprint_of(token, resource["outputs"])

    assert found is not None
    name, fingerprint = found
    assert fingerprint == resource["outputs"][name]


@every_version
def test_this_version_reads_the_recorded_state(baseline: Baseline) -> None:
    """Every resource of the package that was recorded decodes without a failure."""
    failures = {
        resource["type"]: decode(KZERO.resources[resource["type"]].state, resource["outputs"])[1]
        for resource in baseline.resources
    }

    assert len(failures) >= 10
    assert not any(failures.values()), failures


@every_version
def test_a_recording_holds_no_path_of_a_machine_and_no_secret(baseline: Baseline) -> None:
    """Entra's clients, which have secrets, are left out, as is what Pulumi notes about the machine."""
    texts = {file.name: file.read_text(encoding="utf-8") for file in baseline.folder.iterdir()}
    entra: dict[str, Any] = json.loads(texts["entra.json"])

    assert set(texts) == {"checkpoint.json", "entra.json", "realm.json", "stack.yaml", "tenant.json"}
    assert "clients" not in entra
    found = re.compile(r"sandbox-secret|/(?:tmp|home|root)/|site-packages|\.py#")
    assert [(name, words) for name, text in texts.items() for words in found.findall(text)] == []

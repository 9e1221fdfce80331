"""Every setting can be changed on a running tenant: real engine, real Keycloak, local Entra."""

import pytest

from kzero_scim.settings.confirmations import VARIABLE
from tests.engine.attach import RunFailedError
from tests.engine.settings_changes import STAGES
from tests.engine.tenant_program import TenantStack, texts


def test_every_setting_is_changed_in_place(running: TenantStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The preview shows and announces each change, ``up`` makes it, and a second preview finds no changes."""
    running.tenant.accept_tokens("fixed-token")
    service_principal = running.service_principal
    for stage in STAGES:
        running.stack.configure(texts(stage.settings), texts(stage.secrets))
        if stage.confirm:
            with pytest.raises(RunFailedError, match=f"{VARIABLE}={stage.confirm}"):
                running.stack.preview()
            monkeypatch.setenv(VARIABLE, stage.confirm)
        foreseen = running.stack.preview()
        running.up()
        monkeypatch.delenv(VARIABLE, raising=False)

        steps = {kind: step.op for kind, step in foreseen.changes.items()}
        assert {kind for kind, op in steps.items() if op == "update"} == stage.updates, foreseen.output
        assert {kind for kind, op in steps.items() if "replace" in op} == stage.replaces, foreseen.output
        assert set(steps) == stage.updates | stage.replaces | stage.removes, foreseen.output
        assert [part for part in stage.said if part not in foreseen.messages] == [], foreseen.messages
        assert running.stack.preview().changes == {}, stage.name
    assert running.service_principal == service_principal
    assert running.graph("GET", "").json()["displayName"] == "KZero SCIM, renamed"

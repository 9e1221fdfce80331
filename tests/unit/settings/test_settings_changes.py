"""The engine tests of changed settings cover every setting."""

from kzero_scim.settings.tenant_settings import FIELDS
from tests.engine.settings_changes import ELSEWHERE, STAGES


def test_every_setting_is_changed_somewhere() -> None:
    """Every setting is changed in a stage, or is listed with the test that changes it."""
    changed = {key for stage in STAGES for key in (*stage.settings, *stage.secrets)}

    assert changed | set(ELSEWHERE) == set(FIELDS)
    assert not changed & set(ELSEWHERE)

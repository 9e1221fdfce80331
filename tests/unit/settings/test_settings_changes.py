"""No setting is left out where changes are tried."""

from kzero_scim.settings.tenant_settings import FIELDS
from tests.engine.settings_changes import ELSEWHERE, STAGES


def test_every_setting_is_changed_somewhere() -> None:
    """In a stage, or with the reason why in none."""
    changed = {key for stage in STAGES for key in (*stage.settings, *stage.secrets)}

    assert changed | set(ELSEWHERE) == set(FIELDS)
    assert not changed & set(ELSEWHERE)

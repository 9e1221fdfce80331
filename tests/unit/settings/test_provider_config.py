"""The provider's configuration takes missing values from the environment."""

from __future__ import annotations

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.settings.provider_config import Config, complete


def test_missing_values_come_from_the_environment() -> None:
    """Missing values come from azuread's and KZero's variables, and given values stay."""
    environment = {"ARM_TENANT_ID": "from environment", "ARM_CLIENT_ID": "id", "KZERO_REALM": "Contoso"}

    config = complete(Config(tenant_id="given"), environment)

    assert config == Config(tenant_id="given", client_id="id", realm="Contoso")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("False", False), ("0", False)])
def test_booleans_are_read_from_the_environment(text: str, value: bool) -> None:  # noqa: FBT001 - a column of the table
    """Boolean variables accept the same words as azuread."""
    assert complete(Config(), {"ARM_USE_CLI": text}).use_cli is value


def test_a_word_that_is_not_a_boolean_is_an_error() -> None:
    """Another word in a boolean variable is an error that names the variable and the remedy."""
    with pytest.raises(SettingsError, match='ARM_USE_OIDC is "perhaps"; set it to true or false'):
        complete(Config(), {"ARM_USE_OIDC": "perhaps"})


def test_the_first_variable_wins_and_an_empty_one_does_not_count() -> None:
    """The variable of azuread overrides the pipeline's, unless it is empty."""
    pipeline = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://pipeline.example"}

    assert complete(Config(), pipeline).oidc_request_url == "https://pipeline.example"
    assert complete(Config(), {**pipeline, "ARM_OIDC_REQUEST_URL": "https://own.example"}).oidc_request_url == (
        "https://own.example"
    )
    assert complete(Config(), {**pipeline, "ARM_OIDC_REQUEST_URL": ""}).oidc_request_url == "https://pipeline.example"

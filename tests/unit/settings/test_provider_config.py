"""The provider's configuration takes missing values from the environment."""

from __future__ import annotations

from typing import Any

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.resource.codec import FieldSpec, fields_of
from kzero_scim.resource.model import camel
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


_SECRETS = [spec for spec in fields_of(Config).values() if spec.about.secret]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("spec", _SECRETS, ids=lambda spec: spec.name)
def test_a_secret_that_ends_in_a_line_break_is_named_with_the_remedy(spec: FieldSpec, end: str) -> None:
    """The error names the variable or the setting and how to write the secret, and does not show it."""
    for variable in spec.about.environment:
        with pytest.raises(SettingsError, match=f"environment variable {variable} ends in a line break.*printf") as bad:
            complete(Config(), {variable: f"hunter2{end}"})
        assert "hunter2" not in str(bad.value)
    given: dict[str, Any] = {spec.name: f"hunter2{end}"}
    with pytest.raises(SettingsError, match=f"{camel(spec.name)} ends in a line break"):
        complete(Config(**given), {})
    given = {spec.name: "two\nlines"}
    assert getattr(complete(Config(**given), {}), spec.name) == "two\nlines"


def test_a_given_secret_hides_a_variable_with_a_line_break() -> None:
    """A variable that is not used is not checked."""
    assert complete(Config(client_secret="right"), {"ARM_CLIENT_SECRET": "wrong\n"}).client_secret == "right"

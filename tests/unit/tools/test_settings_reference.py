"""What is generated from the settings is current, and says of a stack file what the program says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from kzero_scim.settings.setting import about
from kzero_scim.settings.tenant_settings import FIELDS, SECRET_KEYS, TenantSettings, full_key
from kzero_scim.stack import safe_yaml, stack_file, yaml_writer
from tools import settings_reference
from tools.settings_reference import PROJECT, PULUMI_YAML

TENANT = {"azuread:tenantId": "5a4d0b0c-0000-4000-8000-00000000e401", "kzero-scim:kzeroTenant": "Contoso"}
STACKS = sorted((PROJECT / "stacks").glob("Pulumi.*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    """Return a validator of stack files; the schema itself is checked."""
    schema = settings_reference.stack_schema()
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


@pytest.mark.parametrize("file", settings_reference.texts(), ids=lambda file: file.name)
def test_the_generated_files_are_current(file: Any) -> None:  # noqa: ANN401 - a path
    """Each has the text that the settings give now."""
    assert file.read_text(encoding="utf-8") == settings_reference.texts()[file], "run `make generate`"


def test_pulumi_reads_from_the_project_file_what_the_settings_declare() -> None:
    """Type, default and description survive the way through YAML."""
    assert yaml.safe_load(PULUMI_YAML.read_text(encoding="utf-8"))["config"] == settings_reference.declared()


def test_every_setting_is_described_in_whole_sentences() -> None:
    """Whoever adds a setting says what it does."""
    assert [key for key, field in FIELDS.items() if not (field.description or "").endswith(".")] == []


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.name)
def test_the_example_stacks_are_valid(file: Any, validator: Draft7Validator) -> None:  # noqa: ANN401 - a path
    """An editor marks nothing in them, and knows where the schema is."""
    assert [error.message for error in validator.iter_errors(stack_file.load(file))] == []
    assert "yaml-language-server: $schema=../docs/stack-settings.schema.json" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("key", [key for key, field in FIELDS.items() if about(field).example is not None])
def test_every_example_is_valid(key: str, validator: Draft7Validator) -> None:
    """For the schema, and for the program where the setting can stand alone."""
    example = {full_key(key): about(FIELDS[key]).example}

    assert validator.is_valid({"config": {**TENANT, **example}})
    _, problems = TenantSettings.examine(
        stack_file.configuration_of({"config": {**TENANT, "kzero-scim:scope": "all", **example}})
    )
    assert [problem for problem in problems if "is not valid" in problem or "unknown key" in problem] == []


@pytest.mark.parametrize(
    "config",
    [
        {"kzero-scim:userz": ["a@b.example"]},
        {"kzero-scim:users": "a@b.example"},
        {"kzero-scim:users": [1]},
        {"kzero-scim:provisioning": "perhaps"},
        {"kzero-scim:unassignMaxShare": 101},
        {"kzero-scim:deletionThreshold": "many"},
        {"kzero-scim:profile": "azure"},
        {"kzero-scim:notificationEmail": "it"},
        {"kzero-scim:kzeroTenant": 7},
        {"kzero-scim:secretToken": "hunter2"},
        {"kzero-scim:secretToken": {"secure": "v1:abc", "other": "x"}},
        {"kzero-scim:mappers": {"a": {"userAttribute": "x", "clam": "c"}}},
        {"kzero-scim:attributeMappings": [{"source": "mail"}]},
        {"kzero-scim:customAttributes": [{"name": "x", "type": "Text"}]},
        {"azuread:tenantId": "contoso.onmicrosoft.com"},
        {"azuread:clientSecret": "hunter2"},
        {"azuread:clientld": "x"},
        {"users": ["a@b.example"]},
    ],
)
def test_wrong_types_and_unknown_keys_are_marked(config: dict[str, Any], validator: Draft7Validator) -> None:
    """What the program refuses of a single setting, an editor shows while it is typed."""
    assert validator.is_valid({"config": TENANT})
    assert not validator.is_valid({"config": {**TENANT, **config}})
    assert not validator.is_valid({"config": TENANT, "confg": {}})


@pytest.mark.parametrize(
    "config",
    [
        {"kzero-scim:provisioning": "false", "kzero-scim:deletionThreshold": "50"},
        {"kzero-scim:deletionThreshold": 0, "kzero-scim:notificationEmail": "", "kzero-scim:activationPreset": ""},
        {"kzero-scim:secretToken": {"secure": "v1:abc"}, "kzero-scim:testUser": {"secure": "v1:abc"}},
        {"azuread:clientSecret": {"secure": "v1:abc"}, "azuread:useOidc": True, "azuread:partnerId": "x"},
        {"aws:region": "eu-west-1"},
    ],
)
def test_what_pulumi_writes_is_not_marked(config: dict[str, Any], validator: Draft7Validator) -> None:
    """`pulumi config set` writes numbers as texts and secrets encrypted; other providers have keys of their own."""
    document = safe_yaml.load(yaml_writer.dump({"encryptionsalt": "v1:x", "config": {**TENANT, **config}}), "x")

    assert [error.message for error in validator.iter_errors(document)] == []


def test_secrets_are_never_shown_with_an_example_or_a_default() -> None:
    """A secret enters a stack file encrypted or not at all."""
    entries = settings_reference.stack_schema()["properties"]["config"]["properties"]

    for key in SECRET_KEYS:
        entry = entries[full_key(key)]
        assert not {"default", "examples"} & entry.keys(), json.dumps(entry)
        assert entry["anyOf"] == [{"const": ""}, {"$ref": "#/definitions/secret"}]

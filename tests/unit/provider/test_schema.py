"""The package's schema, built from the dataclasses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from kzero_scim.provider.package import KZERO, Package
from kzero_scim.provider.schema import SchemaError, package_schema
from kzero_scim.resource.codec import fields_of
from kzero_scim.resource.model import prop
from tests.toy_package import CountShelves, Shelf, ToyConfig, ToyService


@pytest.fixture
def toy() -> dict[str, Any]:
    """Return the schema of the toy package."""
    return package_schema(ToyService().package())


@pytest.fixture(scope="module")
def kzero() -> dict[str, Any]:
    """Return the schema of package kzero."""
    return package_schema(KZERO)


def places(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - a JSON document
    """Yield every object of a document, with its place."""
    if isinstance(value, dict):
        yield place, value
        for key, item in value.items():
            yield from places(item, f"{place}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, f"{place}/{index}")


def test_resource_says_everything_of_its_properties(toy: dict[str, Any]) -> None:
    """A resource's schema has types, descriptions, required and secret properties, replacements and defaults."""
    shelf = toy["resources"]["toy:index:Shelf"]

    assert shelf["description"] == "A shelf in a room."
    assert shelf["requiredInputs"] == ["room"]
    assert set(shelf["inputProperties"]) == {"room", "label", "boards", "parts", "colours", "password", "note"}
    assert shelf["inputProperties"]["room"] == {
        "type": "string",
        "description": "Where it stands.",
        "replaceOnChanges": True,
    }
    assert shelf["inputProperties"]["boards"] == {"type": "integer", "description": "How many.", "default": 3}
    assert shelf["inputProperties"]["colours"]["items"] == {"type": "string"}
    assert shelf["inputProperties"]["password"]["secret"] is True
    assert shelf["properties"]["key"]["secret"] is True
    assert set(shelf["required"]) == set(shelf["properties"]) - {"password", "note"}


def test_nested_dataclass_is_a_type(toy: dict[str, Any]) -> None:
    """A nested dataclass becomes a type in its module, and its description lists allowed values."""
    shelf = toy["resources"]["toy:index:Shelf"]
    part = toy["types"]["toy:index:Part"]

    assert shelf["inputProperties"]["parts"]["additionalProperties"] == {"$ref": "#/types/toy:index:Part"}
    assert part["required"] == ["userAttribute"]
    assert part["properties"]["claimJsonType"]["description"] == "Its type. One of `String`, `boolean`."
    assert part["properties"]["weight"]["type"] == "number"


def test_configuration_names_its_secrets_and_its_environment(toy: dict[str, Any]) -> None:
    """Provider inputs and configuration variables name their secrets and environment variables."""
    assert toy["provider"]["inputProperties"] == toy["config"]["variables"]
    assert toy["config"]["variables"]["apiKey"] == {
        "type": "string",
        "description": "Signs in.",
        "secret": True,
        "defaultInfo": {"environment": ["TOY_API_KEY"]},
    }


def test_function_has_arguments_and_a_result(toy: dict[str, Any]) -> None:
    """A function's arguments and result are objects."""
    count = toy["functions"]["toy:index:countShelves"]

    assert count["inputs"]["properties"]["room"]["type"] == "string"
    assert count["outputs"]["required"] == ["count"]


def test_type_without_counterpart_is_an_error() -> None:
    """The error for a type that a schema cannot express names the field."""

    class Odd(Shelf):
        """Odd."""

        inputs = OddInputs  # type: ignore[assignment]  # inputs of another class

    package = replace(ToyService().package(), resources={"toy:index:Odd": Odd})

    with pytest.raises(SchemaError, match="when"):
        package_schema(package)


def test_nested_type_must_declare_its_module() -> None:
    """A nested type must declare its module: its token never depends on the file's folder."""
    package = replace(ToyService().package(), config=HomelessConfig)

    with pytest.raises(SchemaError, match="schema_module"):
        package_schema(package)


@dataclass(frozen=True, kw_only=True)
class Homeless:
    """A type without a module."""

    size: int = prop("Its size.")


@dataclass(frozen=True, kw_only=True)
class HomelessConfig(ToyConfig):
    """A configuration with such a type."""

    part: Homeless = prop("A part.")


@dataclass(frozen=True, kw_only=True)
class OddInputs:
    """Inputs that no schema can describe."""

    when: complex = prop("Never.")


def test_every_class_has_the_token_that_it_is_registered_under() -> None:
    """Every class has the token that it is registered under."""
    registered: dict[str, Any] = {**KZERO.resources, **KZERO.functions}

    assert {token: kind.token for token, kind in registered.items()} == {token: token for token in registered}


def test_state_repeats_every_input() -> None:
    """Every state contains all inputs, so that a diff can compare them."""
    for kind in KZERO.resources.values():
        assert set(fields_of(kind.inputs)) <= set(fields_of(kind.state)), kind.token


def test_everything_is_described(kzero: dict[str, Any]) -> None:
    """Every resource, function, type and property of the package has a description."""
    described = [
        *kzero["resources"].items(),
        *kzero["functions"].items(),
        *kzero["types"].items(),
        *((place, item) for place, item in places(kzero) if "/properties/" in place or "/inputProperties/" in place),
    ]
    missing = [
        place
        for place, item in described
        if not item.get("description") and not place.endswith(("/items", "/additionalProperties", "/defaultInfo"))
    ]

    assert missing == []


def test_every_reference_is_defined(kzero: dict[str, Any]) -> None:
    """Every referenced type is defined."""
    references = {item["$ref"] for _, item in places(kzero) if "$ref" in item}

    assert references == {f"#/types/{token}" for token in kzero["types"]}


def test_schema_is_a_json_document(kzero: dict[str, Any]) -> None:
    """The schema is a JSON document."""
    assert json.loads(json.dumps(kzero)) == kzero


def test_secrets_of_the_package_are_secret(kzero: dict[str, Any]) -> None:
    """Every secret, token or password is marked as secret, except fingerprints and paths."""
    names = ("secret", "token", "password")
    suspicious = [
        place
        for place, item in places(kzero)
        if place.lower().endswith(names) and item.get("type") == "string" and not item.get("secret")
    ]

    assert suspicious == []


def test_a_package_may_have_neither_functions_nor_metadata() -> None:
    """A package without functions and metadata has a schema."""
    package = Package("toy", "1.0.0", "Toy.", ToyConfig, lambda _: ToyService(), {"toy:index:Shelf": Shelf})

    assert package_schema(package)["functions"] == {}
    assert CountShelves.token not in package_schema(package)["functions"]

"""The SDK's classes match the provider's schema and dataclasses."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import typing
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import pulumi
import pytest

from kzero_scim import sdk as kzero
from kzero_scim.provider.package import KZERO
from kzero_scim.resource.codec import fields_of
from kzero_scim.resource.model import Resource
from kzero_scim.sdk.base import KzeroResource, outputs_of
from kzero_scim.settings.items import Row
from kzero_scim.settings.provider_config import Config
from tools import sdk as generator

CLASSES: dict[str, type[KzeroResource]] = {
    kind.resource_type: kind
    for kind in (getattr(kzero, name) for name in kzero.__all__)
    if isinstance(kind, type) and issubclass(kind, KzeroResource)
}


class Registered(NamedTuple):
    """A resource that a program registered."""

    type: str
    inputs: dict[str, Any]


class Engine(pulumi.runtime.Mocks):
    """Records registered resources, and answers functions."""

    def __init__(self) -> None:
        """Begin without registered resources."""
        self.registered: dict[str, Registered] = {}
        self.answers: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Return the inputs as outputs."""
        self.registered[args.name] = Registered(args.typ, dict(args.inputs))
        return f"{args.name}-id", {**args.inputs, "jobId": "scim.1"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """Return the answer that the test prepared."""
        return self.answers[args.token], []


@pytest.fixture
async def engine(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    """Yield an engine that records registered resources, in the test's own event loop."""
    made: list[asyncio.AbstractEventLoop] = []

    def make_loop() -> asyncio.AbstractEventLoop:
        made.append(asyncio.SelectorEventLoop())
        return made[-1]

    # pulumi 3.272's mocks make an event loop in each worker thread and never close it.
    monkeypatch.setattr("pulumi.runtime.sync_await.asyncio.new_event_loop", make_loop)
    mocks = Engine()
    pulumi.runtime.set_mocks(mocks)
    yield mocks
    pulumi.runtime.settings.reset_options()
    for loop in made:
        loop.close()


async def value_of(output: pulumi.Output[Any]) -> Any:  # noqa: ANN401 - any output
    """Return the value of an output."""
    return await output.future()


def plain(value: Any) -> Any:  # noqa: ANN401 - any input
    """Return a value without the engine's secret mark."""
    if isinstance(value, Mapping) and "value" in value and len(value) == 2:
        return value["value"]
    return value


def optional_parameters(kind: type) -> dict[str, bool]:
    """Return the keywords of a class, and whether each is optional."""
    parameters = inspect.signature(kind).parameters.values()
    keywords = [item for item in parameters if item.kind is inspect.Parameter.KEYWORD_ONLY and item.name != "opts"]
    return {item.name: item.default is None for item in keywords}


def test_generated_files_are_current() -> None:
    """The committed classes are the ones that the generator writes from the provider's dataclasses."""
    stale = [path.name for path, text in generator.files().items() if path.read_text(encoding="utf-8") != text]

    assert not stale, "run `make generate`"


def test_every_resource_of_the_package_has_a_class() -> None:
    """Every resource of the package has a class, and there are no other classes."""
    assert set(CLASSES) == set(KZERO.resources)


@pytest.mark.parametrize("token", KZERO.resources)
def test_parameters_are_the_inputs(token: str) -> None:
    """Each input is one keyword, which is required if the provider requires the input."""
    inputs = fields_of(KZERO.resources[token].inputs)

    assert optional_parameters(CLASSES[token]) == {spec.name: not spec.required for spec in inputs.values()}


@pytest.mark.parametrize("token", KZERO.resources)
def test_outputs_are_the_state(token: str) -> None:
    """Each property of the state is one attribute with the same name."""
    state = fields_of(KZERO.resources[token].state)

    assert {name: output.key for name, output in outputs_of(CLASSES[token]).items()} == {
        spec.name: spec.key for spec in state.values()
    }


@pytest.mark.parametrize("token", KZERO.resources)
def test_secret_properties_are_secret_outputs(token: str) -> None:
    """Each secret property is a secret output, even if the engine returns it in clear text."""
    secrets = {spec.name for spec in fields_of(KZERO.resources[token].state).values() if spec.about.secret}

    assert set(CLASSES[token].secrets) == secrets


@pytest.mark.parametrize("token", KZERO.resources)
async def test_every_argument_reaches_the_engine_under_its_own_name(token: str, engine: Engine) -> None:
    """Each argument reaches the engine under the schema's name, and map keys stay unchanged."""
    kind = KZERO.resources[token]
    arguments = {spec.name: _sample(spec.hint) for spec in fields_of(kind.inputs).values()}

    made = CLASSES[token]("sample", **arguments)
    await value_of(made.urn)

    registered = engine.registered["sample"]
    assert registered.type == token
    assert {key: plain(value) for key, value in registered.inputs.items()} == {
        spec.key: _sample(spec.hint, on_the_wire=True) for spec in fields_of(kind.inputs).values()
    }


async def test_objects_may_be_dataclasses_or_outputs(engine: Engine) -> None:
    """Objects may be dataclasses or outputs, and the map's keys, which are Entra's names, stay unchanged."""
    rows: dict[str, Any] = {
        "name.givenName": Row(source="givenName", matching_priority=1),
        "snake_case": {"default_value": "x"},
    }

    made = kzero.AttributeMappings(
        "rows", service_principal_id="sp", job_id="scim.1", rows=pulumi.Output.from_input(rows)
    )
    await value_of(made.urn)

    found = engine.registered["rows"].inputs["rows"]
    assert found["name.givenName"]["matchingPriority"] == 1
    assert found["snake_case"] == {"defaultValue": "x"}


async def test_outputs_are_attributes(engine: Engine) -> None:
    """Outputs are attributes in snake_case, including those that are not inputs."""
    del engine

    job = kzero.SynchronizationJob("job", service_principal_id="sp")

    assert await value_of(job.job_id) == "scim.1"
    assert await value_of(job.service_principal_id) == "sp"


async def test_secret_token_is_always_secret(engine: Engine) -> None:
    """A token that the program gives in clear text becomes a secret."""
    credentials = kzero.SynchronizationCredentials(
        "credentials", service_principal_id="sp", tenant_url="https://kzero.example", secret_token="in clear"
    )
    await value_of(credentials.urn)

    assert plain(engine.registered["credentials"].inputs["secretToken"]) == "in clear"
    assert engine.registered["credentials"].inputs["secretToken"] != "in clear"
    assert await credentials.secret_token.is_secret()


def test_provider_accepts_every_setting() -> None:
    """The provider accepts every setting, and each is optional."""
    assert optional_parameters(kzero.Provider) == {spec.name: True for spec in fields_of(Config).values()}


async def test_settings_reach_the_provider(engine: Engine) -> None:
    """Settings reach the provider under their names: booleans as JSON, and secrets as secrets."""
    arguments: dict[str, Any] = {
        spec.name: True if spec.hint == bool | None else spec.name for spec in fields_of(Config).values()
    }

    provider = kzero.Provider("kzero", **arguments)
    await value_of(provider.urn)

    registered = engine.registered["kzero"]
    assert registered.type == "pulumi:providers:kzero"
    for spec in fields_of(Config).values():
        value = registered.inputs[spec.key]
        assert plain(value) == ("true" if spec.hint == bool | None else spec.name)
        assert (value != plain(value)) is spec.about.secret, spec.key


async def test_global_administrators_are_objects(engine: Engine) -> None:
    """Global Administrators are objects with attributes in snake_case."""
    person = {"displayName": "Ann", "userPrincipalName": "ann@x.onmicrosoft.com", "accountEnabled": True}
    engine.answers["kzero:entra:getGlobalAdministrators"] = {"administrators": [person], "onmicrosoft": ["ann"]}

    found = await value_of(kzero.get_global_administrators())

    assert found.administrators == [
        kzero.Administrator(display_name="Ann", user_principal_name="ann@x.onmicrosoft.com", account_enabled=True)
    ]
    assert found.onmicrosoft == ["ann"]
    assert found.warning is None


@pytest.mark.parametrize(
    ("token", "result"),
    [
        ("kzero:entra:getGlobalAdministrators", kzero.GlobalAdministrators),
        ("kzero:entra:findOrphanedApplication", kzero.OrphanedApplication),
    ],
)
def test_results_of_functions_have_the_providers_fields(token: str, result: type) -> None:
    """Each result class of a function has the same fields as the provider's."""
    assert set(fields_of(result)) == set(fields_of(KZERO.functions[token].state))


def test_administrator_has_the_providers_fields() -> None:
    """The administrator class has the same fields as the provider's."""
    hint = fields_of(KZERO.functions["kzero:entra:getGlobalAdministrators"].state)["administrators"].hint

    assert set(fields_of(kzero.Administrator)) == set(fields_of(typing.get_args(hint)[0]))


def _sample(hint: Any, *, on_the_wire: bool = False) -> Any:  # noqa: ANN401 - any type hint and a value of it
    """Return a value of a type, as a program gives it or as the engine receives it."""
    arguments = [item for item in typing.get_args(hint) if item is not type(None)]
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return arguments[0]
    if origin is dict:
        return {"a.b_c": _sample(arguments[1], on_the_wire=on_the_wire)}
    if origin is list:
        return [_sample(arguments[0], on_the_wire=on_the_wire)]
    if arguments:
        return _sample(arguments[0], on_the_wire=on_the_wire)
    if dataclasses.is_dataclass(hint):
        specs = fields_of(typing.cast("type", hint)).values()
        return {(spec.key if on_the_wire else spec.name): _sample(spec.hint) for spec in specs}
    return {str: "text", bool: True, int: 3, float: 0.5}[hint]


def test_the_registry_contains_resources() -> None:
    """Everything that the package registers as a resource is a resource class."""
    assert all(issubclass(kind, Resource) for kind in KZERO.resources.values())

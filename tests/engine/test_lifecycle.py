"""The life of a resource under a real engine, as an operator sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from kzero_scim.errors import ProviderError
from tests.engine.attach import EngineStack, RunFailedError
from tests.engine.conftest import MakeStack
from tests.toy_package import Part, ToyService

PASSWORD = "correct horse battery"


def shelf(name: str = "shelf", *, opts: pulumi.ResourceOptions | None = None, **properties: Any) -> None:  # noqa: ANN401 - any property
    """Declare a shelf."""
    outputs = {"serial": None, "key": None, "books": None}
    pulumi.CustomResource("toy:index:Shelf", name, {"room": "hall", **outputs, **properties}, opts)


@pytest.fixture
def service() -> ToyService:
    return ToyService()


@pytest.fixture
def stack(engine: MakeStack, service: ToyService) -> Iterator[EngineStack]:
    """Yield a stack with one shelf, and check that state and output never contain its password."""
    made = engine(shelf, service.package())
    yield made
    assert PASSWORD not in made.stored()
    assert PASSWORD not in "\n".join(made.printed)


def test_second_up_changes_nothing(stack: EngineStack, service: ToyService) -> None:
    """A second run finds no changes, and sends no request to find that out."""
    stack.program = lambda: shelf(parts={"name.givenName": {"userAttribute": "firstName"}}, colours=["red", "blue"])

    first = stack.up()
    service.calls.clear()
    second = stack.preview(expect_no_changes=True)

    assert first.steps["shelf"].op == "create"
    assert second.changes == {}
    assert service.calls == []


def test_drift_is_shown_as_exactly_that_property_and_repaired(stack: EngineStack, service: ToyService) -> None:
    """A preview shows one changed property with its actual and its wanted value, and ``up`` repairs it."""
    wanted = {"name.givenName": {"userAttribute": "firstName", "claimJsonType": "boolean"}}
    stack.program = lambda: shelf(parts=wanted)
    stack.up()
    existing = service.shelves["shelf-in-hall"]
    existing["parts"] = {"name.givenName": Part(user_attribute="firstName", claim_json_type="String")}

    preview = stack.preview(refresh=True)
    stack.up(refresh=True)

    path = 'parts["name.givenName"].claimJsonType'
    assert preview.changes["shelf"].op == "update"
    assert preview.changes["shelf"].diff == {path: ("String", "boolean")}
    assert existing is not service.shelves["shelf-in-hall"]
    assert service.shelves["shelf-in-hall"]["parts"]["name.givenName"].claim_json_type == "boolean"


def test_an_ignored_change_is_not_reverted(stack: EngineStack, service: ToyService) -> None:
    """A property under ``ignoreChanges`` may drift."""
    options = pulumi.ResourceOptions(ignore_changes=["label"])
    stack.program = lambda: shelf(label="as declared", opts=options)
    stack.up()
    service.shelves["shelf-in-hall"]["label"] = "changed by hand"

    run = stack.up(refresh=True)

    assert run.changes == {}
    assert service.shelves["shelf-in-hall"]["label"] == "changed by hand"


def test_an_input_that_is_declared_with_replace_replaces_the_resource(stack: EngineStack, service: ToyService) -> None:
    """A change of an input that is declared with replace deletes the old resource, then creates the new one."""
    stack.up()
    stack.program = lambda: shelf(room="attic")

    preview = stack.preview()
    service.calls.clear()
    stack.up()

    assert preview.changes["shelf"].kinds == {"room": "update-replace"}
    assert [call for call in service.calls if call in {"create", "delete"}] == ["delete", "create"]
    assert list(service.shelves) == ["shelf-in-attic"]


def test_an_existing_resource_can_be_imported(stack: EngineStack, service: ToyService) -> None:
    """A resource that was made by hand is imported with its properties and needs no change afterwards."""
    stack.program = lambda: shelf(label="by hand", boards=5)
    stack.up()
    made_by_hand = dict(service.shelves["shelf-in-hall"])
    stack.program = lambda: None
    stack.up()
    service.shelves["shelf-in-hall"] = made_by_hand
    options = pulumi.ResourceOptions(import_="shelf-in-hall")
    stack.program = lambda: shelf(label="by hand", boards=5, opts=options)

    run = stack.up()

    assert run.steps["shelf"].op == "import"
    assert stack.state()["shelf"]["outputs"]["boards"] == 5
    assert stack.preview(expect_no_changes=True).changes == {}


def test_importing_a_missing_resource_is_an_error(stack: EngineStack) -> None:
    """A failed import leaves no empty resource in the state."""
    stack.program = lambda: shelf(opts=pulumi.ResourceOptions(import_="nowhere"))

    with pytest.raises(RunFailedError) as failed:
        stack.up()

    assert 'toy:index:Shelf with ID "nowhere" does not exist' in "\n".join(failed.value.run.errors)
    assert stack.state() == {}


def test_a_deleted_resource_is_created_again(stack: EngineStack, service: ToyService) -> None:
    """A refresh removes a resource that was deleted by hand from the state, and the next ``up`` creates it again."""
    stack.up()
    service.shelves.clear()

    refreshed = stack.refresh()

    assert refreshed.summary.get("delete") == 1
    assert stack.state() == {}
    assert stack.up().steps["shelf"].op == "create"


def test_partial_failure_keeps_the_id_and_the_state(stack: EngineStack, service: ToyService) -> None:
    """A failed create keeps in the state what it has created, and the next ``up`` continues from there."""
    service.fail["finish"] = ProviderError("the third board does not fit; saw it off and run up again")

    with pytest.raises(RunFailedError) as failed:
        stack.up()
    after_failure = stack.state()["shelf"]
    service.fail.clear()
    second = stack.up()

    assert "the third board does not fit; saw it off and run up again" in failed.value.run.output
    assert after_failure["id"] == "shelf-in-hall"
    assert after_failure["outputs"]["serial"] == "serial-shelf-in-hall"
    assert second.steps["shelf"].op == "update"


def test_secrets_are_neither_in_the_state_nor_in_the_output(stack: EngineStack, service: ToyService) -> None:
    """A secret input, a secret output and an error that quotes a secret never appear in clear."""
    stack.program = lambda: shelf(password=pulumi.Output.secret(PASSWORD), note=pulumi.Output.secret("quiet please"))
    stack.up()
    service.fail["update"] = RuntimeError(f"cannot open with {PASSWORD}\nor without")
    stack.program = lambda: shelf(password=PASSWORD, label="new")

    with pytest.raises(RunFailedError) as failed:
        stack.up()

    stored = stack.stored()
    assert "key-of-shelf-in-hall" not in stored
    assert "quiet please" not in stored
    [error] = [text for text in failed.value.run.errors if "internal error" in text]
    expected = 'toy:index:Shelf "shelf": internal error: RuntimeError: cannot open with [secret] or without'
    assert f"{expected}; set KZERO_DEBUG=1 for the traceback" in error
    assert "Traceback" not in failed.value.run.output


def test_a_secret_that_the_service_does_not_return_survives_a_refresh(stack: EngineStack) -> None:
    """The service does not return the password, so the refreshed state keeps the one that was set."""
    stack.program = lambda: shelf(password=pulumi.Output.secret(PASSWORD))
    stack.up()

    run = stack.up(refresh=True)

    assert run.changes == {}
    assert "password" in stack.state()["shelf"]["outputs"]


def test_all_errors_in_the_inputs_are_reported_together(stack: EngineStack, service: ToyService) -> None:
    """Each wrong input has a line with its path and a remedy, and the service gets no request."""
    stack.program = lambda: shelf(lable="x", parts={"a.b": {"userAttribute": "u", "claimJsonType": "Boolean"}})

    with pytest.raises(RunFailedError) as failed:
        stack.preview()

    said = failed.value.run.output
    assert "did you mean label?" in said
    assert 'parts["a.b"].claimJsonType' in said
    assert 'did you mean "boolean"?' in said
    assert service.calls == []


def test_error_is_one_line(stack: EngineStack, service: ToyService) -> None:
    """An expected error is printed as written, without a traceback."""
    service.fail["create"] = ProviderError("put up shelf: the wall is too thin (E42); choose another room")

    with pytest.raises(RunFailedError) as failed:
        stack.up()

    [error] = [text for text in failed.value.run.errors if "E42" in text]
    assert error.splitlines()[0].endswith("put up shelf: the wall is too thin (E42); choose another room")
    assert "Traceback" not in failed.value.run.output
    assert stack.state() == {}


def test_unknown_outputs_of_others_reach_the_plan(stack: EngineStack) -> None:
    """An input that depends on an unknown output is unknown in the preview, and right after ``up``."""

    def program() -> None:
        outputs = {"serial": None, "key": None, "books": None}
        first = pulumi.CustomResource("toy:index:Shelf", "first", {"room": "hall", **outputs})
        shelf("second", room="attic", label=pulumi.Output.format("beside {0}", pulumi.get(first, "serial")))

    stack.program = program

    preview = stack.preview()
    stack.up()

    assert {name: step.op for name, step in preview.steps.items()} == {"first": "create", "second": "create"}
    assert stack.state()["second"]["outputs"]["label"] == "beside serial-shelf-in-hall"


def test_the_provider_gets_its_configuration_with_the_right_types(engine: MakeStack, service: ToyService) -> None:
    """Settings of other types than string arrive with their type, and a secret is not stored in clear."""
    config = {"toy:server": "cellar", "toy:strict": "true"}
    stack = engine(shelf, service.package(), config=config, secrets={"toy:apiKey": PASSWORD})

    stack.up()

    assert service.config is not None
    assert (service.config.server, service.config.strict, service.config.api_key) == ("cellar", True, PASSWORD)
    assert PASSWORD not in stack.stored()


def test_a_volatile_output_is_not_drift(stack: EngineStack, service: ToyService) -> None:
    """A drift check does not fail because of an output that changes by itself."""
    stack.up()
    service.books = 7

    stack.preview_refresh(expect_no_changes=True)
    stack.preview(refresh=True, expect_no_changes=True)
    stack.refresh()

    assert stack.state()["shelf"]["outputs"]["books"] == 7


def test_destroy_removes_everything(stack: EngineStack, service: ToyService) -> None:
    """After ``destroy``, service and state are empty."""
    stack.up()

    stack.destroy()

    assert service.shelves == {}
    assert stack.state() == {}

"""The provider over gRPC: the operations on one resource, from checking its inputs to deleting it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from kzero_scim.errors import ProviderError
from kzero_scim.provider.engine.marshal import SECRET, SIGNATURE, UNKNOWN_MARK, marshal, unmarshal
from kzero_scim.resource.formats import same_object
from kzero_scim.resource.model import UNKNOWN
from tests.contract.provider.engine.calls import CHILD_URN, STATE, URN, create, diff, failure, plain, secret
from tests.toy_package import Shelf, ToyService

PropertyDiff = provider_pb2.PropertyDiff


class TestCheck:
    """Checking inputs."""

    async def test_defaults_become_inputs(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """Defaults become inputs, so that a later default is seen as a change."""
        answer = await provider.Check(provider_pb2.CheckRequest(urn=CHILD_URN, news=marshal({"room": "hall"})))

        assert plain(answer.inputs) == {"room": "hall", "label": "plain", "boards": 3, "parts": {}, "colours": []}

    async def test_unknowns_pass(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """Unknown values stay unknown, at every depth."""
        news = marshal({"room": UNKNOWN, "boards": UNKNOWN, "parts": {"a": {"userAttribute": UNKNOWN}}})

        answer = await provider.Check(provider_pb2.CheckRequest(urn=URN, news=news))

        assert answer.inputs.fields["room"].string_value == UNKNOWN_MARK
        assert plain(answer.inputs)["parts"] == {"a": {"userAttribute": UNKNOWN, "claimJsonType": "String"}}

    async def test_secrets_stay_secret(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """Values that the program or the schema makes secret stay secret, at every depth."""
        news = marshal({"room": "hall", "password": "open sesame"})
        news.fields["note"].CopyFrom(secret("quiet"))
        news.fields["colours"].list_value.values.append(secret("red"))

        answer = await provider.Check(provider_pb2.CheckRequest(urn=URN, news=news))

        assert unmarshal(answer.inputs).secrets == {"password", "note", "colours"}
        assert answer.inputs.fields["note"].struct_value.fields[SIGNATURE].string_value == SECRET

    async def test_failures_of_the_resource_itself_are_reported(
        self, provider: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """Failures of the resource's own checks are reported."""
        answer = await provider.Check(provider_pb2.CheckRequest(urn=URN, news=marshal({"room": "hall", "boards": 0})))

        assert [item.property for item in answer.failures] == ["boards"]

    async def test_asset_is_refused(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """The error for an asset names the property."""
        news = marshal({"room": "hall", "note": {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "x"}})

        error = await failure(provider.Check(provider_pb2.CheckRequest(urn=URN, news=news)))

        assert error.details() == ("property note is an asset, which this package does not support; use a plain value")


class TestDiff:
    """Differences between state and inputs."""

    async def test_no_change_is_none(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """Without a change the answer is DIFF_NONE with an empty detailed diff."""
        answer = await diff(provider, {"room": "hall"})

        assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
        assert answer.hasDetailedDiff

    async def test_changes_are_named_by_path_and_kind(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """Changes are named by path and kind, with their top-level names."""
        answer = await diff(provider, {"room": "hall", "label": "new", "parts": {"a.b": {"userAttribute": "u"}}})

        assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
        assert {path: change.kind for path, change in answer.detailedDiff.items()} == {
            "label": PropertyDiff.UPDATE,
            'parts["a.b"]': PropertyDiff.ADD,
        }
        assert sorted(answer.diffs) == ["label", "parts"]
        assert not answer.deleteBeforeReplace

    async def test_replacement_deletes_first_where_the_resource_says_so(
        self, provider: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """A replacement deletes first if the resource requires it."""
        answer = await diff(provider, {"room": UNKNOWN})

        assert answer.detailedDiff["room"].kind == PropertyDiff.UPDATE_REPLACE
        assert list(answer.replaces) == ["room"]
        assert answer.deleteBeforeReplace

    async def test_ignored_paths_do_not_count(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """Changes at ignored paths, and below them, are ignored."""
        news = {"room": "hall", "label": "new", "parts": {"a": {"userAttribute": "u"}}}

        answer = await diff(provider, news, ignoreChanges=["label", "parts"])

        assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE


class TestCreateAndUpdate:
    """Creating and updating, in previews and updates."""

    async def test_preview_changes_nothing(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """A preview changes nothing and predicts the state, with unknown and secret values."""
        answer = await create(provider, {"room": "hall"}, preview=True)

        assert answer.id == ""
        assert plain(answer.properties)["serial"] is UNKNOWN
        assert unmarshal(answer.properties).secrets == {"key"}
        assert service.calls == ["plan"]

    async def test_output_of_a_secret_input_is_secret(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """The output that repeats a secret input is secret."""
        properties = marshal({"room": "hall", "note": "quiet"}, {"note"})

        answer = await provider.Create(provider_pb2.CreateRequest(urn=URN, properties=properties))

        assert unmarshal(answer.properties).secrets == {"note", "key"}

    @pytest.mark.parametrize("operation", ["create", "update"])
    async def test_partial_failure_gives_id_and_state(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService, operation: str
    ) -> None:
        """A partial failure returns ID and state in the form that makes the engine keep them."""
        service.fail["finish"] = ProviderError("half done")
        inputs = marshal({"room": "hall"})
        request = provider_pb2.UpdateRequest(id="1", urn=URN, olds=marshal(STATE), news=inputs)
        service.shelves["1"] = {}
        call = create(provider, {"room": "hall"}) if operation == "create" else provider.Update(request)

        error = await failure(call)

        metadata: dict[str, Any] = dict(error.trailing_metadata() or ())
        status = status_pb2.Status()
        status.MergeFromString(metadata["grpc-status-details-bin"])
        detail = provider_pb2.ErrorResourceInitFailed()
        assert status.details[0].Unpack(detail)
        assert detail.id == ("shelf-in-hall" if operation == "create" else "1")
        assert plain(detail.properties)["room"] == "hall"
        assert list(detail.reasons) == ["half done"]


class TestRead:
    """Refresh and import."""

    async def test_import_of_what_is_missing_is_an_error(
        self, provider: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """Importing a missing object is an error, because the engine would import an empty resource."""
        error = await failure(provider.Read(provider_pb2.ReadRequest(id="9", urn=URN)))

        assert error.details() == 'toy:index:Shelf with ID "9" does not exist, so nothing was imported; check the ID'

    async def test_refresh_of_what_is_missing_has_no_id(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """A refresh of a missing object returns no ID, so that the engine removes it from the state."""
        request = provider_pb2.ReadRequest(id="9", urn=URN, properties=marshal(STATE), inputs=marshal({"room": "hall"}))

        answer = await provider.Read(request)

        assert answer.id == ""

    async def test_import_gives_inputs_and_state(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """An import returns the inputs that a program would need, and the state."""
        await create(provider, {"room": "hall", "boards": 5})
        assert service.shelves

        answer = await provider.Read(provider_pb2.ReadRequest(id="shelf-in-hall", urn=URN))

        assert answer.id == "shelf-in-hall"
        assert plain(answer.inputs)["boards"] == 5
        assert plain(answer.properties)["serial"] == "serial-shelf-in-hall"

    async def test_secret_that_the_service_hides_stays(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """A secret that the service does not show keeps its value and stays secret."""
        await create(provider, {"room": "hall", "password": "open sesame"})
        inputs = marshal({"room": "hall", "password": "open sesame"}, {"password"})
        request = provider_pb2.ReadRequest(id="shelf-in-hall", urn=URN, properties=marshal(STATE), inputs=inputs)

        answer = await provider.Read(request)

        assert plain(answer.inputs)["password"] == "open sesame"
        assert plain(answer.properties)["password"] == "open sesame"
        assert "password" in unmarshal(answer.inputs).secrets & unmarshal(answer.properties).secrets


class TestDeleteAndInvoke:
    """Deleting resources and calling functions."""

    async def test_delete_reads_a_state_of_another_version(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """A newer version can delete a resource with the state of an older one."""
        service.shelves["1"] = {}
        properties = marshal({"room": "hall", "formerly": "something"})

        await provider.Delete(provider_pb2.DeleteRequest(id="1", urn=URN, properties=properties))

        assert service.shelves == {}

    async def test_function_answers(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """A function returns its result under the names of the schema."""
        await create(provider, {"room": "hall"})
        request = provider_pb2.InvokeRequest(tok="toy:index:countShelves", args=marshal({"room": "hall"}))

        answer = await provider.Invoke(request)

        assert plain(getattr(answer, "return")) == {"count": 1}

    async def test_wrong_arguments_of_a_function_are_named(
        self, provider: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """Wrong arguments of a function are named like wrong inputs of a resource."""
        request = provider_pb2.InvokeRequest(tok="toy:index:countShelves", args=marshal({"rom": "hall"}))

        answer = await provider.Invoke(request)

        assert [(item.property, item.reason) for item in answer.failures] == [
            ("rom", "is not a property; did you mean room?")
        ]


class TestReplacement:
    """A replacement that creates first and deletes the old entry afterwards."""

    async def _delete(self, provider: provider_pb2_grpc.ResourceProviderStub, key: str) -> None:
        request = provider_pb2.DeleteRequest(id=key, urn=URN, properties=marshal(STATE))
        await provider.Delete(request)

    async def test_the_same_object_is_kept(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """Deleting the old entry keeps the object that the new entry has taken over."""
        made = await create(provider, {"room": "hall"})

        await self._delete(provider, made.id)

        assert list(service.shelves) == [made.id]
        assert "delete" not in service.calls

    async def test_the_same_object_is_kept_if_its_creation_failed_in_part(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """A new entry that is not finished has taken the object over too."""
        service.fail["finish"] = ProviderError("no paint")
        await failure(create(provider, {"room": "hall"}))

        await self._delete(provider, "shelf-in-hall")

        assert list(service.shelves) == ["shelf-in-hall"]

    @pytest.mark.parametrize("key", ["shelf-in-attic", "SHELF-IN-HALL"])
    async def test_another_object_is_deleted(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService, key: str
    ) -> None:
        """An old entry for another object deletes it. Names that differ in case are other objects."""
        await create(provider, {"room": "hall"})
        service.shelves[key] = dict(service.shelves["shelf-in-hall"])

        await self._delete(provider, key)

        assert list(service.shelves) == ["shelf-in-hall"]

    @pytest.mark.parametrize(("key", "inherited"), [("shelf-in-hall", "k"), ("shelf-in-attic", "key-of-shelf-in-hall")])
    async def test_the_same_object_inherits_what_was_recorded(
        self,
        provider: provider_pb2_grpc.ResourceProviderStub,
        monkeypatch: pytest.MonkeyPatch,
        key: str,
        inherited: str,
    ) -> None:
        """Values from before the stack owned the object stay known, and no other object's are taken."""
        monkeypatch.setattr(Shelf, "inherit", lambda _, old, new: dataclasses.replace(new, key=old.key))
        request = provider_pb2.DiffRequest(id=key, urn=URN, olds=marshal(STATE), news=marshal({"room": "hall"}))
        await provider.Diff(request)

        made = await create(provider, {"room": "hall"})

        assert plain(made.properties)["key"] == inherited

    async def test_a_later_run_deletes_what_an_earlier_one_created(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """A destroy deletes the object, also with the process that created it."""
        made = await create(provider, {"room": "hall"})
        await provider.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))
        await provider.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True))

        await self._delete(provider, made.id)

        assert service.shelves == {}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("5A4D0B0C-0000-4000-8000-00000000E401", "5a4d0b0c-0000-4000-8000-00000000e401", True),
        ("5A4D0B0C-0000-4000-8000-00000000E401/scim.X", "5a4d0b0c-0000-4000-8000-00000000e401/scim.x", True),
        ("Contoso/scim-endpoint", "contoso/scim-endpoint", False),
        ("Contoso", "Contoso", True),
    ],
)
def test_ids_of_entra_ignore_case(one: str, other: str, *, same: bool) -> None:
    """IDs that begin with a GUID are Entra's. KZero's names differ by case."""
    assert same_object(one, other) is same

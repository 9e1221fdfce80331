"""The provider over gRPC: what becomes of one resource, from its inputs on their way in to its end."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from kzero_scim.errors import ProviderError
from kzero_scim.provider.engine.marshal import SECRET, SIGNATURE, UNKNOWN_MARK, marshal, unmarshal
from kzero_scim.resource.model import UNKNOWN
from tests.contract.provider.engine.calls import CHILD_URN, STATE, URN, create, diff, failure, plain, secret
from tests.toy_package import ToyService

PropertyDiff = provider_pb2.PropertyDiff


class TestCheck:
    """Inputs on their way in."""

    async def test_defaults_become_inputs(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """So that a default that changes later is a change to be seen."""
        answer = await provider.Check(provider_pb2.CheckRequest(urn=CHILD_URN, news=marshal({"room": "hall"})))

        assert plain(answer.inputs) == {"room": "hall", "label": "plain", "boards": 3, "parts": {}, "colours": []}

    async def test_unknowns_pass(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """They stay unknown, wherever they stand."""
        news = marshal({"room": UNKNOWN, "boards": UNKNOWN, "parts": {"a": {"userAttribute": UNKNOWN}}})

        answer = await provider.Check(provider_pb2.CheckRequest(urn=URN, news=news))

        assert answer.inputs.fields["room"].string_value == UNKNOWN_MARK
        assert plain(answer.inputs)["parts"] == {"a": {"userAttribute": UNKNOWN, "claimJsonType": "String"}}

    async def test_secrets_stay_secret(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """What the program made secret, at any depth, and what the schema says is secret."""
        news = marshal({"room": "hall", "password": "open sesame"})
        news.fields["note"].CopyFrom(secret("quiet"))
        news.fields["colours"].list_value.values.append(secret("red"))

        answer = await provider.Check(provider_pb2.CheckRequest(urn=URN, news=news))

        assert unmarshal(answer.inputs).secrets == {"password", "note", "colours"}
        assert answer.inputs.fields["note"].struct_value.fields[SIGNATURE].string_value == SECRET

    async def test_failures_of_the_resource_itself_are_reported(
        self, provider: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """Beside those of the types."""
        answer = await provider.Check(provider_pb2.CheckRequest(urn=URN, news=marshal({"room": "hall", "boards": 0})))

        assert [item.property for item in answer.failures] == ["boards"]

    async def test_asset_is_refused(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """With the property's name."""
        news = marshal({"room": "hall", "note": {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "x"}})

        error = await failure(provider.Check(provider_pb2.CheckRequest(urn=URN, news=news)))

        assert error.details() == (
            "property note is an asset, which no resource of this package takes; give a plain value"
        )


class TestDiff:
    """What changes."""

    async def test_no_change_is_none(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """A detailed diff without entries, not "unknown"."""
        answer = await diff(provider, {"room": "hall"})

        assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
        assert answer.hasDetailedDiff

    async def test_changes_are_named_by_path_and_kind(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """Added, changed; the top-level names go with them."""
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
        """The service of this resource allows only one."""
        answer = await diff(provider, {"room": UNKNOWN})

        assert answer.detailedDiff["room"].kind == PropertyDiff.UPDATE_REPLACE
        assert list(answer.replaces) == ["room"]
        assert answer.deleteBeforeReplace

    async def test_ignored_paths_do_not_count(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """The path itself and everything below."""
        news = {"room": "hall", "label": "new", "parts": {"a": {"userAttribute": "u"}}}

        answer = await diff(provider, news, ignoreChanges=["label", "parts"])

        assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE


class TestCreateAndUpdate:
    """Changes, foretold and made."""

    async def test_preview_changes_nothing(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """It foretells; what cannot be known is unknown, and what will be secret is secret already."""
        answer = await create(provider, {"room": "hall"}, preview=True)

        assert answer.id == ""
        assert plain(answer.properties)["serial"] is UNKNOWN
        assert unmarshal(answer.properties).secrets == {"key"}
        assert service.calls == ["plan"]

    async def test_output_of_a_secret_input_is_secret(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """The state repeats the inputs, so it repeats their secrecy."""
        properties = marshal({"room": "hall", "note": "quiet"}, {"note"})

        answer = await provider.Create(provider_pb2.CreateRequest(urn=URN, properties=properties))

        assert unmarshal(answer.properties).secrets == {"note", "key"}

    @pytest.mark.parametrize("operation", ["create", "update"])
    async def test_partial_failure_gives_id_and_state(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService, operation: str
    ) -> None:
        """In the form that makes the engine keep both."""
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
        """An answer without properties would be imported as an empty resource."""
        error = await failure(provider.Read(provider_pb2.ReadRequest(id="9", urn=URN)))

        assert error.details() == ('there is no toy:index:Shelf with the id "9"; check the id, nothing was imported')

    async def test_refresh_of_what_is_missing_has_no_id(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """That is how the engine learns that it is gone."""
        request = provider_pb2.ReadRequest(id="9", urn=URN, properties=marshal(STATE), inputs=marshal({"room": "hall"}))

        answer = await provider.Read(request)

        assert answer.id == ""

    async def test_import_gives_inputs_and_state(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """Inputs are what a program would have to say."""
        await create(provider, {"room": "hall", "boards": 5})
        assert service.shelves

        answer = await provider.Read(provider_pb2.ReadRequest(id="shelf-in-hall", urn=URN))

        assert answer.id == "shelf-in-hall"
        assert plain(answer.inputs)["boards"] == 5
        assert plain(answer.properties)["serial"] == "serial-shelf-in-hall"

    async def test_secret_that_is_not_told_stays_as_it_was(
        self, provider: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """In the inputs and in the state, marked secret."""
        await create(provider, {"room": "hall", "password": "open sesame"})
        inputs = marshal({"room": "hall", "password": "open sesame"}, {"password"})
        request = provider_pb2.ReadRequest(id="shelf-in-hall", urn=URN, properties=marshal(STATE), inputs=inputs)

        answer = await provider.Read(request)

        assert plain(answer.inputs)["password"] == "open sesame"
        assert plain(answer.properties)["password"] == "open sesame"
        assert "password" in unmarshal(answer.inputs).secrets & unmarshal(answer.properties).secrets


class TestDeleteAndInvoke:
    """The rest."""

    async def test_delete_reads_a_state_of_another_version(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """What an older version left can be removed by a newer one."""
        service.shelves["1"] = {}
        properties = marshal({"room": "hall", "formerly": "something"})

        await provider.Delete(provider_pb2.DeleteRequest(id="1", urn=URN, properties=properties))

        assert service.shelves == {}

    async def test_function_answers(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """With its result, under the names of the schema."""
        await create(provider, {"room": "hall"})
        request = provider_pb2.InvokeRequest(tok="toy:index:countShelves", args=marshal({"room": "hall"}))

        answer = await provider.Invoke(request)

        assert plain(getattr(answer, "return")) == {"count": 1}

    async def test_wrong_arguments_of_a_function_are_named(
        self, provider: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """As wrong inputs of a resource are."""
        request = provider_pb2.InvokeRequest(tok="toy:index:countShelves", args=marshal({"rom": "hall"}))

        answer = await provider.Invoke(request)

        assert [(item.property, item.reason) for item in answer.failures] == [
            ("rom", "is no property; did you mean room?")
        ]

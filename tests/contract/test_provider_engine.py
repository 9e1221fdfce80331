"""The provider over gRPC, as the engine speaks to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

from kzero_scim.clients.trail import note
from kzero_scim.errors import ProviderError
from kzero_scim.provider.engine import Adapter, start
from kzero_scim.provider.marshal import SECRET, SIGNATURE, UNKNOWN_MARK, marshal, unmarshal
from kzero_scim.provider.model import UNKNOWN
from tests.toy_package import ToyService

URN = "urn:pulumi:test::project::toy:index:Shelf::shelf"
CHILD_URN = "urn:pulumi:test::project::a:b:Box$toy:index:Shelf::shelf"
STATE = {
    "room": "hall",
    "label": "plain",
    "boards": 3,
    "parts": {},
    "colours": [],
    "serial": "s",
    "key": "k",
    "books": 0,
}

PropertyDiff = provider_pb2.PropertyDiff


class ListeningEngine(engine_pb2_grpc.EngineServicer):
    """An engine that keeps what providers tell it."""

    def __init__(self) -> None:
        """Have been told nothing."""
        self.told: list[engine_pb2.LogRequest] = []

    async def Log(self, request: engine_pb2.LogRequest, context: Any) -> empty_pb2.Empty:  # noqa: ANN401, N802
        """Keep a line."""
        del context
        self.told.append(request)
        return empty_pb2.Empty()


@pytest.fixture
def service() -> ToyService:
    return ToyService()


@pytest.fixture
async def adapter(service: ToyService) -> AsyncIterator[Adapter]:
    made = Adapter(service.package())
    yield made
    await made.aclose()


@pytest.fixture
async def fresh(adapter: Adapter) -> AsyncIterator[provider_pb2_grpc.ResourceProviderStub]:
    """Give a stub of a provider that is not configured yet."""
    server, port = await start(adapter)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    await server.stop(grace=None)


@pytest.fixture
async def provider(fresh: provider_pb2_grpc.ResourceProviderStub) -> provider_pb2_grpc.ResourceProviderStub:
    """Give a stub of a configured provider."""
    await fresh.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True))
    return fresh


def secret(value: object) -> struct_pb2.Value:
    """Spell a secret as the engine does."""
    return marshal({"x": value}, {"x"}).fields["x"]


def plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Read properties, secrets unwrapped."""
    return unmarshal(struct).values


async def failure(call: Any) -> grpc.aio.AioRpcError:  # noqa: ANN401 - any call of a stub
    """Give the error that a call ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def create(
    provider: provider_pb2_grpc.ResourceProviderStub,
    values: Mapping[str, Any],
    **more: Any,  # noqa: ANN401
) -> provider_pb2.CreateResponse:
    """Create a shelf."""
    created: provider_pb2.CreateResponse = await provider.Create(
        provider_pb2.CreateRequest(urn=URN, properties=marshal(values), **more)
    )
    return created


async def diff(
    provider: provider_pb2_grpc.ResourceProviderStub,
    values: Mapping[str, Any],
    **more: Any,  # noqa: ANN401
) -> provider_pb2.DiffResponse:
    """Diff a shelf that is as :data:`STATE` says."""
    found: provider_pb2.DiffResponse = await provider.Diff(
        provider_pb2.DiffRequest(id="1", urn=URN, olds=marshal(STATE), news=marshal(values), **more)
    )
    return found


class TestProcess:
    """The provider as a process of the engine."""

    async def test_handshake_says_that_secrets_are_understood(
        self, fresh: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """The engine then sends secrets marked as such."""
        answer = await fresh.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))

        assert answer.accept_secrets

    async def test_configure_says_that_previews_are_supported(
        self, fresh: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """The engine then calls create and update during previews too."""
        answer = await fresh.Configure(provider_pb2.ConfigureRequest())

        assert answer.supportsPreview
        assert answer.acceptSecrets

    async def test_version_is_told(self, fresh: provider_pb2_grpc.ResourceProviderStub) -> None:
        """It is the package's."""
        info = await fresh.GetPluginInfo(empty_pb2.Empty())

        assert info.version == "1.2.3"

    async def test_lines_for_the_operator_reach_the_engine_that_attached(
        self, provider: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """Notes stay, what is being done right now is replaced, and both belong to their resource."""
        engine = ListeningEngine()
        server = grpc.aio.server()
        engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        await provider.Attach(plugin_pb2.PluginAttach(address=f"127.0.0.1:{port}"))

        await create(provider, {"room": "hall"}, preview=True)
        await create(provider, {"room": "hall"})
        await server.stop(grace=None)

        note, status = engine.told
        assert (note.message, note.urn, note.ephemeral) == ("plans a shelf for hall", URN, False)
        assert (status.message, status.urn, status.ephemeral) == ("puts up a shelf", URN, True)

    async def test_cancel_stops_what_runs(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """A running operation ends with an error that says so; nothing new starts."""
        service.wait_in.add("create")
        running = asyncio.ensure_future(create(provider, {"room": "hall"}))
        await service.reached.wait()

        await provider.Cancel(empty_pb2.Empty())
        error = await failure(running)
        refused = await failure(create(provider, {"room": "attic"}))

        assert error.code() is grpc.StatusCode.CANCELLED
        assert error.details() == 'toy:index:Shelf "shelf": cancelled'
        assert refused.code() is grpc.StatusCode.CANCELLED
        assert service.calls == ["create"]

    async def test_custom_timeout_ends_an_operation(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """The error names the option that set it."""
        service.wait_in.add("create")

        error = await failure(create(provider, {"room": "hall"}, timeout=0.01))

        assert error.details() == 'toy:index:Shelf "shelf": not done within the 0.01 s that customTimeouts allows'

    async def test_unknown_type_is_named(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """A program for another version of the package gets told so."""
        urn = "urn:pulumi:test::project::toy:index:Table::t"

        error = await failure(provider.Check(provider_pb2.CheckRequest(urn=urn)))

        assert error.details() == "package toy 1.2.3 has no resource type toy:index:Table"

    async def test_closing_closes_the_services(
        self, adapter: Adapter, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """No connection stays open."""
        del provider

        await adapter.aclose()

        assert service.closed


class TestConfiguration:
    """CheckConfig, DiffConfig and Configure."""

    async def test_mistakes_are_named(self, fresh: provider_pb2_grpc.ResourceProviderStub) -> None:
        """Each with its key and a remedy."""
        news = marshal({"sever": "cellar", "strict": "perhaps", "version": "1.2.3", "__internal": {}})

        answer = await fresh.CheckConfig(provider_pb2.CheckRequest(urn="urn:p", news=news))

        assert {item.property: item.reason for item in answer.failures} == {
            "sever": "is no property; did you mean server?",
            "strict": 'must be a boolean, not "perhaps"',
        }

    async def test_secret_settings_are_marked(self, fresh: provider_pb2_grpc.ResourceProviderStub) -> None:
        """Also if they were not given as secrets."""
        news = marshal({"server": "cellar", "apiKey": "k-1234"})

        answer = await fresh.CheckConfig(provider_pb2.CheckRequest(urn="urn:p", news=news))

        assert unmarshal(answer.inputs).secrets == {"apiKey"}

    async def test_change_of_a_setting_replaces_nothing(self, fresh: provider_pb2_grpc.ResourceProviderStub) -> None:
        """Replacing the provider would replace every resource."""
        request = provider_pb2.DiffRequest(old_inputs=marshal({"server": "a"}), news=marshal({"server": "b"}))

        answer = await fresh.DiffConfig(request)

        assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
        assert list(answer.diffs) == ["server"]
        assert list(answer.replaces) == []

    async def test_settings_that_are_no_strings_are_decoded(
        self, fresh: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """They travel as JSON in strings; an empty string counts as not given."""
        arguments = marshal({"strict": "true", "server": ""})

        await fresh.Configure(provider_pb2.ConfigureRequest(args=arguments))

        assert service.config is not None
        assert service.config.strict is True
        assert service.config.server is None

    async def test_secret_of_the_environment_is_kept_out_of_errors(
        self,
        fresh: provider_pb2_grpc.ResourceProviderStub,
        service: ToyService,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A setting that came from a variable is as secret as one that was configured."""
        monkeypatch.setenv("TOY_API_KEY", "k-from-environment")
        await fresh.Configure(provider_pb2.ConfigureRequest())
        service.fail["create"] = ProviderError("the service refused k-from-environment")

        error = await failure(create(fresh, {"room": "hall"}))

        assert error.details() == "the service refused [secret]"


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

    async def test_unexpected_error_is_one_line(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Without a traceback, unless the operator asks for one."""
        service.fail["create"] = ValueError("broken\n  inside")

        error = await failure(create(provider, {"room": "hall"}))

        assert error.details() == (
            'toy:index:Shelf "shelf": internal error: ValueError: broken inside; set KZERO_DEBUG=1 for the traceback'
        )
        assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert capfd.readouterr().err == ""

    async def test_a_name_cannot_forge_a_line_or_leak_a_secret_of_several_lines(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """Escape sequences and marks of the reading order are written out; a PEM key stays hidden."""
        service.fail["create"] = ProviderError('user "x\x1b[2J\u202e" with -----KEY\nabcdef-----')

        error = await failure(create(provider, {"room": "hall", "password": "-----KEY\nabcdef-----"}))

        assert error.details() == 'user "x\\x1b[2J\\u202e" with [secret]'

    async def test_an_unforeseen_answer_is_told_with_its_request(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Which of the services' answers it was, as far as can be told."""
        original = service.begin

        async def ask_first(operation: str) -> None:
            note("GET /servicePrincipals/1")
            await original(operation)

        monkeypatch.setattr(service, "begin", ask_first)
        service.fail["create"] = KeyError("id")

        error = await failure(create(provider, {"room": "hall"}))

        assert error.details() == (
            "toy:index:Shelf \"shelf\": internal error after GET /servicePrincipals/1: KeyError: 'id'; the service's "
            "answer may not be what it documents; set KZERO_DEBUG=1 for the traceback"
        )

    async def test_traceback_is_to_be_had_without_secrets(
        self,
        provider: provider_pb2_grpc.ResourceProviderStub,
        service: ToyService,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """KZERO_DEBUG=1 writes it to standard error, redacted."""
        monkeypatch.setenv("KZERO_DEBUG", "1")
        service.fail["create"] = ValueError("cannot open with open sesame")

        await failure(create(provider, {"room": "hall", "password": "open sesame"}))

        written = capfd.readouterr().err
        assert "Traceback" in written
        assert "cannot open with [secret]" in written
        assert "open sesame" not in written


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

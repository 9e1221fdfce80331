"""The provider over gRPC: handshake, configuration, cancellation and shutdown."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from kzero_scim.errors import ProviderError
from kzero_scim.provider.engine.adapter import Adapter, start
from kzero_scim.provider.engine.marshal import marshal, unmarshal
from kzero_scim.provider.package import KZERO
from tests.contract.provider.engine.calls import URN, create, failure
from tests.contract.provider.engine.conftest import Serve
from tests.toy_package import ToyService


class ListeningEngine(engine_pb2_grpc.EngineServicer):
    """An engine that records log lines."""

    def __init__(self) -> None:
        """Start without lines."""
        self.lines: list[engine_pb2.LogRequest] = []

    async def Log(self, request: engine_pb2.LogRequest, context: Any) -> empty_pb2.Empty:  # noqa: ANN401, N802 - as gRPC's generated code has it
        """Record a line."""
        del context
        self.lines.append(request)
        return empty_pb2.Empty()


class TestProcess:
    """The provider as a process of the engine."""

    async def test_handshake_says_that_secrets_are_understood(
        self, fresh: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """The handshake says that the provider accepts secrets."""
        answer = await fresh.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))

        assert answer.accept_secrets

    async def test_configure_says_that_previews_are_supported(
        self, fresh: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """Configure says that the provider supports previews."""
        answer = await fresh.Configure(provider_pb2.ConfigureRequest())

        assert answer.supportsPreview
        assert answer.acceptSecrets

    async def test_version_is_returned(self, fresh: provider_pb2_grpc.ResourceProviderStub) -> None:
        """The plugin info contains the package's version."""
        info = await fresh.GetPluginInfo(empty_pb2.Empty())

        assert info.version == "1.2.3"

    async def test_lines_for_the_operator_reach_the_engine_that_attached(
        self, provider: provider_pb2_grpc.ResourceProviderStub
    ) -> None:
        """Log lines reach the attached engine: notes stay, actions are ephemeral."""
        engine = ListeningEngine()
        server = grpc.aio.server()
        engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            await provider.Attach(plugin_pb2.PluginAttach(address=f"127.0.0.1:{port}"))
            await create(provider, {"room": "hall"}, preview=True)
            await create(provider, {"room": "hall"})
        finally:
            await server.stop(grace=None)

        note, status = engine.lines
        assert (note.message, note.urn, note.ephemeral) == ("plans a shelf for hall", URN, False)
        assert (status.message, status.urn, status.ephemeral) == ("puts up a shelf", URN, True)

    async def test_cancel_stops_what_runs(
        self, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """Cancel ends the running operation with an error that says so, and no new one starts."""
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
        """The error of an operation that exceeds its timeout names the option customTimeouts."""
        service.wait_in.add("create")

        error = await failure(create(provider, {"room": "hall"}, timeout=0.01))

        assert (
            error.details() == 'toy:index:Shelf "shelf": not finished within 0.01 s; raise the limit in customTimeouts'
        )

    async def test_unknown_type_is_named(self, provider: provider_pb2_grpc.ResourceProviderStub) -> None:
        """The error for an unknown resource type names the package's version."""
        urn = "urn:pulumi:test::project::toy:index:Table::t"

        error = await failure(provider.Check(provider_pb2.CheckRequest(urn=urn)))

        assert error.details() == (
            "package toy 1.2.3 has no resource type toy:index:Table; install the version that the program needs"
        )

    async def test_closing_closes_the_services(
        self, adapter: Adapter, provider: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """Closing the adapter closes the services."""
        del provider

        await adapter.aclose()

        assert service.closed


class TestConfiguration:
    """CheckConfig, DiffConfig and Configure."""

    async def test_mistakes_are_named(self, fresh: provider_pb2_grpc.ResourceProviderStub) -> None:
        """Each wrong setting is named with a remedy."""
        news = marshal({"sever": "cellar", "strict": "perhaps", "version": "1.2.3", "__internal": {}})

        answer = await fresh.CheckConfig(provider_pb2.CheckRequest(urn="urn:p", news=news))

        assert {item.property: item.reason for item in answer.failures} == {
            "sever": "is not a property; did you mean server?",
            "strict": 'must be a boolean, not "perhaps"',
        }

    async def test_a_host_that_is_not_allowed_is_refused_before_configure(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The engine's first look at the configuration refuses a host that would get a secret of the environment."""
        monkeypatch.setenv("KZERO_CLIENT_SECRET", "a-secret-of-the-environment")
        monkeypatch.delenv("KZERO_SCIM_ALLOWED_HOSTS", raising=False)
        monkeypatch.delenv("KZERO_SERVER_URL", raising=False)
        news = marshal({"serverUrl": "https://evil.example"})

        async with grpc.aio.insecure_channel(f"127.0.0.1:{await serve(Adapter(KZERO))}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            error = await failure(stub.CheckConfig(provider_pb2.CheckRequest(urn="urn:p", news=news)))

        assert "https://evil.example would receive KZERO_CLIENT_SECRET" in (error.details() or "")

    async def test_secret_settings_are_marked(self, fresh: provider_pb2_grpc.ResourceProviderStub) -> None:
        """A secret setting is marked as secret, even if it was not given as one."""
        news = marshal({"server": "cellar", "apiKey": "k-1234"})

        answer = await fresh.CheckConfig(provider_pb2.CheckRequest(urn="urn:p", news=news))

        assert unmarshal(answer.inputs).secrets == {"apiKey"}

    async def test_change_of_a_setting_replaces_nothing(self, fresh: provider_pb2_grpc.ResourceProviderStub) -> None:
        """A changed setting does not replace the provider, which would replace every resource."""
        request = provider_pb2.DiffRequest(old_inputs=marshal({"server": "a"}), news=marshal({"server": "b"}))

        answer = await fresh.DiffConfig(request)

        assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
        assert list(answer.diffs) == ["server"]
        assert list(answer.replaces) == []

    async def test_settings_that_are_no_strings_are_decoded(
        self, fresh: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """Settings that are JSON in strings are decoded, and an empty string counts as missing."""
        arguments = marshal({"strict": "true", "server": ""})

        await fresh.Configure(provider_pb2.ConfigureRequest(args=arguments))

        assert service.config is not None
        assert service.config.strict is True
        assert service.config.server is None

    async def test_provider_accepts_one_configuration_of_the_engine_that_started_it(self, service: ToyService) -> None:
        """Another process of this user could otherwise give the running provider another address."""
        adapter = Adapter(service.package(), engine_address="127.0.0.1:1")
        server, port = await start(adapter)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            await stub.Configure(provider_pb2.ConfigureRequest(args=marshal({"server": "cellar"})))
            await stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:2"))

            error = await failure(stub.Configure(provider_pb2.ConfigureRequest(args=marshal({"server": "attic"}))))

        assert error.details() == (
            "the engine has configured this provider already, so another configuration is refused"
        )
        assert service.config is not None
        assert service.config.server == "cellar"
        await adapter.aclose()
        await server.stop(grace=None)

    async def test_running_provider_accepts_one_configuration_for_each_time_an_engine_attaches(
        self, fresh: provider_pb2_grpc.ResourceProviderStub, service: ToyService
    ) -> None:
        """An engine attaches once for each of its providers: one in the state, one in the program."""
        for name in ("cellar", "attic"):
            await fresh.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))
            await fresh.Configure(provider_pb2.ConfigureRequest(args=marshal({"server": name})))

        await failure(fresh.Configure(provider_pb2.ConfigureRequest(args=marshal({"server": "elsewhere"}))))

        assert service.config is not None
        assert service.config.server == "attic"

    async def test_secret_of_the_environment_is_kept_out_of_errors(
        self,
        fresh: provider_pb2_grpc.ResourceProviderStub,
        service: ToyService,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A secret setting from an environment variable is redacted from errors."""
        monkeypatch.setenv("TOY_API_KEY", "k-from-environment")
        await fresh.Configure(provider_pb2.ConfigureRequest())
        service.fail["create"] = ProviderError("the service refused k-from-environment")

        error = await failure(create(fresh, {"room": "hall"}))

        assert error.details() == "the service refused [secret]"

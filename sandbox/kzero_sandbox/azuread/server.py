"""The plugin's gRPC service, `pulumirpc.ResourceProvider`, and the lifetime of its process.

Converts messages to plain values and back. Must not know what the answers mean, see `provider`.
Registers the methods by name, because the protocol's method names do not follow Python's conventions.
"""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2

from kzero_sandbox.azuread.errors import Cancelled, Refusal
from kzero_sandbox.azuread.properties import Change
from kzero_sandbox.azuread.provider import VERSION, Provider
from kzero_sandbox.azuread.structs import from_struct, to_struct

SERVICE: Final = "pulumirpc.ResourceProvider"

MESSAGE_SIZE: Final = 400 * 1024 * 1024
"""The limit in bytes that Pulumi's own SDKs set."""

PARENT_CHECK: Final = 2.0
"""How often, in seconds, to check whether the engine that started this process still runs."""

Handler = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[Any]]


class Servicer:
    """The methods of the service that the engine calls."""

    def __init__(self, provider: Provider) -> None:
        """Serve this provider."""
        self._provider = provider

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the service, to be added to a gRPC server."""
        empty = empty_pb2.Empty
        methods: dict[str, tuple[Handler, type[Any]]] = {
            "Handshake": (self._handshake, provider_pb2.ProviderHandshakeRequest),
            "Attach": (self._attach, plugin_pb2.PluginAttach),
            "GetPluginInfo": (self._get_plugin_info, empty),
            "GetSchema": (self._get_schema, provider_pb2.GetSchemaRequest),
            "CheckConfig": (self._check_config, provider_pb2.CheckRequest),
            "DiffConfig": (self._diff_config, provider_pb2.DiffRequest),
            "Configure": (self._configure, provider_pb2.ConfigureRequest),
            "Invoke": (self._invoke, provider_pb2.InvokeRequest),
            "Check": (self._check, provider_pb2.CheckRequest),
            "Diff": (self._diff, provider_pb2.DiffRequest),
            "Create": (self._create, provider_pb2.CreateRequest),
            "Read": (self._read, provider_pb2.ReadRequest),
            "Update": (self._update, provider_pb2.UpdateRequest),
            "Delete": (self._delete, provider_pb2.DeleteRequest),
            "Cancel": (self._cancel, empty),
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(  # type: ignore[no-untyped-call]  # grpc has no types
                _explained(method),
                request_deserializer=request.FromString,
                response_serializer=lambda answer: answer.SerializeToString(),
            )
            for name, (method, request) in methods.items()
        }
        service: grpc.GenericRpcHandler = grpc.method_handlers_generic_handler(  # type: ignore[no-untyped-call]  # as above
            SERVICE, handlers
        )
        return service

    async def _handshake(self, _request: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        # The official plugin is older than the handshake, so the engine uses the older configuration calls.
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "method Handshake not implemented")

    async def _attach(self, _request: object, _context: object) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    async def _get_plugin_info(self, _request: object, _context: object) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    async def _get_schema(self, _request: object, _context: object) -> provider_pb2.GetSchemaResponse:
        return provider_pb2.GetSchemaResponse(schema=schema())

    async def _check_config(self, request: provider_pb2.CheckRequest, _context: object) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    async def _diff_config(self, _request: object, _context: object) -> provider_pb2.DiffResponse:
        return provider_pb2.DiffResponse()

    async def _configure(
        self, request: provider_pb2.ConfigureRequest, _context: object
    ) -> provider_pb2.ConfigureResponse:
        variables = {name.rsplit(":", 1)[-1]: value for name, value in request.variables.items()}
        await self._provider.configure(variables | from_struct(request.args))
        return provider_pb2.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    async def _invoke(self, request: provider_pb2.InvokeRequest, _context: object) -> provider_pb2.InvokeResponse:
        result = await self._provider.invoke(request.tok, from_struct(request.args))
        answer = provider_pb2.InvokeResponse()
        getattr(answer, "return").CopyFrom(to_struct(result))
        return answer

    async def _check(self, request: provider_pb2.CheckRequest, _context: object) -> provider_pb2.CheckResponse:
        inputs, failures = self._provider.check(_token(request), _name(request), from_struct(request.news))
        return provider_pb2.CheckResponse(
            inputs=to_struct(inputs),
            failures=[provider_pb2.CheckFailure(property=each.name, reason=each.reason) for each in failures],
        )

    async def _diff(self, request: provider_pb2.DiffRequest, _context: object) -> provider_pb2.DiffResponse:
        found = self._provider.diff(
            _token(request), from_struct(request.olds), from_struct(request.news), list(request.ignoreChanges)
        )
        answer = provider_pb2.DiffResponse
        return answer(
            changes=answer.DIFF_SOME if found.details else answer.DIFF_NONE,
            detailedDiff={path: _property_diff(change) for path, change in found.details.items()},
            diffs=found.names,
            hasDetailedDiff=True,
            replaces=found.replaces,
            stables=found.stables,
        )

    async def _create(self, request: provider_pb2.CreateRequest, _context: object) -> provider_pb2.CreateResponse:
        token, inputs = _token(request), from_struct(request.properties)
        if request.preview:
            planned = self._provider.create_preview(token, inputs, request.timeout)
            return provider_pb2.CreateResponse(properties=to_struct(planned))
        resource_id, state = await self._provider.create(token, inputs, request.timeout)
        return provider_pb2.CreateResponse(id=resource_id, properties=to_struct(state))

    async def _read(self, request: provider_pb2.ReadRequest, _context: object) -> provider_pb2.ReadResponse:
        found = await self._provider.read(
            _token(request), request.id, from_struct(request.inputs), from_struct(request.properties)
        )
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=found.resource_id, inputs=to_struct(found.inputs), properties=to_struct(found.state)
        )

    async def _update(self, request: provider_pb2.UpdateRequest, _context: object) -> provider_pb2.UpdateResponse:
        token, olds, news = _token(request), from_struct(request.olds), from_struct(request.news)
        news |= {name: olds[name] for name in request.ignoreChanges if name in olds}
        if request.preview:
            planned = self._provider.update_preview(token, olds, news, request.timeout)
            return provider_pb2.UpdateResponse(properties=to_struct(planned))
        state = await self._provider.update(token, request.id, olds, news, request.timeout)
        return provider_pb2.UpdateResponse(properties=to_struct(state))

    async def _delete(self, request: provider_pb2.DeleteRequest, _context: object) -> empty_pb2.Empty:
        await self._provider.delete(_token(request), request.id, from_struct(request.properties), request.timeout)
        return empty_pb2.Empty()

    async def _cancel(self, _request: object, _context: object) -> empty_pb2.Empty:
        # The official plugin finishes what it has begun, so that the engine records it.
        return empty_pb2.Empty()


def schema() -> str:
    """Return the schema of the resources and functions that the stand-in implements, as JSON."""
    return json.dumps(json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8")))


async def start(provider: Provider) -> tuple[grpc.aio.Server, int]:
    """Serve a provider on a free loopback port; the caller stops the server.

    Returns:
        The running server and its port.
    """
    options = [("grpc.max_receive_message_length", MESSAGE_SIZE), ("grpc.max_send_message_length", MESSAGE_SIZE)]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((Servicer(provider).handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


async def serve(*, engine_address: str | None) -> None:
    """Serve until a signal arrives or the engine ends.

    Args:
        engine_address: Where the engine listens. None if the plugin was started by hand so that runs attach to it
            (`PULUMI_DEBUG_PROVIDERS=azuread:<port>`); it then serves until a signal arrives.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    provider = Provider()
    server, port = await start(provider)
    print(port, flush=True)  # noqa: T201 - the engine reads the plugin's port from here
    watch = asyncio.create_task(_orphaned(stop)) if engine_address else None
    await stop.wait()
    if watch:
        watch.cancel()
    await provider.close()
    await server.stop(grace=0)


async def _orphaned(stop: asyncio.Event) -> None:
    """Stop when the engine has died without a signal, because nothing else would end this process."""
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - no event reports a parent's end
        await asyncio.sleep(PARENT_CHECK)
    stop.set()


def _explained(method: Handler) -> Handler:
    """Turn refusals into gRPC errors with only the message, which the engine shows to the user."""

    async def explained(request: object, context: grpc.aio.ServicerContext[Any, Any]) -> object:
        try:
            return await method(request, context)
        except Cancelled as cancelled:
            await context.abort(grpc.StatusCode.CANCELLED, str(cancelled))
        except Refusal as refusal:
            await context.abort(grpc.StatusCode.UNKNOWN, str(refusal))

    return explained


def _token(request: Any) -> str:  # noqa: ANN401 - six message types that share a field
    """Return the resource's type from the URN, which puts the types of its parent components before it."""
    return str(request.urn).split("::")[-2].rsplit("$", 1)[-1]


def _name(request: Any) -> str:  # noqa: ANN401 - as above
    return str(request.name or str(request.urn).rsplit("::", maxsplit=1)[-1])


def _property_diff(change: Change) -> provider_pb2.PropertyDiff:
    return provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(change))

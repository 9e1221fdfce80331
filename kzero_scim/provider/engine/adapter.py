"""Serves the engine's gRPC requests by calling resources' methods. Knows no resource.

One process per run, one loop, no threads. Only this module, ``guard.py``, ``engine_link.py`` and ``marshal.py`` use
gRPC and Pulumi's value encoding. This module implements the documented service ``ResourceProvider``
(`proto/pulumi/provider.proto`) directly. The base classes of ``pulumi.provider.experimental`` 3.272 print tracebacks,
and do not support unknowns, partial failures and missing resources on import.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, assert_never

import grpc.aio
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from kzero_scim.display import plain
from kzero_scim.errors import PartialFailureError, ProviderError, SettingsError
from kzero_scim.provider.engine.detailed_diff import keep_ignored, settle
from kzero_scim.provider.engine.engine_link import EngineLink, EngineLog
from kzero_scim.provider.engine.guard import Guard, InitFailedError
from kzero_scim.provider.engine.marshal import ENGINE_SETTINGS, Properties, marshal, plain_settings, unmarshal
from kzero_scim.provider.engine.peers import OwnEngineOnly
from kzero_scim.provider.engine.urn import Subject
from kzero_scim.provider.schema import package_schema
from kzero_scim.redaction import Redactor
from kzero_scim.resource.codec import decode, decode_lenient, fields_of, secret_keys
from kzero_scim.resource.formats import same_object
from kzero_scim.resource.model import Call, ChangeKind, Failure, Found, Function, Resource, Sides, as_plain, is_known
from kzero_scim.resource.paths import top_level
from kzero_scim.resource.reading import Absent, Unknown
from kzero_scim.secret_variables import secrets_of

if TYPE_CHECKING:
    from kzero_scim.provider.package import Closing, Package

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

LARGEST_MESSAGE: Final = 400 * 1024 * 1024
"""Bytes. This is the engine's own limit (`sdk/go/common/util/rpcutil/serve.go`)."""

_IN_PLACE: Final = {
    ChangeKind.ADD: provider_pb2.PropertyDiff.ADD,
    ChangeKind.UPDATE: provider_pb2.PropertyDiff.UPDATE,
    ChangeKind.DELETE: provider_pb2.PropertyDiff.DELETE,
}
_REPLACING: Final = {
    ChangeKind.ADD: provider_pb2.PropertyDiff.ADD_REPLACE,
    ChangeKind.UPDATE: provider_pb2.PropertyDiff.UPDATE_REPLACE,
    ChangeKind.DELETE: provider_pb2.PropertyDiff.DELETE_REPLACE,
}


class Adapter(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one package to the engine.

    Args:
        package: The package to serve.
        engine_address: The engine's address. An attached provider learns it later.
        redactor: Removes secrets from errors; None for a new one.
    """

    def __init__(self, package: Package, engine_address: str = "", redactor: Redactor | None = None) -> None:
        """Prepare. Resources are available after the engine has configured the package."""
        self._package = package
        self._redactor = redactor or Redactor()
        self._guard = Guard(self._redactor)
        self._link = EngineLink(engine_address, self._redactor)
        self._services: Closing | None = None
        self._is_spawned = bool(engine_address)
        self._attachments = 0
        self._configurations = 0
        self._instances: dict[str, Any] = {}
        self._admission = asyncio.Lock()
        self._is_admitted = False
        self._made: dict[str, tuple[str, Any]] = {}
        """ID and state of each resource that this run has created, by URN."""
        self._compared: dict[str, tuple[str, Any]] = {}
        """ID and state of each resource that this run has compared and whose replacement may inherit, by URN."""

    async def aclose(self) -> None:
        """Cancel running operations and close all connections."""
        self._guard.cancel()
        if self._services is not None:
            await self._services.aclose()
        await self._link.aclose()

    # -- The process ------------------------------------------------------------------------------------------------

    async def Handshake(  # noqa: N802 - gRPC's name
        self, request: provider_pb2.ProviderHandshakeRequest, context: Context
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Store the engine's address and return what this provider supports."""
        del context
        self._begin()
        await self._link.meet(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    async def Attach(  # noqa: N802 - as above
        self, request: plugin_pb2.PluginAttach, context: Context
    ) -> empty_pb2.Empty:
        """Store the address of an engine that attaches to this running process (PULUMI_DEBUG_PROVIDERS)."""
        del context
        self._begin()
        self._attachments = max(self._attachments, self._configurations) + 1
        await self._link.meet(request.address)
        return empty_pb2.Empty()

    async def GetPluginInfo(  # noqa: N802 - as above
        self, request: empty_pb2.Empty, context: Context
    ) -> plugin_pb2.PluginInfo:
        """Return the version."""
        del request, context
        return plugin_pb2.PluginInfo(version=self._package.version)

    async def GetSchema(  # noqa: N802 - as above
        self, request: provider_pb2.GetSchemaRequest, context: Context
    ) -> provider_pb2.GetSchemaResponse:
        """Return the package's schema."""
        del request
        return await self._guard.run(context, "the schema", self._get_schema())

    async def Cancel(  # noqa: N802 - as above
        self, request: empty_pb2.Empty, context: Context
    ) -> empty_pb2.Empty:
        """Cancel every running operation. Each fails with an error that says so."""
        del request, context
        self._guard.cancel()
        return empty_pb2.Empty()

    # -- The provider's configuration -------------------------------------------------------------------------------

    async def CheckConfig(  # noqa: N802 - as above
        self, request: provider_pb2.CheckRequest, context: Context
    ) -> provider_pb2.CheckResponse:
        """Return everything that is wrong with the configuration."""
        return await self._guard.run(context, "the provider's configuration", self._check_config(request))

    async def DiffConfig(  # noqa: N802 - as above
        self, request: provider_pb2.DiffRequest, context: Context
    ) -> provider_pb2.DiffResponse:
        """Return the changed settings.

        A change never replaces the provider. That would replace every resource and create the new one *before* deleting
        the old one, although both are the same object in Entra or KZero.
        """
        return await self._guard.run(context, "the provider's configuration", self._diff_config(request))

    async def Configure(  # noqa: N802 - as above
        self, request: provider_pb2.ConfigureRequest, context: Context
    ) -> provider_pb2.ConfigureResponse:
        """Store the configuration. No request is sent to a service before a resource needs it."""
        return await self._guard.run(context, "the provider's configuration", self._configure(request))

    # -- Resources --------------------------------------------------------------------------------------------------

    async def Check(  # noqa: N802 - as above
        self, request: provider_pb2.CheckRequest, context: Context
    ) -> provider_pb2.CheckResponse:
        """Return a resource's inputs with defaults, or everything that is wrong with them."""
        return await self._guard.run(context, Subject.of(request.urn), self._check(request))

    async def Diff(  # noqa: N802 - as above
        self, request: provider_pb2.DiffRequest, context: Context
    ) -> provider_pb2.DiffResponse:
        """Return the differences between the state and the new inputs."""
        return await self._guard.run(context, Subject.of(request.urn), self._diff(request))

    async def Create(  # noqa: N802 - as above
        self, request: provider_pb2.CreateRequest, context: Context
    ) -> provider_pb2.CreateResponse:
        """Create a resource, or predict its state during a preview."""
        return await self._guard.run(context, Subject.of(request.urn), self._create(request), request.timeout)

    async def Read(  # noqa: N802 - as above
        self, request: provider_pb2.ReadRequest, context: Context
    ) -> provider_pb2.ReadResponse:
        """Refresh or import a resource."""
        return await self._guard.run(context, Subject.of(request.urn), self._read(request), request.timeout)

    async def Update(  # noqa: N802 - as above
        self, request: provider_pb2.UpdateRequest, context: Context
    ) -> provider_pb2.UpdateResponse:
        """Update a resource in place, or predict its state during a preview."""
        return await self._guard.run(context, Subject.of(request.urn), self._update(request), request.timeout)

    async def Delete(  # noqa: N802 - as above
        self, request: provider_pb2.DeleteRequest, context: Context
    ) -> empty_pb2.Empty:
        """Delete a resource."""
        return await self._guard.run(context, Subject.of(request.urn), self._delete(request), request.timeout)

    async def Invoke(  # noqa: N802 - as above
        self, request: provider_pb2.InvokeRequest, context: Context
    ) -> provider_pb2.InvokeResponse:
        """Run a function."""
        return await self._guard.run(context, request.tok, self._invoke(request))

    # -- Implementation ---------------------------------------------------------------------------------------------

    async def _get_schema(self) -> provider_pb2.GetSchemaResponse:
        return provider_pb2.GetSchemaResponse(schema=json.dumps(package_schema(self._package)))

    async def _check_config(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        given = self._unmarshal(request.news)
        self._learn(self._package.config, given.values)
        config, failures = decode(self._package.config, plain_settings(self._package.config, given.values))
        if failures:
            return provider_pb2.CheckResponse(failures=self._failures(failures))
        if is_known(config):
            self._package.check_config(config)
        secrets = given.secrets | secret_keys(self._package.config)
        return provider_pb2.CheckResponse(inputs=marshal(given.values, secrets))

    async def _diff_config(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        old, new = self._unmarshal(request.old_inputs).values, self._unmarshal(request.news).values
        changed = sorted(key for key in {*old, *new} - ENGINE_SETTINGS if old.get(key) != new.get(key))
        for warning in self._package.check_change(old, new) if old else ():
            await EngineLog(self._link, request.urn).warning(warning)
        some = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some, diffs=changed)

    async def _configure(self, request: provider_pb2.ConfigureRequest) -> provider_pb2.ConfigureResponse:
        # An engine starts a process for each provider, or attaches to this one for each. It configures each once.
        if self._configurations >= (1 if self._is_spawned else max(1, self._attachments)):
            message = "the engine has configured this provider already, so another configuration is refused"
            raise ProviderError(message)
        given = self._unmarshal(request.args)
        self._learn(self._package.config, given.values)
        config, failures = decode(self._package.config, plain_settings(self._package.config, given.values))
        if failures:
            message = "; ".join(f"{self._package.name}:{failure.path} {failure.reason}" for failure in failures)
            raise SettingsError(message)
        self._redactor.learn(list(secrets_of(os.environ)))
        services, self._services = self._services, self._package.connect(config)
        self._configurations += 1
        self._instances.clear()
        self._is_admitted = False
        self._made.clear()
        self._compared.clear()
        if services is not None:
            await services.aclose()
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    async def _check(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        subject = Subject.of(request.urn)
        resource = self._resource(subject)
        given, olds = self._unmarshal(request.news), self._unmarshal(request.olds)
        self._learn(resource.inputs, given.values)
        new, failures = decode(resource.inputs, given.values)
        if new is not None:
            old = decode_lenient(resource.inputs, olds.values) if olds.values else None
            new, failures = await resource.check(self._call(subject), new, old)
        if failures:
            return provider_pb2.CheckResponse(failures=self._failures(failures))
        return provider_pb2.CheckResponse(inputs=self._marshal(resource.inputs, new, given.secrets))

    async def _diff(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        subject = Subject.of(request.urn)
        resource = self._resource(subject)
        olds, news = self._unmarshal(request.olds), self._unmarshal(request.news)
        self._learn(resource.state, {**news.values, **olds.values})
        self._learn(resource.inputs, news.values)
        old = decode_lenient(resource.state, olds.values)
        # In a refresh, these are the inputs in the state, which another version may have written. Check is strict.
        new = decode_lenient(resource.inputs, news.values)
        if type(resource).inherit is not Resource.inherit:
            self._compared[request.urn] = request.id, old
        changes = await resource.diff(self._call(subject), request.id, old, new)
        changes = settle(changes, old=olds.values, new=new, ignored=request.ignoreChanges)
        response = provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
            hasDetailedDiff=True,
            diffs=dict.fromkeys(top_level(change.path) for change in changes),
            replaces=dict.fromkeys(top_level(change.path) for change in changes if change.replace),
        )
        for change in changes:
            response.detailedDiff[change.path].kind = (_REPLACING if change.replace else _IN_PLACE)[change.kind]
        response.deleteBeforeReplace = bool(response.replaces) and resource.delete_before_replace
        return response

    async def _create(self, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
        subject = Subject.of(request.urn)
        resource = self._resource(subject)
        given = self._unmarshal(request.properties)
        new = self._inputs(resource, request.properties)
        call = self._call(subject, preview=request.preview)
        await self._admit(call, subject, creates=True)
        if request.preview:
            state = await resource.plan(call, new, None)
            return provider_pb2.CreateResponse(properties=self._marshal(resource.state, state, given.secrets))
        with self._partial(resource, given.secrets, request.urn):
            created = await resource.create(call, new)
        state = self._keep_made(resource, request.urn, created.id, created.state)
        properties = self._marshal(resource.state, state, given.secrets)
        return provider_pb2.CreateResponse(id=created.id, properties=properties)

    async def _update(self, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
        subject = Subject.of(request.urn)
        resource = self._resource(subject)
        olds, given = self._unmarshal(request.olds), self._unmarshal(request.news)
        self._learn(resource.state, olds.values)
        names = fields_of(resource.inputs)
        wanted = keep_ignored(given.values, old=olds.values, names=names, ignored=request.ignoreChanges)
        self._learn(resource.inputs, wanted)
        # Ignored changes keep values of the state, which another version may have written. Check is strict.
        old, new = decode_lenient(resource.state, olds.values), decode_lenient(resource.inputs, wanted)
        call = self._call(subject, preview=request.preview)
        await self._admit(call, subject, creates=False)
        if request.preview:
            state = await resource.plan(call, new, old)
        else:
            with self._partial(resource, given.secrets):
                state = await resource.update(call, request.id, old, new)
            self._made.pop(request.urn, None)
        return provider_pb2.UpdateResponse(properties=self._marshal(resource.state, state, given.secrets))

    async def _admit(self, call: Call, subject: Subject, *, creates: bool) -> None:
        """Let the package refuse the first change of a run. Other changes wait for the decision."""
        if self._package.admit is None:
            return
        async with self._admission:
            if not self._is_admitted:
                await self._package.admit(self._services, call, subject.token, creates=creates)
                self._is_admitted = True

    async def _read(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
        subject = Subject.of(request.urn)
        resource = self._resource(subject)
        olds, old_inputs = self._unmarshal(request.properties), self._unmarshal(request.inputs)
        importing = not olds.values and not old_inputs.values
        self._learn(resource.state, {**old_inputs.values, **olds.values})
        old = None if importing else decode_lenient(resource.state, {**old_inputs.values, **olds.values})
        found = await resource.read(self._call(subject), request.id, old)
        match found:
            case Unknown():
                # The engine would delete a resource that Read does not return from the state.
                raise found.failure()
            case Absent() if importing:
                # The engine would import an empty resource.
                message = (
                    f'{subject.token} with ID "{request.id}" does not exist, so nothing was imported; check the ID'
                )
                raise ProviderError(message)
            case Absent():
                return provider_pb2.ReadResponse()
            case Found():
                pass
            case never:
                assert_never(never)
        if old is not None and old_inputs.values:
            wanted = decode_lenient(resource.inputs, old_inputs.values)
            await self._tell_who(subject, request.id, Sides(old, found.state, wanted))
        secrets = old_inputs.secrets | olds.secrets
        inputs, state = as_plain(found.inputs), as_plain(found.state)
        for key in found.unread & old_inputs.values.keys():
            inputs[key] = state[key] = old_inputs.values[key]
        return provider_pb2.ReadResponse(
            id=found.id,
            inputs=self._marshal(resource.inputs, inputs, secrets),
            properties=self._marshal(resource.state, state, secrets),
        )

    async def _tell_who(self, subject: Subject, id: str, sides: Sides) -> None:  # noqa: A002 - the engine's word
        """Log who changed a resource and when, if a refresh finds it changed and the services' logs contain it."""
        if self._package.on_drift is None:
            return
        call = self._call(subject)
        changes = await self._resource(subject).diff(call, id, sides.found, sides.wanted)
        if changes:
            for line in await self._package.on_drift(self._services, subject.token, sides, changes):
                await call.log.info(line)

    async def _delete(self, request: provider_pb2.DeleteRequest) -> empty_pb2.Empty:
        subject = Subject.of(request.urn)
        resource = self._resource(subject)
        olds = self._unmarshal(request.properties)
        self._learn(resource.state, olds.values)
        call, old = self._call(subject), decode_lenient(resource.state, olds.values)
        successor, state = self._made.get(request.urn, (None, None))
        if successor is not None and same_object(successor, request.id):
            # The replacement found the same object and took it over. Deleting the old entry must not remove it.
            await resource.give_up(call, request.id, old, state)
            return empty_pb2.Empty()
        await resource.delete(call, request.id, old)
        return empty_pb2.Empty()

    async def _invoke(self, request: provider_pb2.InvokeRequest) -> provider_pb2.InvokeResponse:
        function: Function[Any, Any] = self._instance(self._package.functions, request.tok, "function")
        given = self._unmarshal(request.args)
        self._learn(function.inputs, given.values)
        arguments, failures = decode(function.inputs, given.values)
        if failures:
            return provider_pb2.InvokeResponse(failures=self._failures(failures))
        if not is_known(arguments):
            message = f"cannot call {request.tok}: its arguments are not known yet"
            raise ProviderError(message)
        call = Call(urn="", name=request.tok, log=EngineLog(self._link, ""), preview=request.preview)
        result = await function.invoke(call, arguments)
        response = provider_pb2.InvokeResponse()
        # The field's name "return" is a keyword.
        getattr(response, "return").CopyFrom(self._marshal(function.state, result, given.secrets))
        return response

    def _keep_made(self, resource: Resource[Any, Any], urn: str, id: str, state: Any) -> Any:  # noqa: A002, ANN401
        """Store and return the state of a new resource, with what the same object's old state recorded."""
        earlier, old = self._compared.get(urn, (None, None))
        if earlier is not None and same_object(earlier, id):
            state = resource.inherit(old, state)
        self._made[urn] = id, state
        return state

    def _begin(self) -> None:
        """Begin a run of the engine, maybe another one with the same process."""
        self._guard.renew()
        self._made.clear()
        self._compared.clear()

    # -- Values -----------------------------------------------------------------------------------------------------

    def _unmarshal(self, struct: struct_pb2.Struct) -> Properties:
        properties = unmarshal(struct)
        self._redactor.learn(properties.secret_values)
        return properties

    def _inputs(self, resource: Resource[Any, Any], struct: struct_pb2.Struct) -> Any:  # noqa: ANN401
        """Return inputs that Check has already accepted."""
        return self._decode(resource, self._unmarshal(struct).values)

    def _decode(self, resource: Resource[Any, Any], values: Mapping[str, Any]) -> Any:  # noqa: ANN401
        self._learn(resource.inputs, values)
        inputs, failures = decode(resource.inputs, values)
        if failures:
            raise ProviderError("; ".join(f"{failure.path} {failure.reason}" for failure in failures))
        return inputs

    def _marshal(self, kind: type[Any], instance: object, secrets: Collection[str]) -> struct_pb2.Struct:
        """Return inputs or state encoded. A value is secret if the schema says so or the given value was secret."""
        values = as_plain(instance)
        self._learn(kind, values)
        return marshal(values, secret_keys(kind) | set(secrets))

    def _learn(self, kind: type[Any], values: Mapping[str, Any]) -> None:
        for key in secret_keys(kind):
            self._redactor.learn(values.get(key))

    def _failures(self, failures: Iterable[Failure]) -> list[provider_pb2.CheckFailure]:
        return [
            provider_pb2.CheckFailure(property=plain(failure.path), reason=self._guard.one_line(failure.reason))
            for failure in failures
        ]

    # -- Dispatch ----------------------------------------------------------------------------------------

    def _resource(self, subject: Subject) -> Resource[Any, Any]:
        resource: Resource[Any, Any] = self._instance(self._package.resources, subject.token, "resource type")
        return resource

    def _instance(self, kinds: Mapping[str, Callable[[Any], Any]], token: str, what: str) -> Any:  # noqa: ANN401
        if token not in kinds:
            message = (
                f"package {self._package.name} {self._package.version} has no {what} {token}; "
                "install the version that the program needs"
            )
            raise ProviderError(message)
        if self._services is None:
            message = f"the engine requested {token} before it configured the provider"
            raise ProviderError(message)
        if token not in self._instances:
            self._instances[token] = kinds[token](self._services)
        return self._instances[token]

    def _call(self, subject: Subject, *, preview: bool = False) -> Call:
        return Call(urn=subject.urn, name=subject.name, log=EngineLog(self._link, subject.urn), preview=preview)

    @contextlib.contextmanager
    def _partial(self, resource: Resource[Any, Any], secrets: Collection[str], urn: str = "") -> Iterator[None]:
        """Convert a partial failure so that the engine keeps the ID and the state.

        Args:
            resource: The resource.
            secrets: Names of properties that the program marked as secret.
            urn: URN of a new resource.
        """
        try:
            yield
        except PartialFailureError as error:
            state = self._keep_made(resource, urn, error.id, error.state) if urn else error.state
            reason = self._guard.one_line(error)
            detail = provider_pb2.ErrorResourceInitFailed(
                id=error.id, properties=self._marshal(resource.state, state, secrets), reasons=[reason]
            )
            raise InitFailedError(detail, reason) from error


async def start(
    adapter: Adapter, port: int = 0, engine: Callable[[], int] | None = None
) -> tuple[grpc.aio.Server, int]:
    """Serve on the loopback interface and return the server and its port.

    Args:
        adapter: Answers the requests.
        port: The port, 0 for a free one.
        engine: As for :class:`OwnEngineOnly`.
    """
    guard = OwnEngineOnly(engine)
    server = grpc.aio.server(
        interceptors=[guard],
        options=[
            ("grpc.max_receive_message_length", LARGEST_MESSAGE),
            ("grpc.max_send_message_length", LARGEST_MESSAGE),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(adapter, server)
    guard.port = port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, port

"""Copies of a tenant that `pulumi up` has set up, for benchmarks that need more tenants than they have time to set up.

A replica contains what `up` left in Entra, in KZero and in the stack's state, with its own ids, names and addresses.
Users are not copied: Entra's provisioning engine sends them in the replica's first cycle.

Must not know the format of a stack's state.
"""

import base64
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import yaml

from kzero_sandbox.fleet import FleetTenant
from kzero_sandbox.layout import write_private
from kzero_sandbox.organisation import GraphClientSeed
from kzero_sandbox.running import RunningSandbox

Json = dict[str, Any]
Rewrite = Callable[[str, Mapping[str, str]], str]
"""Returns a stack's state with the given names replaced; see `kzero_scim.commands.sandbox.replica_state`."""

_PROJECT: Final = "kzero-scim"
_NAMESPACE: Final = uuid.UUID("5a4d0b0c-0000-4000-8000-00000000e5e1")
_TAGS: Final = "kzero-scim:tags"
_SETTINGS: Final = "kzero.scim."
"""The prefix of the realm attributes that configure the SCIM endpoint."""
_USERS: Final = 1_000
_AT_ONCE: Final = 4


class ReplicaError(RuntimeError):
    """The replica cannot be made; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Original:
    """A tenant as `pulumi up` left it, to be copied many times."""

    tenant: FleetTenant
    stack_file: Path
    contents: Json
    """Everything that its Entra tenant holds."""
    attributes: dict[str, str]
    """The realm attributes of its SCIM endpoint."""
    scim_client: Json
    users: dict[str, str]
    """The ids of the realm's users by username."""
    checkpoint: Path
    """The stack's state in Pulumi's file backend."""


def original(sandbox: RunningSandbox, tenant: FleetTenant, project: Path, backend: Path) -> Original:
    """Read a tenant that `pulumi up` has set up.

    Args:
        sandbox: The running sandbox.
        tenant: The tenant to read.
        project: The folder with the tenant's stack file.
        backend: The folder of Pulumi's file backend.

    Raises:
        ReplicaError: The tenant is not set up.
        httpx.HTTPError: The sandbox does not answer, or refuses.
    """
    checkpoint = _checkpoint(backend, tenant)
    with sandbox.entra() as entra, sandbox.administration(tenant.credentials) as realm:
        contents: Json = _json(entra.get(f"{_control(tenant)}/contents"))
        if not contents["jobs"] or not checkpoint.is_file():
            message = f"{tenant.name} is not set up yet, so there is nothing to copy: run `pulumi up` for it first"
            raise ReplicaError(message)
        attributes: dict[str, str] = _json(realm.get(""))["attributes"]
        return Original(
            tenant=tenant,
            stack_file=_stack_file(project, tenant),
            contents=contents,
            attributes={name: value for name, value in attributes.items() if name.startswith(_SETTINGS)},
            scim_client=_scim_client(realm, tenant),
            users=_users(realm),
            checkpoint=checkpoint,
        )


def without_job(sandbox: RunningSandbox) -> list[str]:
    """Return the names of the fleet's tenants that have no provisioning job.

    Raises:
        httpx.HTTPError: The sandbox does not answer, or refuses.
    """
    with sandbox.entra() as entra:
        listed: list[Json] = _json(entra.get("/sandbox/tenants"))
    return [f"tenant-{entry['number']:03d}" for entry in listed if not entry["jobs"]]


def replicate_all(  # noqa: PLR0913, PLR0917 - what, from where, to where
    sandbox: RunningSandbox,
    source: FleetTenant,
    targets: Iterable[FleetTenant],
    project: Path,
    rewrite: Rewrite,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Make tenants replicas of another one, several at once.

    Args:
        sandbox: The running sandbox, which also holds the Pulumi state.
        source: A tenant that `pulumi up` has set up.
        targets: Tenants without a provisioning job.
        project: The folder of their project.
        rewrite: Replaces names in a stack's state.
        progress: Receives the number of replicas made so far.

    Raises:
        ReplicaError: A tenant cannot be read or copied, see `original` and `replicate`.
        httpx.HTTPError: The sandbox does not answer, or refuses.
    """
    read = original(sandbox, source, project, sandbox.layout.pulumi_state)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        made = threads.map(lambda target: replicate(sandbox, read, target, rewrite), targets)
        for number, _ in enumerate(made, 1):
            progress(number)


def replicate(sandbox: RunningSandbox, source: Original, target: FleetTenant, rewrite: Rewrite) -> None:
    """Make a tenant a replica of the original, with the original's stack file but its own names and tags.

    Args:
        sandbox: The running sandbox.
        source: The tenant to copy.
        target: The tenant to set up; it must have no provisioning job.
        rewrite: Replaces names in a stack's state.

    Raises:
        ReplicaError: The tenant is set up already, or the state cannot be copied.
        httpx.HTTPError: The sandbox does not answer, or refuses.
    """
    with sandbox.entra() as entra, sandbox.administration(target.credentials) as realm:
        own: Json = _json(entra.get(f"{_control(target)}/contents"))
        if own["jobs"]:
            message = f"{target.name} is set up already: choose one that is not"
            raise ReplicaError(message)
        names = _names(source, target, own)
        # Copy the endpoint first, as `up` does, so that the cycle finds it enabled.
        names |= _copy_realm(realm, source, target, names)
        _copy_directory(entra, source, target, own, names)
        entra.post(f"{_control(target)}/cycle").raise_for_status()
        arrived = _users(realm)
        names |= {
            there: arrived[name] for user, there in source.users.items() if (name := replaced(user, names)) in arrived
        }
    try:
        state = rewrite(source.checkpoint.read_text(encoding="utf-8"), names)
    except ValueError as error:
        message = f"{source.tenant.name} cannot be copied: {error}"
        raise ReplicaError(message) from None
    file = source.checkpoint.with_name(f"{target.name}.json")
    write_private(file, state)
    # The backend's digest describes the state that this file replaces.
    file.with_name(f"{file.name}.attrs").unlink(missing_ok=True)
    _copy_stack_file(source, target, names)


def replaced(text: str, names: Mapping[str, str]) -> str:
    """Return a text with all names replaced in one pass, longest names first."""
    found = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))
    return found.sub(lambda match: names[match.group()], text)


def _names(source: Original, target: FleetTenant, own: Json) -> dict[str, str]:
    """Return the replica's names by the original's, except those whose ids KZero assigns."""
    old, new = source.tenant.organisation, target.organisation
    names = {
        source.tenant.name: target.name,
        old.name: new.name,
        old.kzero_tenant: new.kzero_tenant,
        old.tenant_id: new.tenant_id,
        old.tenant_id.replace("-", ""): new.tenant_id.replace("-", ""),
    }
    names |= {a.id: b.id for a, b in zip(old.users, new.users, strict=True)}
    names |= {a.id: b.id for a, b in zip(old.groups, new.groups, strict=True)}
    before, after = _signs_in(source.tenant), _signs_in(target)
    names |= {before.object_id: after.object_id, before.client_id: after.client_id}
    directory = source.contents["directory"]
    # Microsoft's own applications exist in each tenant, with a different object id.
    there = {item["appId"]: item["id"] for item in own["directory"]["service_principals"].values()}
    clients = {client.object_id for client in old.clients}
    for item in [*directory["applications"].values(), *directory["service_principals"].values()]:
        if item["id"] in clients:
            continue
        if item["appId"] in there:
            names[item["id"]] = there[item["appId"]]
        else:
            names |= {
                name: str(uuid.uuid5(_NAMESPACE, f"{target.name} {name}")) for name in (item["id"], item["appId"])
            }
    for entry in directory["assignments"].values():
        principal = uuid.UUID(names.get(entry["principalId"], entry["principalId"]))
        raw = principal.bytes + uuid.uuid5(_NAMESPACE, f"{target.name} {entry['id']}").bytes
        names[entry["id"]] = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return names


def _signs_in(tenant: FleetTenant) -> GraphClientSeed:
    return tenant.organisation.client("partner" if tenant.is_of_partner else "least-privilege")


def _copy_realm(realm: httpx.Client, source: Original, target: FleetTenant, names: Mapping[str, str]) -> dict[str, str]:
    """Copy endpoint settings and mappers; return the new ids by the old ones."""
    settings: Json = _json(realm.get(""))
    attributes = json.loads(replaced(json.dumps(source.attributes), names))
    realm.put("", json=settings | {"attributes": settings["attributes"] | attributes}).raise_for_status()
    client = _scim_client(realm, target)
    path = f"/clients/{client['id']}/protocol-mappers"
    for mapper in client.get("protocolMappers", []):
        realm.delete(f"{path}/models/{mapper['id']}").raise_for_status()
    mappers = source.scim_client.get("protocolMappers", [])
    bare = [{name: value for name, value in mapper.items() if name != "id"} for mapper in mappers]
    realm.post(f"{path}/add-models", json=bare).raise_for_status()
    made = {mapper["name"]: mapper["id"] for mapper in _scim_client(realm, target).get("protocolMappers", [])}
    return {source.scim_client["id"]: client["id"], **{mapper["id"]: made[mapper["name"]] for mapper in mappers}}


def _copy_directory(
    entra: httpx.Client, source: Original, target: FleetTenant, own: Json, names: Mapping[str, str]
) -> None:
    """Copy the content of the Entra tenant except its clients, which have their own secrets."""
    copied: Json = json.loads(replaced(json.dumps(source.contents), names))
    principals: Json = copied["directory"]["service_principals"]
    for client in source.tenant.organisation.clients:
        principals.pop(replaced(client.object_id, names), None)
    principals |= own["directory"]["service_principals"]
    for job in copied["jobs"].values():
        job |= {"links": {}, "escrows": {}, "watermark": False}
    copied |= {"clients": own["clients"], "log": []}
    entra.put(f"{_control(target)}/contents", json=copied).raise_for_status()


def _copy_stack_file(source: Original, target: FleetTenant, names: Mapping[str, str]) -> None:
    file = _stack_file(source.stack_file.parents[1], target)
    document: Json = yaml.safe_load(replaced(source.stack_file.read_text(encoding="utf-8"), names))
    if file.is_file():
        document["config"][_TAGS] = yaml.safe_load(file.read_text(encoding="utf-8"))["config"].get(_TAGS, [])
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def _stack_file(project: Path, tenant: FleetTenant) -> Path:
    return project / "stacks" / f"Pulumi.{tenant.name}.yaml"


def _checkpoint(backend: Path, tenant: FleetTenant) -> Path:
    return backend / ".pulumi" / "stacks" / _PROJECT / f"{tenant.name}.json"


def _control(tenant: FleetTenant) -> str:
    return f"/sandbox/of/{tenant.organisation.tenant_id}"


def _scim_client(realm: httpx.Client, tenant: FleetTenant) -> Json:
    found: list[Json] = _json(realm.get("/clients", params={"clientId": quote(tenant.credentials.scim_client_id)}))
    return found[0]


def _users(realm: httpx.Client) -> dict[str, str]:
    return {user["username"]: user["id"] for user in _json(realm.get("/users", params={"max": _USERS}))}


def _json(answer: httpx.Response) -> Any:  # noqa: ANN401 - any JSON
    return answer.raise_for_status().json()

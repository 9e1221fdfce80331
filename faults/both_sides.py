"""Reads all objects on both sides of a tenant in a comparable form, without random ids, and compares them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from kzero_sandbox.running import Tenant

Json = Any
Objects = dict[str, Json]
"""All objects of a kind, by the kind's name, for example `KZero mappers`."""

_GUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_VOLATILE: Final = frozenset({"@odata.context", "@odata.etag", "createdTimestamp", "version"})
_LONGEST: Final = 160


def read_objects(tenant: Tenant) -> Objects:
    """Return the objects on both sides of a tenant, read with an administrator's permissions."""
    objects = {**_kzero(tenant), **_entra(tenant)}
    lasting = _lasting_ids(tenant)
    plain: Objects = _plain(objects, lasting, tenant.realm)
    return plain


def compare(expected: Json, found: Json, path: str = "") -> list[str]:
    """Return a message for each difference. The order of lists does not matter.

    Args:
        expected: What should exist.
        found: What exists.
        path: Where in the whole it is, for the messages.
    """
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        differences: list[str] = []
        for key in [*expected, *(key for key in found if key not in expected)]:
            inner = f"{path}/{key}" if path else str(key)
            if key not in found:
                differences.append(f"{inner}: missing")
            elif key not in expected:
                differences.append(f"{inner}: unexpected: {_short(found[key])}")
            else:
                differences += compare(expected[key], found[key], inner)
        return differences
    if isinstance(expected, list) and isinstance(found, list):
        wanted, there = Counter(map(_canonical, expected)), Counter(map(_canonical, found))
        missing, more = list((wanted - there).elements()), list((there - wanted).elements())
        if len(missing) == len(more) == 1:
            return compare(json.loads(missing[0]), json.loads(more[0]), f"{path}[]")
        return [
            *(f"{path}: missing {_short(json.loads(item))}" for item in missing),
            *(f"{path}: unexpected: {_short(json.loads(item))}" for item in more),
        ]
    if expected != found:
        return [f"{path}: {_short(found)} instead of {_short(expected)}"]
    return []


def duplicates(objects: Objects) -> list[str]:
    """Return a message for each object that exists twice on a side: applications, jobs, mappers, users and others."""
    keys: dict[str, tuple[str, ...]] = {
        "Entra applications": ("displayName",),
        "Entra service principals": ("displayName",),
        "Entra assignments": ("principalId", "resourceDisplayName", "appRoleId"),
        "Entra jobs": ("templateId",),
        "KZero mappers": ("name",),
        "KZero users": ("username",),
    }
    found: list[str] = []
    for kind, names in keys.items():
        items = objects.get(kind) or []
        counted = Counter(tuple(str(item.get(name)) for name in names) for item in items)
        found += [f"{kind}: {' '.join(key)} exists {count} times" for key, count in counted.items() if count > 1]
    for number, schema in enumerate(objects.get("Entra schemas") or []):
        found += [f"Entra schema {number}: {target} is mapped {n} times" for target, n in _rows(schema) if n > 1]
    return found


def _rows(schema: Json) -> Iterator[tuple[str, int]]:
    for rule in schema.get("synchronizationRules") or []:
        for mapping in rule.get("objectMappings") or []:
            targets = [row.get("targetAttributeName") for row in mapping.get("attributeMappings") or []]
            yield from ((f"{mapping.get('name')}: {name}", count) for name, count in Counter(targets).items())


def _kzero(tenant: Tenant) -> Objects:
    realm = tenant.keycloak_admin.get("").raise_for_status().json()
    users = tenant.keycloak_admin.get("/users", params={"briefRepresentation": "false", "max": 1000})
    return {
        "KZero realm attributes": realm.get("attributes") or {},
        "KZero mappers": tenant.scim_client().get("protocolMappers") or [],
        "KZero users": users.raise_for_status().json(),
    }


class _Graph:
    """A Microsoft Graph client with all permissions."""

    def __init__(self, tenant: Tenant) -> None:
        self._entra = tenant.entra
        token = tenant.entra.post("/sandbox/token").raise_for_status().json()["access_token"]
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **query: str) -> Json:
        """Return the answer to a GET request. The path starts after the API's version."""
        return self._entra.get(f"/v1.0{path}", headers=self._headers, params=query).raise_for_status().json()

    def values(self, path: str, **query: str) -> list[Json]:
        """Return a collection. Its items must fit on one page."""
        found: list[Json] = self.get(path, **{"$top": "999", **query})["value"]
        return found


def _entra(tenant: Tenant) -> Objects:
    graph = _Graph(tenant)
    applications = graph.values("/applications")
    principals = [
        principal
        for application in applications
        for principal in graph.values("/servicePrincipals", **{"$filter": f"appId eq '{application['appId']}'"})
    ]
    found: Objects = {"Entra applications": applications, "Entra service principals": principals}
    for kind in ("Entra assignments", "Entra jobs", "Entra schemas", "Entra credentials", "Entra owners"):
        found[kind] = []
    for principal in principals:
        path = f"/servicePrincipals/{principal['id']}"
        assigned = graph.values(f"{path}/appRoleAssignedTo")
        found["Entra assignments"] += [{key: item[key] for key in item if key != "id"} for item in assigned]
        jobs = graph.get(f"{path}/synchronization/jobs")["value"]
        found["Entra jobs"] += jobs
        found["Entra schemas"] += [graph.get(f"{path}/synchronization/jobs/{job['id']}/schema") for job in jobs]
        secrets = tenant.entra.get(f"/sandbox/secrets/{principal['id']}").raise_for_status().json()
        found["Entra credentials"].append({key: _hashed(value, tenant.realm) for key, value in secrets.items()})
        found["Entra owners"].append([owner["id"] for owner in graph.get(f"{path}/owners")["value"]])
    return found


def _hashed(value: str, realm: str) -> str:
    """Return a secret's hash, which can be compared and does not show the secret.

    The realm's name is replaced before, because it is part of an address among the secrets.
    """
    return hashlib.sha256(value.replace(realm, "<realm>").encode()).hexdigest()[:12]


def _lasting_ids(tenant: Tenant) -> frozenset[str]:
    """Return the ids that every new tenant has: users, groups, clients that sign in, and app roles."""
    graph = _Graph(tenant)
    found: set[str] = {client["objectId"] for client in tenant.entra.get("/sandbox/clients").json()}
    for path in ("/users", "/groups"):
        found |= {item["id"] for item in graph.values(path, **{"$select": "id"})}
    for principal in graph.values("/servicePrincipals"):
        found |= {role["id"] for role in principal.get("appRoles") or []}
    return frozenset(found)


def _plain(value: Json, lasting: frozenset[str], realm: str) -> Json:
    if isinstance(value, Mapping):
        return {key: _plain(item, lasting, realm) for key, item in value.items() if key not in _VOLATILE}
    if isinstance(value, list):
        return [_plain(item, lasting, realm) for item in value]
    if isinstance(value, str):
        named = _GUID.sub(lambda match: match[0] if match[0] in lasting else "<id>", value.replace(realm, "<realm>"))
        return _TIME.sub("<time>", named)
    return value


def _canonical(value: Json) -> str:
    return json.dumps(_sorted(value), sort_keys=True)


def _sorted(value: Json) -> Json:
    """Return a value with all its lists sorted, at every depth."""
    if isinstance(value, Mapping):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _short(value: Json) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def resources(export: Mapping[str, Any]) -> list[str]:
    """Return the state's resources as kind and name, with marks for anything that a completed run would not leave.

    Args:
        export: The output of `pulumi stack export`.
    """
    deployment = export.get("deployment") or {}
    entries: Sequence[Mapping[str, Any]] = deployment.get("resources") or []
    return sorted([*map(_entry, entries), *_pending(deployment)])


def _entry(entry: Mapping[str, Any]) -> str:
    marks = [mark for mark in ("delete", "initErrors", "pendingReplacement", "taint") if entry.get(mark)]
    return " ".join([str(entry["type"]), str(entry["urn"]).rsplit("::", 1)[-1], *marks])


def _pending(deployment: Mapping[str, Any]) -> Iterable[str]:
    for operation in deployment.get("pending_operations") or []:
        yield f"pending {operation['type']} {_entry(operation['resource'])}"

"""Keep the state of the local Entra in a JSON file between runs of the sandbox. Signing keys are not kept."""

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from kzero_sandbox.organisation import Organisation

from .directory import Directory
from .jobs import Job, Jobs, Link
from .login import RegisteredClient

_FORMAT = 1
_DIRECTORY = (
    "users", "deleted_users", "groups", "members", "managers", "applications", "service_principals", "owners",
    "assignments", "roles", "role_members", "client_secrets", "federated", "audits",
)  # fmt: skip
_Contents = tuple[Directory, Jobs, dict[str, RegisteredClient]]


class StateFile:
    """One state file; every write replaces the whole file atomically."""

    def __init__(self, path: Path) -> None:
        """Use this file, which need not exist."""
        self._path = path
        self._written = b""
        """The digest of the last written content."""

    def load(self, organisation: Organisation) -> _Contents | None:
        """Return the file's content, or None if it does not exist or is of another tenant or format."""
        if not self._path.exists():
            return None
        return from_contents(organisation, json.loads(self._path.read_text(encoding="utf-8")))

    def save(self, directory: Directory, jobs: Jobs, clients: dict[str, RegisteredClient]) -> None:
        """Write the state if it has changed since the last write."""
        text = json.dumps(contents(directory, jobs, clients))
        digest = hashlib.sha256(text.encode()).digest()
        if digest == self._written:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        # The file contains synchronization secrets: only the owner may read it.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(self._path)
        self._written = digest


def contents(directory: Directory, jobs: Jobs, clients: dict[str, RegisteredClient]) -> dict[str, Any]:
    """Return the state of a tenant as JSON values; lists and objects in it are shared with the tenant."""
    return {
        "format": _FORMAT,
        "tenantId": jobs.tenant_id,
        "directory": {name: getattr(directory, name) for name in _DIRECTORY},
        "jobs": {key: dataclasses.asdict(job) for key, job in jobs.jobs.items()},
        "secrets": jobs.secrets,
        "log": jobs.log,
        "clients": {
            key: {**dataclasses.asdict(client), "permissions": sorted(client.permissions)}
            for key, client in clients.items()
        },
    }


def from_contents(organisation: Organisation, data: dict[str, Any]) -> _Contents | None:
    """Return the state from the result of `contents`, or None if it is of another tenant or format."""
    if data.get("format") != _FORMAT or data.get("tenantId") != organisation.tenant_id:
        return None
    directory = Directory(organisation, **data["directory"])
    jobs = Jobs(
        organisation.tenant_id,
        jobs={key: _job(item) for key, item in data["jobs"].items()},
        secrets=data["secrets"],
        log=data["log"],
    )
    clients = {
        key: RegisteredClient(**{**item, "permissions": set(item["permissions"])})
        for key, item in data["clients"].items()
    }
    return directory, jobs, clients


def _job(data: dict[str, Any]) -> Job:
    links = {key: Link(**link) for key, link in data["links"].items()}
    return Job(**{**data, "links": links})

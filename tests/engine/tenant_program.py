"""The program of one tenant under a real engine, and the manual changes that a person could make on either side."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pulumi
import pytest
from kzero_components.tenant_provisioning import TenantProvisioning
from kzero_sandbox.azuread.installation import write_stand_in
from kzero_sandbox.running import Tenant

from kzero_scim.guide import values
from kzero_scim.provider.package import KZERO
from kzero_scim.settings.tenant_settings import TenantSettings
from tests.engine.attach import EngineStack, Run

Document = dict[str, Any]

TEST_USER = "alex@contoso.example"
GROUP = "KZero users"
WAYS_TO_A_SERVICE = ("ARM_", "AZURE_", "KZERO_", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NO_PROXY", "no_proxy")
"""Prefixes of the environment variables with which provider and plugin find and reach the services."""


def by_kind(urn: str) -> str:
    """Return a resource's kind as its name, because all resources of a tenant have the tenant's name."""
    token = urn.split("::")[2].rsplit("$", 1)[-1]
    package, _, rest = token.partition(":")
    # A component may have the same name as the resource in it.
    return rest if package == "kzero-scim" else rest.rsplit(":", 1)[-1]


def declare() -> None:
    """Declare one tenant like the project's program."""
    tenant = TenantProvisioning("tenant", settings=TenantSettings.from_config())
    for name, value in tenant.outputs.items():
        pulumi.export(name, value)


def guide_mappers() -> dict[str, Document]:
    """Return the guide's mappers in the form of the setting ``mappers``, so that a test can change them."""
    return {
        mapper.name: {
            "userAttribute": mapper.user_attribute,
            "claim": mapper.claim,
            "claimJsonType": mapper.claim_json_type,
        }
        for mapper in values.MAPPERS
    }


def texts(settings: Mapping[str, object]) -> dict[str, str]:
    """Return settings as the stack's configuration stores them: lists and objects as JSON."""
    return {
        f"kzero-scim:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in settings.items()
    }


class TenantStack:
    """The stack of one tenant.

    Attributes:
        tenant: The tenant in the sandbox.
        stack: The stack.
    """

    def __init__(self, tenant: Tenant, engine: Callable[..., EngineStack], directory: Path) -> None:
        write_stand_in(directory / "home")
        token = tenant.entra.post("/sandbox/token").raise_for_status().json()["access_token"]
        tenant.entra.headers["Authorization"] = f"Bearer {token}"
        self.tenant = tenant
        self.stack = engine(
            declare,
            KZERO,
            config={
                "azuread:tenantId": tenant.env["ARM_TENANT_ID"],
                "azuread:metadataHost": tenant.env["ARM_METADATA_HOSTNAME"],
                **texts(
                    {
                        "kzeroServerUrl": tenant.env["KZERO_SERVER_URL"],
                        "kzeroTenant": tenant.realm,
                        "activation": "attributes",
                        "activationPreset": "sandbox",
                        "users": [TEST_USER],
                        "groups": [GROUP],
                        "testUser": TEST_USER,
                    }
                ),
            },
            # Entra's waiting times are long in the cloud; the sandbox does not need them.
            environment={"AZUREAD_STANDIN_POLL_SECONDS": "0"},
            naming=by_kind,
        )

    def set(self, **settings: object) -> None:
        """Change settings by key."""
        self.stack.configure(texts(settings))

    def up(self, **settings: object) -> Run:
        """Change settings, if any are given, and run ``up``."""
        if settings:
            self.set(**settings)
        return self.stack.up()

    def drift(self) -> dict[str, dict[str, tuple[Any, Any]]]:
        """Return the drift on both sides: actual and wanted value by kind and property path."""
        return {kind: step.diff for kind, step in self.stack.preview(refresh=True).changes.items()}

    # -- Entra, as a person with all permissions ----------------------------------------------------------------------

    def graph(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Send a request to Graph. ``path`` starts with a slash, below the service principal."""
        address = f"/v1.0/servicePrincipals/{self.service_principal}{path}"
        return self.tenant.entra.request(method, address, json=body).raise_for_status()

    @property
    def service_principal(self) -> str:
        """The object id of the enterprise application's service principal."""
        return str(self.stack.state()["ServicePrincipal"]["outputs"]["objectId"])

    @property
    def job_path(self) -> str:
        """The path of the provisioning job below the service principal."""
        return f"/synchronization/jobs/{self.stack.state()['SynchronizationJob']['outputs']['jobId']}"

    def change_row(self, target: str, *, source: str) -> None:
        """Map a target attribute to another source attribute, as in the portal."""

        def change(rows: list[Document]) -> None:
            (row,) = [row for row in rows if row["targetAttributeName"] == target]
            row["source"] = {"expression": f"[{source}]", "name": source, "parameters": [], "type": "Attribute"}

        self._change_rows(change)

    def delete_row(self, target: str) -> None:
        """Delete the attribute mapping of a target attribute."""

        def change(rows: list[Document]) -> None:
            rows[:] = [row for row in rows if row["targetAttributeName"] != target]

        self._change_rows(change)

    def row_sources(self) -> dict[str, str | None]:
        """Return the source attribute of each target attribute of users; None for an expression or a constant."""
        rows = _user_rows(self.graph("GET", f"{self.job_path}/schema").json())
        return {row["targetAttributeName"]: row["source"]["name"] for row in rows}

    def set_secret(self, key: str, value: str) -> None:
        """Set one of the job's credentials. An empty value removes it."""
        self.graph("PUT", "/synchronization/secrets", {"value": [{"key": key, "value": value}]})

    def rename(self, display_name: str) -> None:
        """Rename the enterprise application."""
        application = self.stack.state()["ApplicationFromTemplate"]["outputs"]["applicationObjectId"]
        path = f"/v1.0/applications/{application}"
        self.tenant.entra.patch(path, json={"displayName": display_name}).raise_for_status()

    def assignments(self) -> dict[str, str]:
        """Return the assignments' ids by the principals' display names."""
        found = self.graph("GET", "/appRoleAssignedTo").json()["value"]
        return {item["principalDisplayName"]: item["id"] for item in found}

    def _change_rows(self, change: Callable[[list[Document]], None]) -> None:
        schema = self.graph("GET", f"{self.job_path}/schema").json()
        change(_user_rows(schema))
        self.graph("PUT", f"{self.job_path}/schema", schema)

    def assign(self, principal: str) -> None:
        """Assign another user or group by object id, as in the portal."""
        role = self.stack.state()["AppRoleAssignments"]["outputs"]["appRoleId"]
        body = {"principalId": principal, "resourceId": self.service_principal, "appRoleId": role}
        self.graph("POST", "/appRoleAssignedTo", body)

    def unassign(self, display_name: str) -> None:
        """Remove the assignment of a user or group, as in the portal."""
        self.graph("DELETE", f"/appRoleAssignedTo/{self.assignments()[display_name]}")

    def cycle(self) -> None:
        """Run a provisioning cycle, as Entra does every 40 minutes."""
        cycles = self.tenant.entra.post("/sandbox/cycle").raise_for_status().json()["cycles"]
        (execution,) = cycles.values()
        assert execution["state"] == "Succeeded", execution

    # -- KZero, as an administrator of the realm ----------------------------------------------------------------------

    def mappers(self) -> dict[str, Document]:
        """Return the mappers of client ``scim-endpoint`` by name."""
        return {mapper["name"]: mapper for mapper in self.tenant.scim_client().get("protocolMappers", [])}

    def change_mapper(self, name: str, **config: str) -> None:
        """Change a mapper's configuration. ``__`` in a key means a dot."""
        mapper = self.mappers()[name]
        mapper["config"] |= {key.replace("__", "."): value for key, value in config.items()}
        self.tenant.keycloak_admin.put(self._mapper_path(mapper), json=mapper).raise_for_status()

    def delete_mapper(self, name: str) -> None:
        """Delete a mapper."""
        self.tenant.keycloak_admin.delete(self._mapper_path(self.mappers()[name])).raise_for_status()

    def user(self, username: str) -> Document:
        """Return the Keycloak user with that name."""
        found = self.tenant.user(username)
        assert found is not None, f"{username} is not in KZero"
        return found

    def endpoint_status(self) -> int:
        """Return the SCIM endpoint's HTTP status for a request without a token."""
        return self.tenant.kzero.get(f"{self.tenant.scim_url}/ServiceProviderConfig").status_code

    def _mapper_path(self, mapper: Document) -> str:
        return f"/clients/{self.tenant.scim_client()['id']}/protocol-mappers/models/{mapper['id']}"


def _user_rows(schema: Document) -> list[Document]:
    mappings = schema["synchronizationRules"][0]["objectMappings"]
    (users,) = [mapping for mapping in mappings if mapping["sourceObjectName"] == "User"]
    rows: list[Document] = users["attributeMappings"]
    return rows


def enter(monkeypatch: pytest.MonkeyPatch, tenant: Tenant) -> None:
    """Set the environment so that the provider and the engine's child processes can reach only this tenant."""
    for name in list(os.environ):
        if name.startswith(WAYS_TO_A_SERVICE):
            monkeypatch.delenv(name)
    for name, value in tenant.env.items():
        if name.startswith(WAYS_TO_A_SERVICE):
            monkeypatch.setenv(name, value)

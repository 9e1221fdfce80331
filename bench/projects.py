"""Writes the Pulumi projects to measure: two for comparison, and a copy of this project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tools.cache import CHECKOUT

_EMPTY_PROGRAM: Final = '"""Declares nothing."""\n'

_AZUREAD_PROGRAM: Final = '''"""Declares the azuread part of a tenant, nothing else."""

import pulumi

from kzero_components.enterprise_app import EnterpriseApp

entra_tenant_id = pulumi.Config("azuread").require("tenantId")
app = EnterpriseApp("tenant", display_name="KZero Passwordless SCIM", tenant_id=entra_tenant_id)
pulumi.export("servicePrincipalId", app.service_principal_id)
'''

_SHARED: Final = ("components", "plugin", ".venv")
"""Folders that a copy links from the checkout, so that the checkout's code is measured."""


def empty(folder: Path) -> Path:
    """Write a project whose program declares nothing, and return its folder."""
    return _write(folder, "kzero-scim-bench-empty", _EMPTY_PROGRAM)


def azuread_alone(folder: Path) -> Path:
    """Write a project that declares only a tenant's enterprise application, and return its folder."""
    return _write(folder, "kzero-scim-bench-azuread", _AZUREAD_PROGRAM)


def tenant(folder: Path) -> Path:
    """Write a copy of this project without its stacks, and return its folder."""
    _link(folder)
    (folder / "Pulumi.yaml").write_text((CHECKOUT / "Pulumi.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "__main__.py").symlink_to(CHECKOUT / "__main__.py")
    return folder


def azuread_settings(entra_tenant_id: str, metadata_host: str) -> dict[str, Any]:
    """Return the configuration that makes azuread use the local Entra."""
    return {"azuread:tenantId": entra_tenant_id, "azuread:metadataHost": metadata_host}


def tenant_settings(kzero_url: str, realm: str, users_file: Path | None = None) -> dict[str, Any]:
    """Return a tenant's configuration: that of the sandbox's stack, with another realm and further users."""
    own = {
        "kzeroServerUrl": kzero_url,
        "kzeroTenant": realm,
        "activation": "attributes",
        "activationPreset": "sandbox",
        "users": ["alex@contoso.example", "morgan@contoso.example"],
        **({"usersFile": str(users_file)} if users_file else {}),
        "groups": ["KZero users"],
        "notificationEmail": "provisioning@contoso.example",
        "deletionThreshold": 25,
        "testUser": "alex@contoso.example",
    }
    return {f"kzero-scim:{key}": value for key, value in own.items()}


def write_stack(project: Path, stack: str, settings: Mapping[str, Any]) -> None:
    """Write a stack's configuration. JSON is also valid YAML."""
    (project / "stacks" / f"Pulumi.{stack}.yaml").write_text(json.dumps({"config": settings}), encoding="utf-8")


def _write(folder: Path, name: str, program: str) -> Path:
    _link(folder)
    (folder / "Pulumi.yaml").write_text(
        f"name: {name}\n"
        "runtime:\n  name: python\n  options:\n    toolchain: pip\n    virtualenv: .venv\n"
        "stackConfigDir: stacks\n",
        encoding="utf-8",
    )
    (folder / "__main__.py").write_text(program, encoding="utf-8")
    return folder


def _link(folder: Path) -> None:
    (folder / "stacks").mkdir(parents=True)
    for name in _SHARED:
        (folder / name).symlink_to(CHECKOUT / name)

"""Finds out which credentials each tenant has or lacks, by name. Does not sign in and shows no value."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final

from kzero_scim.clients.graph.sign_in import given
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.credentials.credentials import Credentials
from kzero_scim.fleet.project import FleetTenant
from kzero_scim.settings.azuread_settings import from_azuread
from kzero_scim.settings.provider_config import Config, complete
from kzero_scim.settings.tenant_settings import NAMESPACE
from kzero_scim.stack.stack_file import configuration_of

_AT_ONCE: Final = 8
"""Credential commands that run at the same time."""
_PASSPHRASES: Final = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
_OF_KZERO: Final = ("kzeroClientId", "kzeroClientSecret", "kzeroUsername", "kzeroPassword")
_ENCRYPTED: Final = "(encrypted in the stack file)"


@dataclass(frozen=True, kw_only=True)
class CredentialCheck:
    """The credentials of one tenant.

    Attributes:
        tenant: The stack's name.
        sources: Names of its own variables by source: ``environment``, a file, ``command``.
        entra: How it signs in to Entra, for a sentence that starts with "signs in"; "" if it cannot.
        kzero: How it signs in to KZero, in the same form.
        missing: What is missing, each a variable or a choice of variables.
        problem: Why the check failed, in one line.
        warnings: Warnings, one line each.
    """

    tenant: str
    sources: dict[str, list[str]] = field(default_factory=dict)
    entra: str = ""
    kzero: str = ""
    missing: list[str] = field(default_factory=list)
    problem: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing and not self.problem


def check_credentials(tenants: Sequence[FleetTenant], credentials: Credentials) -> list[CredentialCheck]:
    """Check the credentials of tenants in parallel."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda tenant: _check(tenant, credentials), tenants))


def _check(tenant: FleetTenant, credentials: Credentials) -> CredentialCheck:
    if tenant.problem:
        return CredentialCheck(tenant=tenant.name, problem=tenant.problem)
    try:
        sources = credentials.sources(tenant.name)
        found = CredentialCheck(
            tenant=tenant.name,
            sources={source: sorted(variables) for source, variables in sources.items()},
            warnings=credentials.warnings_of(tenant.name),
        )
        return _judged(found, tenant.document, credentials.merged(sources))
    except SettingsError as error:
        return CredentialCheck(tenant=tenant.name, problem=str(error))


def _judged(found: CredentialCheck, document: Mapping[str, Any], environment: Mapping[str, str]) -> CredentialCheck:
    """Return the check, completed as the provider would: the stack's settings first, then the environment."""
    stack = dict.fromkeys(document.get("config") or {}, _ENCRYPTED) | configuration_of(document)
    own = {key: stack.get(f"{NAMESPACE}:{key}") or None for key in _OF_KZERO}
    config = complete(
        Config(
            **from_azuread(stack),
            tenant_id=stack.get("azuread:tenantId"),
            kzero_client_id=own["kzeroClientId"],
            kzero_client_secret=own["kzeroClientSecret"],
            kzero_username=own["kzeroUsername"],
            kzero_password=own["kzeroPassword"],
        ),
        environment,
    )
    entra, lacking = _entra(config, environment)
    kzero, lacking_there = _kzero(config)
    passphrase = "encryptionsalt" in document and not any(name in environment for name in _PASSPHRASES)
    missing = [*lacking, *lacking_there, *([" or ".join(_PASSPHRASES)] if passphrase else [])]
    return replace(found, entra=entra, kzero=kzero, missing=missing)


def _entra(config: Config, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return how the tenant signs in to Entra, and what is missing to do so."""
    if method := given(config, environment):
        return method.words, []
    if config.use_cli is not False and shutil.which("az", path=environment.get("PATH")):
        return "with the Azure CLI's login", []
    missing = [] if config.tenant_id else ["azuread:tenantId (ARM_TENANT_ID)"]
    missing += [] if config.client_id else ["ARM_CLIENT_ID"]
    if config.use_oidc:
        return "", [
            *missing,
            "ARM_OIDC_TOKEN or a pipeline that may request a token (GitHub: permissions: id-token: write)",
        ]
    return "", [*missing, "ARM_CLIENT_SECRET or another way to sign in (ARM_USE_OIDC=true)"]


def _kzero(config: Config) -> tuple[str, list[str]]:
    if config.kzero_client_id and config.kzero_client_secret:
        return f"as client {config.kzero_client_id}", []
    if config.kzero_username and config.kzero_password:
        return f"as user {config.kzero_username}", []
    if config.kzero_username:
        return "", ["KZERO_PASSWORD"]
    return "", [
        name
        for name, value in (
            ("KZERO_CLIENT_ID", config.kzero_client_id),
            ("KZERO_CLIENT_SECRET", config.kzero_client_secret),
        )
        if not value
    ]

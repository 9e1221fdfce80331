"""Cases in which only the stack file changes: it names another host, or a file of another tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from faults.cases import key
from hostile.cases import ADOPT, FLEET_LIST, FLEET_MATRIX, ONE_TENANT, RUNS, Case
from hostile.fleet import Fleet

CANARY: Final = "s3cret-of-the-pipelines-environment"  # pragma: allowlist secret
EVERY: Final = (*ONE_TENANT, *RUNS, FLEET_LIST, FLEET_MATRIX)
_BY_PIPELINE: Final = {"ARM_CLIENT_SECRET": "", "ARM_USE_OIDC": "true"}
_REMOTE: Final = {"KZERO_REMOTE_TOKEN_CLIENT_ID": "scim", "KZERO_REMOTE_TOKEN_CLIENT_SECRET": CANARY}
_ELSEWHERE: Final = "credentials/tenant-001.env"


def addresses() -> Iterable[Case]:
    """Return the cases."""
    yield _host("azuread:metadataHost", {"azuread:metadataHost": "{attacker-host}"})
    yield _host("kzeroServerUrl", {"kzeroServerUrl": "{attacker}"})
    yield _host(
        "azuread:oidcRequestUrl",
        {"azuread:oidcRequestUrl": "{attacker}/id"},
        variables=_BY_PIPELINE,
        env={"ACTIONS_ID_TOKEN_REQUEST_TOKEN": CANARY},
    )
    yield Case(
        key="address-azuread-msiendpoint",
        what="the stack file points azuread:msiEndpoint to another host",
        commands=EVERY,
        settings={"azuread:msiEndpoint": "{attacker}/metadata", "azuread:useMsi": True},
        variables={"ARM_CLIENT_SECRET": ""},
        says=("azuread:msiEndpoint is set, but kzero-scim uses a managed identity only at the machine's own address",),
    )
    yield _host(
        "remoteTokenEndpoint",
        {"profile": "Generic", "remoteTokenEndpoint": "{attacker}/token"},
        variables=_REMOTE,
    )
    yield _host("tenantUrl", {"tenantUrl": "{attacker}/realms/x/scim/v2", "allowForeignTenantUrl": True})
    yield Case(
        key="address-unknown-azuread-setting",
        what="the stack file sets azuread:pluginDownloadURL",
        commands=EVERY,
        settings={"azuread:pluginDownloadURL": "{attacker}"},
        says=("azuread:pluginDownloadURL",),
    )
    for setting in ("clientCertificatePath", "clientIdFilePath", "clientSecretFilePath", "oidcTokenFilePath"):
        yield _path(f"azuread:{setting}", _ELSEWHERE, "another tenant's credentials")
    yield _path("usersFile", _ELSEWHERE, "another tenant's credentials")
    yield _path("usersFile", "stacks/link", "another tenant's credentials, by a link", _link)


def _host(
    setting: str,
    settings: Mapping[str, Any],
    variables: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
) -> Case:
    return Case(
        key=key("address", setting),
        what=f"the stack file points {setting} to another host",
        commands=EVERY,
        settings=settings,
        variables=variables or {},
        env=env or {},
        says=(
            f"{setting}: {{attacker}} would receive",
            'run `export KZERO_SCIM_ALLOWED_HOSTS="$KZERO_SCIM_ALLOWED_HOSTS {attacker}"` or list it under',
        ),
        secrets=(CANARY,),
    )


def _path(setting: str, path: str, what: str, arrange: Callable[[Fleet], None] | None = None) -> Case:
    return Case(
        key=key("path", setting, path.rpartition("/")[2]),
        what=f"the stack file points {setting} to {what}",
        # `adopt` does not read usersFile: it decides itself who is assigned.
        commands=tuple(command for command in EVERY if command is not ADOPT or setting != "usersFile"),
        settings={setting: path},
        arrange=arrange,
        says=(f"{setting}: '{path}' cannot be used",),
    )


def _link(fleet: Fleet) -> None:
    (fleet.folder / "stacks" / "link").symlink_to(f"../{_ELSEWHERE}")

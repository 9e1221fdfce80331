"""Make and repair defects of a tenant of the sandbox's fleet, so that drift, reports and timeouts have a cause.

Each defect arises as it would in reality: from a person's change in a console, or a service that refuses or is slow.
Must not import the product.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import httpx

from kzero_sandbox.fleet import FleetTenant
from kzero_sandbox.layout import Layout
from kzero_sandbox.running import RunningSandbox

Json = dict[str, Any]

_SLOW_SECONDS: Final = 2.0
_WRONG: Final = "a wrong secret"


class Defect(StrEnum):
    """The kinds of defects."""

    DRIFT = "drift"
    """An administrator renamed a mapper's claim in KZero and removed a group's assignment in Entra."""
    QUARANTINE = "quarantine"
    """The endpoint refuses Entra's token, and a failed cycle put the job into quarantine."""
    FAILING_CREDENTIALS = "failing-credentials"
    """Entra refuses the secrets of the applications that sign in to this tenant."""
    SLOW = "slow"
    """Both services take two seconds longer for each request."""


class DefectError(RuntimeError):
    """A defect that cannot be made or repaired; the message says why."""


@dataclass(frozen=True)
class _Sides:
    """Clients of one tenant's two sides."""

    tenant: FleetTenant
    entra: httpx.Client
    kzero: httpx.Client
    realm: httpx.Client
    """Signed in as the realm's administrator; paths are relative to the realm."""

    @property
    def control(self) -> str:
        """The path of this tenant's control API in Entra."""
        return f"/sandbox/of/{self.tenant.organisation.tenant_id}"

    @property
    def realm_path(self) -> str:
        """A pattern of this realm's paths at KZero."""
        return f"^/(admin/)?realms/{self.tenant.credentials.realm}(/|$)"

    @property
    def scim_path(self) -> str:
        """A pattern of the paths of this tenant's SCIM endpoint."""
        return f"^/realms/{self.tenant.credentials.realm}/scim/v2"

    def graph(self, method: str, path: str) -> httpx.Response:
        """Send a Graph request as the tenant's administrator."""
        upn = f"admin@{self.tenant.organisation.domain}"
        token = _json(self.entra.post(f"{self.control}/token", json={"user": upn}))["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return self.entra.request(method, f"/v1.0{path}", headers=headers).raise_for_status()

    def application(self) -> str:
        """Return the id of the enterprise application's service principal, which has a provisioning job.

        Raises:
            DefectError: No application has a provisioning job.
        """
        jobs = _json(self.entra.get(f"{self.control}/jobs"))
        if not jobs:
            name = self.tenant.name
            message = f"{name} is not set up yet, so it cannot have a defect: run `kzero-scim fleet up {name}` first"
            raise DefectError(message)
        return str(jobs[0]["servicePrincipalId"])


def make(sandbox: RunningSandbox, defect: Defect, tenant: FleetTenant) -> None:
    """Make a defect.

    Raises:
        DefectError: The tenant is not set up.
        httpx.HTTPError: The sandbox does not answer, or refuses.
    """
    with _sides(sandbox, tenant) as sides:
        _MAKERS[defect](sides)
    known = made(sandbox.layout)
    _note(sandbox.layout, known | {defect: sorted({*known.get(defect, []), tenant.name})})


def repair(sandbox: RunningSandbox, defect: Defect, tenant: FleetTenant) -> None:
    """Repair a defect that a service causes; the next `up` repairs a person's changes.

    Raises:
        DefectError: The defect is one that `up` repairs.
        httpx.HTTPError: The sandbox does not answer, or refuses.
    """
    with _sides(sandbox, tenant) as sides:
        if defect is Defect.DRIFT:
            message = f"drift cannot be repaired here: run `kzero-scim fleet up {tenant.name}`"
            raise DefectError(message)
        if defect is Defect.FAILING_CREDENTIALS:
            for client in tenant.organisation.clients:
                body = {"secret": client.secret}
                sides.entra.patch(f"{sides.control}/clients/{client.name}", json=body).raise_for_status()
        elif defect is Defect.SLOW:
            sides.entra.delete(f"{sides.control}/faults").raise_for_status()
            _drop(sides.kzero, sides.realm_path)
        else:
            _drop(sides.kzero, sides.scim_path)
            sides.entra.post(f"{sides.control}/cycle").raise_for_status()
    known = made(sandbox.layout)
    _note(sandbox.layout, known | {defect: [name for name in known.get(defect, []) if name != tenant.name]})


def made(layout: Layout) -> dict[Defect, list[str]]:
    """Return the names of the tenants with each defect that was made and not repaired; a drift stays listed.

    Args:
        layout: The sandbox's files.
    """
    try:
        noted: dict[str, list[str]] = json.loads(layout.fleet_defects.read_text())
    except FileNotFoundError:
        return {}
    return {Defect(kind): names for kind, names in noted.items() if names}


def _note(layout: Layout, known: dict[Defect, list[str]]) -> None:
    layout.fleet_defects.write_text(json.dumps(known))


@contextmanager
def _sides(sandbox: RunningSandbox, tenant: FleetTenant) -> Iterator[_Sides]:
    with (
        sandbox.entra() as entra,
        sandbox.kzero() as kzero,
        sandbox.administration(tenant.credentials) as realm,
    ):
        yield _Sides(tenant, entra, kzero, realm)


def _drift(sides: _Sides) -> None:
    application = sides.application()
    credentials = sides.tenant.credentials
    client: Json = _json(sides.realm.get("/clients", params={"clientId": credentials.scim_client_id}))[0]
    mapper = next(item for item in client["protocolMappers"] if item["name"] == "email")
    mapper["config"]["claim.name"] = "mail"
    sides.realm.put(f"/clients/{client['id']}/protocol-mappers/models/{mapper['id']}", json=mapper).raise_for_status()
    assigned = _json(sides.graph("GET", f"/servicePrincipals/{application}/appRoleAssignedTo"))["value"]
    gone = next(entry for entry in assigned if entry["principalType"] == "Group")
    sides.graph("DELETE", f"/servicePrincipals/{application}/appRoleAssignedTo/{gone['id']}")


def _quarantine(sides: _Sides) -> None:
    sides.application()
    refused = {"path": sides.scim_path, "status": 401, "times": None, "body": {"detail": "The token is not accepted."}}
    sides.kzero.post("/sandbox/faults", json=refused).raise_for_status()
    sides.entra.post(f"{sides.control}/cycle").raise_for_status()
    jobs = _json(sides.entra.get(f"{sides.control}/jobs"))
    if jobs[0]["status"]["quarantine"] is None:
        message = f"{sides.tenant.name}: the cycle did not end in quarantine; is its job started?"
        raise DefectError(message)


def _failing_credentials(sides: _Sides) -> None:
    for client in sides.tenant.organisation.clients:
        if client.name != "admin":
            sides.entra.patch(f"{sides.control}/clients/{client.name}", json={"secret": _WRONG}).raise_for_status()


def _slow(sides: _Sides) -> None:
    rule = {"status": 0, "delay": _SLOW_SECONDS, "times": None}
    sides.entra.post(f"{sides.control}/faults", json=rule).raise_for_status()
    sides.kzero.post("/sandbox/faults", json=rule | {"path": sides.realm_path}).raise_for_status()


_MAKERS: Final = {
    Defect.DRIFT: _drift,
    Defect.QUARANTINE: _quarantine,
    Defect.FAILING_CREDENTIALS: _failing_credentials,
    Defect.SLOW: _slow,
}


def _drop(server: httpx.Client, path: str) -> None:
    """Remove a server's faults with this path."""
    server.delete("/sandbox/faults", params={"path": path}).raise_for_status()


def _json(answer: httpx.Response) -> Any:  # noqa: ANN401 - any JSON
    return answer.raise_for_status().json()

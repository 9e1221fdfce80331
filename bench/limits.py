"""Requests by the limit that they count against, as the services' makers publish them. Pure counting and arithmetic.

Microsoft Graph: https://learn.microsoft.com/en-us/graph/throttling-limits, sections "Identity and access service
limits" and "Identity and access reports service limits". Each request of a ``$batch`` counts by itself:
https://learn.microsoft.com/en-us/graph/throttling#throttling-and-batching. The sign-in endpoint has no published limit.
Keycloak: https://www.keycloak.org/high-availability/multi-cluster/concepts-memory-and-cpu-sizing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import unquote

from bench.figures import OWN_AGENT

APPLICATION_UNITS: Final = 150_000 / 20
"""Resource units a second of one application across all tenants."""
APPLICATION_WRITES: Final = 35_000 / 300
"""Writes a second of one application across all tenants."""
APPLICATION_REPORTS: Final = 122 / 10
"""Requests a second for audit and provisioning logs of one application across all tenants."""
TENANT_UNITS: Final = 3_500 / 10
"""Resource units a second of one application in one tenant with fewer than 50 users; larger ones have more."""
TENANT_WRITES: Final = 3_000 / 150
"""Writes a second of one application in one tenant."""
TENANT_REPORTS: Final = 5 / 10
"""Requests a second for audit and provisioning logs of one application in one tenant."""
KEYCLOAK_GRANTS: Final = 120
"""Client credentials grants a second that Keycloak's makers reckon with for one virtual CPU."""

_UNITS: Final[tuple[tuple[str, str, int], ...]] = (
    ("GET", r"applications", 2),
    ("GET", r"applications/[^/]+/extensionProperties", 2),
    ("POST", r"directoryObjects/getByIds", 5),
    ("GET", r"groups/[^/]+/members", 3),
    ("GET", r"groups/[^/]+/transitiveMembers", 5),
    ("GET", r"oauth2PermissionGrants(/[^/]+)?", 2),
    ("GET", r"servicePrincipals/[^/]+/appRoleAssignments", 2),
    ("GET", r"users", 2),
)
"""Method, path and base cost of what costs more than 1."""
_REPORTS: Final = "auditLogs/"


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Requests of one command for one tenant.

    Attributes:
        sign_ins: To Entra: discovery and tokens.
        units: Resource units of Graph, of reads and writes together.
        writes: Of Graph.
        reports: Of Graph, for audit and provisioning logs; they are not among the units.
        grants: Tokens of Keycloak.
        keycloak: Other requests to KZero: Keycloak's admin API, discovery, SCIM endpoint.
    """

    sign_ins: int = 0
    units: int = 0
    writes: int = 0
    reports: int = 0
    grants: int = 0
    keycloak: int = 0

    def as_json(self) -> dict[str, int]:
        """Give it as JSON."""
        return asdict(self)


def cost(method: str, path: str, query: str) -> int:
    """Say how many resource units a request to Graph costs.

    Args:
        method: HTTP's.
        path: Below the version: ``users/<id>``.
        query: What stands behind the question mark, decoded.
    """
    base = next((units for verb, form, units in _UNITS if verb == method and re.fullmatch(form, path)), 1)
    top = re.search(r"\$top=(\d+)", query)
    fewer = ("$select=" in query) + (top is not None and int(top[1]) < 20)  # noqa: PLR2004 - Microsoft's own figure
    return max(1, base + ("$expand=" in query) - fewer)


def count(entra_log: Sequence[Mapping[str, Any]], kzero_log: Sequence[Mapping[str, Any]]) -> Counted:
    """Sort the requests that a command sent, those of the provider azuread among them.

    Args:
        entra_log: What the local Entra's ``/sandbox/requests`` says.
        kzero_log: What the KZero front's says; what Entra itself sends there does not count.
    """
    sign_ins = units = writes = reports = 0
    for entry in entra_log:
        graph = re.fullmatch(r"/(?:v1\.0|beta)/(.*)", entry["path"])
        if graph is None:
            sign_ins += 1
        elif graph[1].startswith(_REPORTS):
            reports += 1
        elif graph[1] != "$batch":
            units += cost(entry["method"], graph[1], unquote(entry["query"]))
            writes += entry["method"] != "GET"
    own = [entry for entry in kzero_log if (entry.get("user_agent") or "").startswith(OWN_AGENT)]
    grants = sum(entry["path"].endswith("/openid-connect/token") for entry in own)
    return Counted(
        sign_ins=sign_ins, units=units, writes=writes, reports=reports, grants=grants, keycloak=len(own) - grants
    )

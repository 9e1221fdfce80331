"""Counts requests by the published limit that applies to them. Pure counting and arithmetic.

Microsoft Graph: https://learn.microsoft.com/en-us/graph/throttling-limits, sections "Identity and access service
limits" and "Identity and access reports service limits". Each request of a ``$batch`` counts separately:
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
"""Resource units per second of one application across all tenants."""
APPLICATION_WRITES: Final = 35_000 / 300
"""Writes per second of one application across all tenants."""
APPLICATION_REPORTS: Final = 122 / 10
"""Requests per second for audit and provisioning logs of one application across all tenants."""
TENANT_UNITS: Final = 3_500 / 10
"""Resource units per second of one application in one tenant with fewer than 50 users. Larger tenants have more."""
TENANT_WRITES: Final = 3_000 / 150
"""Writes per second of one application in one tenant."""
TENANT_REPORTS: Final = 5 / 10
"""Requests per second for audit and provisioning logs of one application in one tenant."""
KEYCLOAK_GRANTS: Final = 120
"""Client credentials grants per second and virtual CPU, according to Keycloak's sizing guide."""

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
"""Method, path and base cost of the requests that cost more than 1."""
_REPORTS: Final = "auditLogs/"


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Number of requests of one command for one tenant.

    Attributes:
        sign_ins: Requests to Entra for discovery and tokens.
        units: Resource units of Graph, for reads and writes together.
        writes: Writes to Graph.
        reports: Requests to Graph for audit and provisioning logs. They do not count as units.
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
        """Return the counts as JSON."""
        return asdict(self)


def cost(method: str, path: str, query: str) -> int:
    """Return how many resource units a request to Graph costs.

    Args:
        method: The HTTP method.
        path: The path below the version: ``users/<id>``.
        query: The decoded query string.
    """
    base = next((units for verb, form, units in _UNITS if verb == method and re.fullmatch(form, path)), 1)
    top = re.search(r"\$top=(\d+)", query)
    fewer = ("$select=" in query) + (top is not None and int(top[1]) < 20)  # noqa: PLR2004 - Microsoft's own figure
    return max(1, base + ("$expand=" in query) - fewer)


def count(entra_log: Sequence[Mapping[str, Any]], kzero_log: Sequence[Mapping[str, Any]]) -> Counted:
    """Return the number of requests of a command by limit, including those of the provider azuread.

    Args:
        entra_log: Log of the local Entra, from ``/sandbox/requests``.
        kzero_log: Log of the KZero front. Requests that Entra itself sends there are not counted.
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

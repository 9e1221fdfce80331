"""The steps of a first `up` and of an update in the guide's order, each identified by its request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

Side = Literal["entra", "kzero"]

UPDATE: Final[dict[str, Any]] = {
    "applicationName": "KZero Passwordless, renamed",
    "users": ["alex@contoso.example", "robin@contoso.example"],
    "deletionThreshold": 30,
    "provisionGroups": False,
    "mappersEscapeDots": True,
}
"""Changes to the settings of :mod:`faults.project` that give each step of an update something to do, if possible."""


@dataclass(frozen=True)
class Step:
    """A step.

    Attributes:
        name: Its name, as in the guide.
        side: The side whose service does it.
        method: Method of its request.
        path: A pattern that matches only the path of its request.
        by_azuread: Whether the azuread plugin sends the request.
        options: Further options of `up`.
    """

    name: str
    side: Side
    method: str
    path: str
    by_azuread: bool = False
    options: tuple[str, ...] = field(default=())

    def fault(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Return a fault of the sandbox for this request.

        Args:
            more: What the fault does.
        """
        return {"method": self.method, "path": self.path, **more}


ENDPOINT: Final = Step("endpoint settings", "kzero", "PUT", r"^/admin/realms/[^/]+$")
ADD_MAPPERS: Final = Step("mapper set", "kzero", "POST", r"/protocol-mappers/add-models$")
CHANGE_MAPPER: Final = Step("mapper set", "kzero", "PUT", r"/protocol-mappers/models/")
INSTANTIATE: Final = Step("application", "entra", "POST", r"/instantiate$", by_azuread=True)
RENAME: Final = Step("application", "entra", "PATCH", r"/applications/[^/]+$", by_azuread=True)
PRINCIPAL: Final = Step("service principal", "entra", "PATCH", r"/servicePrincipals/[^/]+$", by_azuread=True)
ASSIGN: Final = Step("assignments", "entra", "POST", r"/appRoleAssignedTo$")
UNASSIGN: Final = Step("assignments, removal", "entra", "DELETE", r"/appRoleAssignedTo/")
JOB: Final = Step("job", "entra", "POST", r"/synchronization/jobs$")
CREDENTIALS: Final = Step("credentials", "entra", "PUT", r"/synchronization/secrets$")
MAPPINGS: Final = Step("attribute mappings", "entra", "PUT", r"/schema$")
TEST: Final = Step("connection test", "entra", "POST", r"/validateCredentials$")
START: Final = Step("start", "entra", "POST", r"/(start|restart)$")
ON_DEMAND: Final = Step("on demand", "entra", "POST", r"/provisionOnDemand$")

FIRST_UP: Final = (
    ENDPOINT,
    ADD_MAPPERS,
    INSTANTIATE,
    PRINCIPAL,
    ASSIGN,
    JOB,
    CREDENTIALS,
    MAPPINGS,
    TEST,
    START,
    ON_DEMAND,
)
DRIFTED_ENDPOINT: Final = Step(ENDPOINT.name, ENDPOINT.side, ENDPOINT.method, ENDPOINT.path, options=("--refresh",))
"""No setting changes the endpoint in place. So it is disabled by hand, and `up --refresh` repairs that."""
UPDATE_STEPS: Final = (
    # Without the connection test, because neither address nor token changes.
    DRIFTED_ENDPOINT,
    CHANGE_MAPPER,
    RENAME,
    ASSIGN,
    UNASSIGN,
    CREDENTIALS,
    MAPPINGS,
    START,
    ON_DEMAND,
)

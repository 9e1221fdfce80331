"""Microsoft Graph's operations in words, with the least application permission that each needs. Pure data, no requests.

Permissions are from the operations' pages below https://learn.microsoft.com/graph/api/.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

_OWNED: Final = "Application.ReadWrite.OwnedBy (as an owner of the application) or Synchronization.ReadWrite.All"
_READ: Final = f"Synchronization.Read.All, or {_OWNED}"
_LOGS: Final = "AuditLog.Read.All, together with Directory.Read.All"


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        words: The action and its object, to follow "cannot": ``read the synchronization job x of service principal y``.
        permission: The least application permission; ``""`` if unknown.
        is_repeatable: True if doing it twice does no harm, so that it may be sent again after its answer was lost.
    """

    words: str
    permission: str
    is_repeatable: bool


_SP: Final = r"/servicePrincipals/(?P<sp>[^/]+)"
_JOB: Final = _SP + r"/synchronization/jobs/(?P<job>[^/]+)"

_TABLE: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("POST", _JOB + "/start", "start synchronization job {job} of service principal {sp}", _OWNED),
    ("POST", _JOB + "/pause", "pause synchronization job {job} of service principal {sp}", _OWNED),
    ("POST", _JOB + "/restart", "restart synchronization job {job} of service principal {sp}", _OWNED),
    ("POST", _JOB + "/validateCredentials", "test the connection of service principal {sp}", _OWNED),
    ("POST", _JOB + "/provisionOnDemand", "provision on demand with synchronization job {job}", _OWNED),
    ("POST", _JOB + "/schema/parseExpression", "parse a mapping expression of synchronization job {job}", _OWNED),
    ("GET", _JOB + "/schema(/.*)?", "read the attribute mappings of synchronization job {job}", _READ),
    ("PUT", _JOB + "/schema", "write the attribute mappings of synchronization job {job}", _OWNED),
    ("DELETE", _JOB + "/schema", "reset the attribute mappings of synchronization job {job}", _OWNED),
    ("GET", _JOB, "read synchronization job {job} of service principal {sp}", _READ),
    ("DELETE", _JOB, "delete synchronization job {job} of service principal {sp}", _OWNED),
    ("GET", _SP + "/synchronization/jobs", "list the synchronization jobs of service principal {sp}", _READ),
    ("POST", _SP + "/synchronization/jobs", "create a synchronization job on service principal {sp}", _OWNED),
    ("GET", _SP + "/synchronization/secrets", "read the provisioning credentials of service principal {sp}", _READ),
    ("PUT", _SP + "/synchronization/secrets", "set the provisioning credentials of service principal {sp}", _OWNED),
    ("GET", _SP + "/synchronization/templates.*", "read the templates of service principal {sp}", _READ),
    (
        "GET",
        _SP + "/appRoleAssignedTo(/.*)?",
        "read the assignments of service principal {sp}",
        "Application.Read.All (or Directory.Read.All)",
    ),
    (
        "POST",
        _SP + "/appRoleAssignedTo",
        "assign a user or group to service principal {sp}",
        "AppRoleAssignment.ReadWrite.All, together with Application.Read.All",
    ),
    (
        "DELETE",
        _SP + "/appRoleAssignedTo/[^/]+",
        "remove an assignment from service principal {sp}",
        "AppRoleAssignment.ReadWrite.All, together with Application.Read.All",
    ),
    ("GET", _SP, "read service principal {sp}", "Application.Read.All or Application.ReadWrite.OwnedBy"),
    ("GET", "/servicePrincipals", "search service principals", "Application.Read.All"),
    ("GET", "/users/(?P<user>[^/]+)(/.*)?", "look up user {user}", "User.Read.All"),
    ("GET", "/users", "look up users", "User.Read.All"),
    ("GET", "/groups/(?P<group>[^/]+)/members(/.*)?", "read the members of group {group}", "GroupMember.Read.All"),
    ("GET", "/groups(/.*)?", "look up groups", "Group.Read.All (or GroupMember.Read.All)"),
    ("GET", "/organization(/.*)?", "read the organization's domains", "Organization.Read.All"),
    ("GET", "/domains(/.*)?", "read the organization's domains", "Domain.Read.All"),
    (
        "GET",
        "/(directoryRoles|roleManagement)(/.*|\\(.*)?",
        "read the Global Administrators",
        "RoleManagement.Read.Directory",
    ),
    ("GET", "/auditLogs/provisioning", "read the provisioning logs", _LOGS),
    ("GET", "/auditLogs/.*", "read the directory audit", _LOGS),
    ("GET", "/applications.*", "read the application registrations", "Application.Read.All"),
    ("*", "/applications.*", "access the application registrations", "Application.ReadWrite.OwnedBy"),
    ("POST", "/applicationTemplates/.*", "create the enterprise application", "Application.ReadWrite.OwnedBy"),
    ("GET", "/applicationTemplates.*", "read the gallery of applications", ""),
)
_COMPILED: Final = tuple((method, re.compile(pattern), words, right) for method, pattern, words, right in _TABLE)

_VERSION: Final = re.compile(r"https://.*?/v1\.0(?=/)")
_REPEATABLE_POSTS: Final = re.compile(
    # Commands and queries. Graph refuses an assignment that exists already; callers treat that refusal as success.
    r".*/(start|pause|restart|validateCredentials|provisionOnDemand|parseExpression|appRoleAssignedTo)"
)


def operation(method: str, path: str) -> Operation:
    """Return the operation of a request.

    Args:
        method: The HTTP method, such as ``GET``.
        path: Relative to ``/v1.0`` or a full address, percent-encoded; its query is ignored.
    """
    bare = _VERSION.sub("", path.split("?", maxsplit=1)[0])
    repeatable = method != "POST" or _REPEATABLE_POSTS.fullmatch(bare) is not None
    for wanted, pattern, words, permission in _COMPILED:
        if wanted in {method, "*"} and (match := pattern.fullmatch(bare)):
            names = {name: unquote(value or "") for name, value in match.groupdict().items()}
            return Operation(words.format(**names), permission, repeatable)
    return Operation(f"{method} {unquote(bare)}", "", repeatable)

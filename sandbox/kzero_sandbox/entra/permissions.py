"""The application permissions of Microsoft Graph that each kind of operation accepts.

Source: the permission tables on the operations' pages at learn.microsoft.com/graph/api.
"""

from .graph_routing import OWNED_BY, Requirement

_DIRECTORY_READ = ("Directory.Read.All", "Directory.ReadWrite.All")
_APPLICATION_WRITE = (OWNED_BY, "Application.ReadWrite.All")


def _any(*permissions: str) -> frozenset[str]:
    return frozenset(permissions)


NOTHING: Requirement = ()
READ_APPLICATIONS: Requirement = (_any("Application.Read.All", *_APPLICATION_WRITE, *_DIRECTORY_READ),)
WRITE_APPLICATIONS: Requirement = (_any(*_APPLICATION_WRITE, "Directory.ReadWrite.All"),)
READ_ASSIGNMENTS: Requirement = (
    _any("Application.Read.All", "Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", *_DIRECTORY_READ),
)
# Microsoft does not document the permission for owned applications for assignments.
WRITE_ASSIGNMENTS: Requirement = (
    _any("AppRoleAssignment.ReadWrite.All"),
    _any("Application.Read.All", "Application.ReadWrite.All", *_DIRECTORY_READ),
)
READ_SYNCHRONIZATION: Requirement = (
    _any("Synchronization.Read.All", "Synchronization.ReadWrite.All", *_APPLICATION_WRITE, "Directory.ReadWrite.All"),
)
WRITE_SYNCHRONIZATION: Requirement = (
    _any("Synchronization.ReadWrite.All", *_APPLICATION_WRITE, "Directory.ReadWrite.All"),
)
READ_USERS: Requirement = (_any("User.Read.All", "User.ReadWrite.All", *_DIRECTORY_READ),)
WRITE_USERS: Requirement = (_any("User.ReadWrite.All", "Directory.ReadWrite.All"),)
READ_GROUPS: Requirement = (_any("GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", *_DIRECTORY_READ),)
WRITE_GROUPS: Requirement = (_any("Group.ReadWrite.All", "Directory.ReadWrite.All"),)
READ_ROLES: Requirement = (
    _any("RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", *_DIRECTORY_READ),
)
READ_ORGANIZATION: Requirement = (_any("Organization.Read.All", *_DIRECTORY_READ),)
READ_DOMAINS: Requirement = (_any("Domain.Read.All", *_DIRECTORY_READ),)
# Microsoft's tables require both for each of the two logs.
READ_LOGS: Requirement = (_any("AuditLog.Read.All"), _any(*_DIRECTORY_READ))
READ_OBJECTS: Requirement = (
    _any("User.Read.All", "Group.Read.All", "Application.Read.All", "User.ReadWrite.All", *_DIRECTORY_READ),
)

"""The small fictional organisation that the sandbox starts with: one Entra tenant, one KZero tenant.

Pure data: users, groups, and the applications that may sign in with their Microsoft Graph permissions. Ids are fixed,
so that tests and repeated runs of the sandbox see the same objects. Must not know the servers.
"""

import uuid
from dataclasses import dataclass, field, replace

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
"""Role template id of Global Administrator, the same in every Entra tenant."""

_DOMAINS = ("contoso.example", "contoso-sandbox.onmicrosoft.com")
_NAMESPACE = uuid.UUID("5a4d0b0c-0000-4000-8000-00000000e400")

LEAST_PRIVILEGE = (
    "Application.Read.All",
    "Application.ReadWrite.OwnedBy",
    "AppRoleAssignment.ReadWrite.All",
    "Domain.Read.All",
    "Group.Read.All",
    "Organization.Read.All",
    "RoleManagement.Read.Directory",
    "Synchronization.ReadWrite.All",
    "User.Read.All",
)
"""The Microsoft Graph application permissions that are sufficient to set up one tenant."""

LOG_PERMISSIONS = ("AuditLog.Read.All", "Directory.Read.All")
"""The permissions that reading the provisioning log and the directory audit log requires; nothing else needs them."""

ALL_PERMISSIONS = (
    *LEAST_PRIVILEGE,
    "AuditLog.Read.All",
    "Application.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
    "Group.ReadWrite.All",
    "GroupMember.Read.All",
    "Synchronization.Read.All",
    "User.ReadWrite.All",
)
"""Every application permission that the local Graph knows."""


def fixed_id(name: str) -> str:
    """Return the fixed object id of the seeded object with this name."""
    return str(uuid.uuid5(_NAMESPACE, name))


@dataclass(frozen=True, kw_only=True)
class SeedUser:
    """A user of the directory, with the properties of Microsoft Graph's user resource."""

    user_principal_name: str
    display_name: str
    given_name: str | None = None
    surname: str | None = None
    mail: str | None = None
    job_title: str | None = None
    department: str | None = None
    employee_id: str | None = None
    manager: str | None = None
    """User principal name of the manager."""
    extension_attribute1: str | None = None
    account_enabled: bool = True
    user_type: str = "Member"

    @property
    def id(self) -> str:
        """The user's object id."""
        return fixed_id(f"user:{self.user_principal_name}")


@dataclass(frozen=True, kw_only=True)
class SeedGroup:
    """A security group; members are user principal names or keys of other groups."""

    key: str
    display_name: str
    members: tuple[str, ...] = ()
    of: str = ""
    """The organisation, where several exist, so that ids differ."""

    @property
    def id(self) -> str:
        """The group's object id."""
        return fixed_id(f"group:{self.of}{self.key}")


@dataclass(frozen=True, kw_only=True)
class GraphClientSeed:
    """An application registration that may sign in: its client credentials and the permissions granted to it."""

    name: str
    permissions: tuple[str, ...]
    federated_subject: str | None = None
    """Subject of the workload identity that may sign in as this client without a secret."""
    of: str = ""
    """The organisation, where several exist, so that ids and secrets differ."""
    multi_tenant: bool = False
    """Whether another organisation owns it; id and secret are then the same wherever its use was consented to."""

    @property
    def client_id(self) -> str:
        """The application (client) id."""
        return fixed_id(f"client:{self._home}{self.name}")

    @property
    def object_id(self) -> str:
        """Object id of the client's service principal."""
        return fixed_id(f"client-service-principal:{self.of}{self.name}")

    @property
    def secret(self) -> str:
        """The client secret, valid in the sandbox only."""
        return f"sandbox-secret-of-{self._home}{self.name}"

    @property
    def _home(self) -> str:
        return "" if self.multi_tenant else self.of


PARTNER = GraphClientSeed(name="partner", permissions=(*LEAST_PRIVILEGE, *LOG_PERMISSIONS), multi_tenant=True)
"""The provider's own application, to which its customers have consented."""


def _users(domain: str, initial_domain: str) -> tuple[SeedUser, ...]:
    chief = f"morgan@{domain}"
    lead = f"robin@{domain}"
    return (
        SeedUser(
            user_principal_name=chief,
            display_name="Morgan Reyes",
            given_name="Morgan",
            surname="Reyes",
            mail=chief,
            job_title="Chief executive",
            department="Board",
            employee_id="1001",
            extension_attribute1="board",
        ),
        SeedUser(
            user_principal_name=lead,
            display_name="Robin Falk",
            given_name="Robin",
            surname="Falk",
            mail=lead,
            job_title="Head of operations",
            department="Operations",
            employee_id="1002",
            manager=chief,
            extension_attribute1="operations",
        ),
        SeedUser(
            user_principal_name=f"alex@{domain}",
            display_name="Alex Lindqvist",
            given_name="Alex",
            surname="Lindqvist",
            mail=f"alex@{domain}",
            job_title="Technician",
            department="Operations",
            employee_id="1003",
            manager=lead,
            extension_attribute1="field",
        ),
        SeedUser(
            user_principal_name=f"sam@{domain}",
            display_name="Sam O'Hara",
            given_name="Sam",
            surname="O'Hara",
            mail=f"sam@{domain}",
            job_title="Accountant",
            department="Finance",
            employee_id="1004",
            manager=lead,
        ),
        SeedUser(
            user_principal_name=f"kim@{domain}",
            display_name="Kim Mailless",
            given_name="Kim",
            surname="Mailless",
            job_title="Warehouse clerk",
            department="Operations",
            employee_id="1005",
            manager=lead,
        ),
        SeedUser(
            user_principal_name=f"jo@{domain}",
            display_name="Jo Former",
            given_name="Jo",
            surname="Former",
            mail=f"jo@{domain}",
            job_title="Technician",
            department="Operations",
            employee_id="1006",
            account_enabled=False,
        ),
        SeedUser(
            user_principal_name=f"pat_partner.example#EXT#@{initial_domain}",
            display_name="Pat Visitor",
            given_name="Pat",
            surname="Visitor",
            mail="pat@partner.example",
            user_type="Guest",
        ),
        SeedUser(
            user_principal_name=f"admin@{domain}",
            display_name="Tenant administrator",
            given_name="Tenant",
            surname="Administrator",
            mail=f"admin@{domain}",
        ),
        SeedUser(user_principal_name=f"breakglass@{initial_domain}", display_name="Break glass"),
    )


def _groups(domain: str, of: str = "") -> tuple[SeedGroup, ...]:
    groups = (
        SeedGroup(
            key="kzero-users",
            display_name="KZero users",
            members=(f"robin@{domain}", f"alex@{domain}", f"sam@{domain}", f"kim@{domain}"),
        ),
        SeedGroup(key="kzero-nested", display_name="KZero nested", members=(f"morgan@{domain}", "kzero-users")),
        SeedGroup(key="duplicates-1", display_name="Duplicates", members=(f"sam@{domain}",)),
        SeedGroup(key="duplicates-2", display_name="Duplicates", members=(f"kim@{domain}",)),
    )
    return tuple(replace(group, of=of) for group in groups)


def _clients() -> tuple[GraphClientSeed, ...]:
    return (
        GraphClientSeed(name="admin", permissions=ALL_PERMISSIONS, federated_subject="repo:contoso/tenants:ref:main"),
        GraphClientSeed(name="least-privilege", permissions=LEAST_PRIVILEGE),
        *(
            GraphClientSeed(
                name=f"without-{missing}",
                permissions=tuple(permission for permission in LEAST_PRIVILEGE if permission != missing),
            )
            for missing in LEAST_PRIVILEGE
        ),
        GraphClientSeed(name="powerless", permissions=()),
    )


@dataclass(frozen=True, kw_only=True)
class Organisation:
    """One customer: its Entra tenant, its KZero tenant, and the clients that may sign in."""

    name: str = "Contoso sandbox"
    tenant_id: str = "5a4d0b0c-0000-4000-8000-00000000e401"
    """Entra's directory (tenant) id."""
    initial_domain: str = "contoso-sandbox.onmicrosoft.com"
    domain: str = "contoso.example"
    """The default domain."""
    kzero_tenant: str = "Contoso"
    """KZero tenant, a Keycloak realm. The mixed case is deliberate: realm names are case-sensitive."""
    kzero_client_id: str = "scim-endpoint"
    """The Keycloak client whose mappers interpret provisioning requests."""
    users: tuple[SeedUser, ...] = field(default_factory=lambda: _users(*_DOMAINS))
    groups: tuple[SeedGroup, ...] = field(default_factory=lambda: _groups(_DOMAINS[0]))
    global_administrators: tuple[str, ...] = field(
        default_factory=lambda: (f"admin@{_DOMAINS[0]}", f"breakglass@{_DOMAINS[1]}")
    )
    """User principal names of the members of the role Global Administrator."""
    clients: tuple[GraphClientSeed, ...] = field(default_factory=_clients)
    """`admin`, `least-privilege`, `without-<permission>` for each permission of `least-privilege`, and `powerless`."""

    @classmethod
    def numbered(cls, number: int) -> "Organisation":
        """Return one of many additional customers, which have all consented to the multi-tenant application `partner`.

        Args:
            number: The customer's number, from 1.
        """
        name = f"tenant-{number:03d}"
        domain, initial_domain = f"{name}.example", f"{name}.onmicrosoft.com"
        of = f"{name}:"
        return cls(
            name=f"Tenant {number:03d}",
            tenant_id=fixed_id(f"tenant:{number}"),
            initial_domain=initial_domain,
            domain=domain,
            kzero_tenant=f"Tenant-{number:03d}",
            users=_users(domain, initial_domain),
            groups=_groups(domain, of),
            global_administrators=(f"admin@{domain}", f"breakglass@{initial_domain}"),
            clients=(
                GraphClientSeed(name="admin", permissions=ALL_PERMISSIONS, of=of),
                GraphClientSeed(name="least-privilege", permissions=LEAST_PRIVILEGE, of=of),
                replace(PARTNER, of=of),
            ),
        )

    def client(self, name: str) -> GraphClientSeed:
        """Return the registered client with this name.

        Raises:
            KeyError: No client has this name.
        """
        for client in self.clients:
            if client.name == name:
                return client
        raise KeyError(name)

    def user(self, user_principal_name: str) -> SeedUser:
        """Return the seeded user with this user principal name.

        Raises:
            KeyError: No user has this name.
        """
        for user in self.users:
            if user.user_principal_name == user_principal_name:
                return user
        raise KeyError(user_principal_name)

    def group(self, key: str) -> SeedGroup:
        """Return the seeded group with this key.

        Raises:
            KeyError: No group has this key.
        """
        for group in self.groups:
            if group.key == key:
                return group
        raise KeyError(key)

"""``kzero:entra:getGlobalAdministrators``: the users with the role Global Administrator. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from kzero_scim.errors import KzeroScimError
from kzero_scim.provider.services import Services
from kzero_scim.resource.model import Call, Function, prop

_GLOBAL_ADMINISTRATOR: Final = "62e90394-69f5-4237-9190-012177145e10"
"""Template ID of the role, the same in every tenant.

https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
"""


@dataclass(frozen=True, kw_only=True)
class Administrator:
    """A Global Administrator."""

    schema_module: ClassVar[str] = "entra"

    display_name: str = prop("Display name.")
    user_principal_name: str = prop("User principal name.")
    account_enabled: bool = prop("Whether the account can sign in.")


@dataclass(frozen=True, kw_only=True)
class GetGlobalAdministratorsArgs:
    """The function has no arguments."""


@dataclass(frozen=True, kw_only=True)
class GetGlobalAdministratorsResult:
    """The Global Administrators, and those who can sign in if a federated domain cannot."""

    administrators: list[Administrator] = prop("The users who have the role now.", default_factory=list)
    onmicrosoft: list[str] = prop(
        "User principal names of enabled administrators under .onmicrosoft.com, whose sign-in needs no federation.",
        default_factory=list,
    )
    warning: str | None = prop("Why the result is empty or incomplete, if it is.", default=None)


class GetGlobalAdministrators(Function[GetGlobalAdministratorsArgs, GetGlobalAdministratorsResult]):
    """Returns the users who are Global Administrators, to check that losing a domain cannot lock everyone out.

    Needs RoleManagement.Read.Directory. Without it, the result is empty and has a ``warning``. The result does not list
    administrators who have the role through a group or are only eligible for it.
    """

    token: ClassVar[str] = "kzero:entra:getGlobalAdministrators"  # noqa: S105 - a token
    inputs = GetGlobalAdministratorsArgs
    state = GetGlobalAdministratorsResult

    def __init__(self, services: Services) -> None:
        """Store the clients."""
        self._services = services

    async def invoke(
        self,
        call: Call,  # noqa: ARG002
        args: GetGlobalAdministratorsArgs,  # noqa: ARG002
    ) -> GetGlobalAdministratorsResult:
        """Return the role's members. A refusal becomes a warning."""
        path = f"/directoryRoles(roleTemplateId='{_GLOBAL_ADMINISTRATOR}')/members"
        query = {"$select": "id,displayName,userPrincipalName,accountEnabled"}
        try:
            members = await self._services.graph.pages(path, query)
        except KzeroScimError as error:
            return GetGlobalAdministratorsResult(warning=f"could not check Global Administrators: {error}")
        users = [member for member in members if member.get("userPrincipalName")]
        if not users and any(_kind(member) in {"", "user"} for member in members):
            # Without a permission to read users, Graph returns their IDs only.
            return GetGlobalAdministratorsResult(
                warning="could not check Global Administrators: Microsoft Graph does not show their names; grant the "
                "application permission User.Read.All with admin consent"
            )
        administrators = [_administrator(user) for user in users]
        groups = [str(member.get("displayName")) for member in members if _kind(member) == "group"]
        return GetGlobalAdministratorsResult(
            administrators=administrators,
            onmicrosoft=[
                one.user_principal_name
                for one in administrators
                if one.account_enabled and one.user_principal_name.casefold().endswith(".onmicrosoft.com")
            ],
            warning=f"could not check Global Administrators who have the role through a group: {', '.join(groups)}"
            if groups
            else None,
        )


def _administrator(user: dict[str, Any]) -> Administrator:
    return Administrator(
        display_name=str(user.get("displayName") or ""),
        user_principal_name=str(user["userPrincipalName"]),
        account_enabled=user.get("accountEnabled") is not False,
    )


def _kind(member: dict[str, Any]) -> str:
    return str(member.get("@odata.type") or "").removeprefix("#microsoft.graph.")

"""Refuses an update of a whole tenant by an application that may not write to Entra, before its first change.

The resources check their own permissions, each before its own change. By then KZero's side, which comes first, may have
changed. So this module looks at the tenant as a whole. KZero's side needs no such check: nothing changes before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kzero_scim.errors import GraphError, MissingRightError, SettingsError
from kzero_scim.provider.entra.permission_check import (
    ASSIGN,
    CREATE_APPLICATION,
    SET_UP_JOB,
    in_words,
    missing_permissions,
)

if TYPE_CHECKING:
    from kzero_scim.provider.services import Services
    from kzero_scim.resource.model import Call

_TENANT: Final = "kzero-scim:components:TenantProvisioning$"
"""In the URN of each resource of a whole tenant."""
_WRITING: Final = (CREATE_APPLICATION, SET_UP_JOB, ASSIGN)


async def admit(services: Services, call: Call, *, is_new_tenant: bool) -> None:
    """Check before a change whether the application that signs in to Entra may write. A preview only warns.

    Args:
        services: The clients.
        call: The request of the change.
        is_new_tenant: Whether the change is the first of a new tenant.

    Raises:
        MissingRightError: It may not write at all, or it lacks a permission that a new tenant needs.
    """
    if _TENANT not in call.urn:
        return
    try:
        missing = await missing_permissions(services.graph, *_WRITING)
    except (GraphError, SettingsError):
        return  # the resources of Entra's side report it
    is_read_only = len(missing) == len(_WRITING)
    if call.preview and is_read_only:
        message = (
            f"the application that signs in to Entra may only read, which is sufficient for this preview. `pulumi up` "
            f"needs {in_words(missing)}, and otherwise fails before its first change"
        )
        await call.log.warning(message)
    elif not call.preview and (is_read_only or (missing and is_new_tenant)):
        message = (
            f"the application that signs in to Entra lacks the Microsoft Graph application permission "
            f"{in_words(missing)}. Nothing was changed; grant it with admin consent, wait a minute, then try again, or "
            "sign in as an application that has it"
        )
        raise MissingRightError(message)

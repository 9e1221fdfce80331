"""Finds an enterprise application that an interrupted run created but did not store in the state.

Other resources adopt what already exists. azuread's application does not, so a second one would be created. If the
stack's state has the application, this module sends no request to Entra.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import pulumi

from kzero_scim import sdk as kzero
from kzero_scim.entra.enterprise_application import NON_GALLERY_TEMPLATE

_APPLICATION: Final = "azuread:index/applicationFromTemplate:ApplicationFromTemplate"
_ENDPOINT: Final = "kzero:keycloak:ScimEndpoint"
_ATTEMPTS: Final = 40
_PAUSE_SECONDS: Final = 0.05


def stack_mark() -> str:
    """Return the notes of this stack's service principal, which show other stacks that it is in use."""
    return f"kzero-scim, stack {_full_name()}"


def orphaned_application(display_name: str, provider: kzero.Provider, parent: pulumi.Resource) -> str | None:
    """Return the ID of an application to import, which an earlier run of this stack created but did not store.

    Args:
        display_name: Display name of the application.
        provider: The provider that asks Entra.
        parent: The resource that shows the warning.

    Returns:
        The ID, or None if no such application exists or the state has one. The program sets up KZero before Entra, so
        without an endpoint in the state no run has created an application. A first preview still asks, because the
        provider then warns of applications that have the same name.

    Raises:
        pulumi.RunError: Several applications match, or Entra does not answer.
    """
    known = _known()
    if known is None or _APPLICATION in known:
        return None
    if _ENDPOINT not in known and not pulumi.runtime.is_dry_run():
        return None
    options = pulumi.InvokeOptions(parent=parent, provider=provider)
    try:
        found = kzero.find_orphaned_application(
            display_name=display_name, template_id=NON_GALLERY_TEMPLATE, mark=stack_mark(), opts=options
        )
    except Exception as error:  # noqa: BLE001 - pulumi has no exception class for this
        if kzero.is_run_over(error):
            return None  # another error ends the run and is reported
        raise pulumi.RunError(str(error)) from None
    if not found.application_id or _ENDPOINT not in known:
        return None
    pulumi.log.warn(
        f'an interrupted run created the application "{display_name}" ({found.application_id}) at {found.created}; '
        "this stack adopts it",
        parent,
    )
    return (
        f"/applicationTemplates/{NON_GALLERY_TEMPLATE}/instantiate/{found.application_id}/{found.service_principal_id}"
    )


def _known() -> set[str] | None:
    """Return the types of the resources in the state, or None if the first run has finished."""
    name = _full_name()
    if _state("readStackOutputs", {"name": name}).get("applicationId"):
        return None
    # Read only if the first run has not finished, because the answer contains all resources.
    return {str(entry.get("type")) for entry in _state("readStackResourceOutputs", {"stackName": name}).values()}


def _state(function: str, arguments: dict[str, str]) -> Mapping[str, Any]:
    """Return what the engine knows about this stack's state from the backend.

    Raises:
        pulumi.RunError: The state cannot be read.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            answer = pulumi.runtime.invoke(f"pulumi:pulumi:{function}", arguments).value or {}
        except Exception as error:  # noqa: BLE001 - pulumi has no exception class for this
            if attempt == _ATTEMPTS:
                message = (
                    f"could not read the stack's state; check that the backend can be reached, then "
                    f"run it again: {error}"
                )
                raise pulumi.RunError(message) from None
            # A state in a file is incomplete while this run writes it.
            time.sleep(_PAUSE_SECONDS)
        else:
            outputs: Mapping[str, Any] = answer.get("outputs") or {}
            return outputs
    return {}


def _full_name() -> str:
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"

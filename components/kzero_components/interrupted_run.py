"""What an interrupted run may have left behind that its state does not know: the enterprise application.

Every other resource finds by itself what is there already; azuread's application does not, and a second one would be
made. Costs nothing where the state knows the application: that is read from the stack's own state, not from a service.
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
    """Give what the notes of this stack's service principal say, by which other stacks leave it alone."""
    return f"kzero-scim, stack {_full_name()}"


def orphaned_application(display_name: str, provider: kzero.Provider, parent: pulumi.Resource) -> str | None:
    """Find the application that an earlier run of this stack made, if its state does not know it.

    Args:
        display_name: Its name.
        provider: Asks Entra.
        parent: What the warning is shown at.

    Returns:
        The id to import it by; None if there is none, or if the state knows one.

    Raises:
        pulumi.RunError: There are several, or Entra gives no answer.
    """
    if not _may_be_orphaned():
        return None
    options = pulumi.InvokeOptions(parent=parent, provider=provider)
    try:
        found = kzero.find_orphaned_application(
            display_name=display_name, template_id=NON_GALLERY_TEMPLATE, mark=stack_mark(), opts=options
        )
    except Exception as error:  # noqa: BLE001 - pulumi has no kind of its own for it
        if kzero.is_run_over(error):
            return None  # the run is ending, for a reason that is told elsewhere
        raise pulumi.RunError(str(error)) from None
    if not found.application_id:
        return None
    pulumi.log.warn(
        f'the application "{display_name}" ({found.application_id}) was made at {found.created} by a run that was '
        "interrupted; it is taken over",
        parent,
    )
    return (
        f"/applicationTemplates/{NON_GALLERY_TEMPLATE}/instantiate/{found.application_id}/{found.service_principal_id}"
    )


def _may_be_orphaned() -> bool:
    """Tell whether an earlier run came as far as the application, and the state does not know it.

    KZero comes before Entra: without an endpoint in the state no run can have made an application.
    """
    name = _full_name()
    if _state("readStackOutputs", {"name": name}).get("applicationId"):
        return False
    # Read only where a first run was not finished: it holds everything, also ten thousand assignments.
    known = {entry.get("type") for entry in _state("readStackResourceOutputs", {"stackName": name}).values()}
    return _ENDPOINT in known and _APPLICATION not in known


def _state(function: str, arguments: dict[str, str]) -> Mapping[str, Any]:
    """Ask the engine itself about this stack's state; it answers from the backend.

    Raises:
        pulumi.RunError: The state cannot be read.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            answer = pulumi.runtime.invoke(f"pulumi:pulumi:{function}", arguments).value or {}
        except Exception as error:  # noqa: BLE001 - pulumi has no kind of its own for it
            if attempt == _ATTEMPTS:
                message = f"the stack's own state cannot be read, so that it is not known what it manages: {error}"
                raise pulumi.RunError(message) from None
            # A state in files is not whole at the moment in which this very run writes it.
            time.sleep(_PAUSE_SECONDS)
        else:
            outputs: Mapping[str, Any] = answer.get("outputs") or {}
            return outputs
    return {}


def _full_name() -> str:
    return f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"

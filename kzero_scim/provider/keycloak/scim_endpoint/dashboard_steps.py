"""Instructions for a person who sets up an endpoint in KZero's dashboard. Asks no service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from kzero_scim.clients.scim import Answer, Meaning
from kzero_scim.guide import values
from kzero_scim.keycloak.endpoint_settings import attribute_names

if TYPE_CHECKING:
    from kzero_scim.provider.keycloak.scim_endpoint.model import ScimEndpointInputs

CHANGED_PROFILE: Final[Mapping[tuple[str, str], str]] = {
    ("Azure", "Generic"): (
        "profile Azure => Generic: the endpoint would accept tokens of its own realm, and no longer those that Entra "
        "issues"
    ),
    ("Generic", "Azure"): (
        "profile Generic => Azure: the endpoint would accept tokens that this Entra tenant issues, and no longer those "
        "of its own realm"
    ),
}
"""What a changed profile means for callers of the endpoint, by old and new profile."""


def instructions(new: ScimEndpointInputs, url: str, answer: Answer, *, is_over: bool = False) -> str:
    """Return why the endpoint cannot be used, and what to do.

    Args:
        new: The wanted settings.
        url: Its Tenant URL.
        answer: Its answer.
        is_over: True after the update has checked (and waited for) the endpoint, False in a preview.
    """
    problem = f'the SCIM endpoint of tenant "{new.realm}", {url}, {answer.detail}'
    if answer.meaning in {Meaning.SOMETHING_ELSE, Meaning.FAILING}:
        return f"{problem}; {answer.remedy}"
    if new.activation == "console":
        if not new.activation_timeout:
            wait = "Then run `pulumi up` again, or set activationTimeout to wait for the endpoint"
        elif is_over:
            wait = f"Then run `pulumi up` again (it waited {new.activation_timeout} s)"
        else:
            wait = f"`pulumi up` waits {new.activation_timeout} s for this"
        return (
            f'{problem}. In the KZero Passwordless Dashboard, select tenant "{new.realm}", open {values.SCIM_PAGE}, '
            f"{settings_to_enter(new)}. {wait}"
        )
    return (
        f"{problem}, although its settings are written as attributes. Check that the server has its SCIM extension "
        "(Keycloak's own: --features=scim-api) and reads these attributes: "
        + ", ".join(attribute_names(new.preset, new.attribute_names).values())
    )


def settings_to_enter(new: ScimEndpointInputs) -> str:
    """Return the guide's step 1 for one tenant, as an instruction."""
    tenant = f", Azure Tenant ID to {new.azure_tenant_id}" if new.profile == "Azure" else ""
    return f"set Profile to {new.profile}{tenant}, Enable to ON, and click Update"


def switch_off(realm: str, url: str) -> str:
    """Return how to turn off an endpoint that should be off."""
    return (
        f'the SCIM endpoint of tenant "{realm}", {url}, is ON but should be OFF. In the KZero Passwordless Dashboard, '
        f"open {values.SCIM_PAGE}, set Enable to OFF, and click Update"
    )


def changed_settings(new: ScimEndpointInputs) -> str:
    """Return how to enter changed settings, which cannot be read from outside."""
    return (
        f'enter the changed settings of tenant "{new.realm}" in the KZero Passwordless Dashboard under '
        f"{values.SCIM_PAGE}: {settings_to_enter(new)}. The connection test will show whether they took effect"
    )


def left_as_it_is(realm: str) -> str:
    """Return that a deletion keeps the endpoint, and how to turn it off."""
    return (
        f'the SCIM endpoint of tenant "{realm}" stays as it is. To turn it off, open {values.SCIM_PAGE} in the KZero '
        "Passwordless Dashboard, set Enable to OFF, and click Update"
    )

"""What a person has to do in KZero's dashboard about an endpoint, in one line each. Asks no service."""

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
        "profile Azure => Generic: the endpoint takes tokens of its own realm from now on, and no longer those that "
        "Entra issues"
    ),
    ("Generic", "Azure"): (
        "profile Generic => Azure: the endpoint takes the tokens that this Entra tenant issues from now on, and no "
        "longer those of its own realm"
    ),
}
"""What a changed profile means for whoever calls the endpoint, by the old and the new one."""


def instructions(new: ScimEndpointInputs, url: str, answer: Answer, *, is_over: bool = False) -> str:
    """Say why the endpoint cannot be used, and what to do.

    Args:
        new: How it should be set.
        url: Its Tenant URL.
        answer: What it answered.
        is_over: The update has looked (and waited) in vain; else it is still to come.
    """
    problem = f'the SCIM endpoint of tenant "{new.realm}", {url}, {answer.detail}'
    if answer.meaning is Meaning.SOMETHING_ELSE:
        return f"{problem}; check kzeroServerUrl (KZERO_SERVER_URL) and what stands in front of the server"
    if new.activation == "console":
        if not new.activation_timeout:
            wait = "then run the update again (activationTimeout makes it wait for you)"
        elif is_over:
            wait = f"then run the update again (it has waited {new.activation_timeout} s)"
        else:
            wait = f"the update waits {new.activation_timeout} s for it"
        return (
            f'{problem}. In the KZero Passwordless Dashboard select tenant "{new.realm}", open {values.SCIM_PAGE}, '
            f"{settings_to_enter(new)}; {wait}"
        )
    return (
        f"{problem}, although its settings are written as attributes: check that the server has its SCIM extension "
        "(Keycloak's own: --features=scim-api) and reads the attributes "
        + ", ".join(attribute_names(new.preset, new.attribute_names).values())
    )


def settings_to_enter(new: ScimEndpointInputs) -> str:
    """Spell out the guide's step 1 for one tenant."""
    tenant = f", Azure Tenant ID: {new.azure_tenant_id}" if new.profile == "Azure" else ""
    return f"enter Profile: {new.profile}{tenant}, Enable: ON, and click Update"


def switch_off(realm: str, url: str) -> str:
    """Say how an endpoint that should be off is switched off."""
    return (
        f'the SCIM endpoint of tenant "{realm}", {url}, is still on although it should be off: open {values.SCIM_PAGE} '
        "in the KZero Passwordless Dashboard, set Enable: OFF and click Update"
    )


def changed_settings(new: ScimEndpointInputs) -> str:
    """Say that changed settings have to be entered, as they cannot be seen from outside."""
    return (
        f'enter the changed settings of tenant "{new.realm}" in the KZero Passwordless Dashboard, {values.SCIM_PAGE}: '
        f"{settings_to_enter(new)}; the connection test will tell whether they took effect"
    )


def left_as_it_is(realm: str) -> str:
    """Say at a deletion that the endpoint stays, and how to switch it off."""
    return (
        f'the SCIM endpoint of tenant "{realm}" is left as it is: to switch it off, open {values.SCIM_PAGE} in the '
        "KZero Passwordless Dashboard, set Enable: OFF and click Update"
    )

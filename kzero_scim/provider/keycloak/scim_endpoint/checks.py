"""Checks an endpoint's inputs. Each failure has its remedy. Asks no service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kzero_scim.keycloak.endpoint_settings import SETTINGS, attribute_names
from kzero_scim.resource.formats import is_guid
from kzero_scim.resource.model import UNKNOWN, Failure, path_key

if TYPE_CHECKING:
    from kzero_scim.provider.keycloak.scim_endpoint.model import ScimEndpointInputs


def tenant_failures(new: ScimEndpointInputs) -> list[Failure]:
    """Check the Entra tenant ID against the profile."""
    tenant = new.azure_tenant_id
    if new.profile is UNKNOWN or tenant is UNKNOWN:
        return []
    path = "azureTenantId"
    if new.profile == "Generic":
        return [Failure(path, "belongs to the profile Azure; remove it for Generic")] if tenant else []
    where = "the Entra admin center shows it under Overview > Tenant ID"
    if not tenant:
        return [Failure(path, f"is required for the profile Azure; {where}")]
    if not is_guid(tenant) or set(tenant) == {"0", "-"}:
        return [Failure(path, f'"{tenant}" is not an ID of an Entra tenant (GUID); {where}')]
    return []


def attribute_failures(new: ScimEndpointInputs) -> list[Failure]:
    """Check the attribute settings against the activation, and the names against each other."""
    if new.activation is UNKNOWN:
        return []
    if new.activation == "console":
        given = {
            "preset": new.preset,
            "attributeHolder": new.attribute_holder,
            "attributeNames": new.attribute_names,
        }
        reason = "belongs to the activation attributes; remove it, or set activation: attributes"
        return [Failure(path, reason) for path, value in given.items() if value is not None and value is not UNKNOWN]
    if new.preset is UNKNOWN or new.attribute_names is UNKNOWN:
        return []
    failures = []
    for setting, name in (new.attribute_names or {}).items():
        path = f"attributeNames{path_key(setting)}"
        if setting not in SETTINGS:
            failures.append(Failure(path, f"is not a setting; use one of {', '.join(SETTINGS)}"))
        elif name is not UNKNOWN and not name.strip():
            failures.append(Failure(path, "must not be empty"))
    names = attribute_names(new.preset, new.attribute_names)
    if "enabled" not in names:
        reason = "the activation attributes needs a preset, or attributeNames with at least enabled"
        failures.append(Failure("preset", reason))
    values = [name for name in names.values() if name is not UNKNOWN]
    if len(set(values)) < len(values):
        failures.append(Failure("attributeNames", "two settings have the same attribute; set a different one for each"))
    return failures

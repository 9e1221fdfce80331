"""The resources of the stand-in, by their token."""

from typing import Final

from kzero_sandbox.azuread.resources.app_role_assignment import AppRoleAssignment
from kzero_sandbox.azuread.resources.application_from_template import ApplicationFromTemplate
from kzero_sandbox.azuread.resources.resource import Resource
from kzero_sandbox.azuread.resources.service_principal import ServicePrincipal

RESOURCES: Final[dict[str, Resource]] = {
    each.token: each for each in (ApplicationFromTemplate(), ServicePrincipal(), AppRoleAssignment())
}

__all__ = ["RESOURCES", "Resource"]

"""The enterprise application in Entra (the guide's step 3), created with the official azuread provider."""

from __future__ import annotations

from importlib import metadata
from typing import Any, Final

import pulumi
import pulumi_azuread as azuread

from kzero_scim.entra.azuread_error import is_gone, without_frames
from kzero_scim.entra.enterprise_application import LEFT_ALONE, NON_GALLERY_TEMPLATE
from kzero_scim.settings.moves import next_entra_tenant

_GET_APPLICATION: Final = "azuread:index/getApplication:getApplication"
_TAGS: Final = ("WindowsAzureActiveDirectoryCustomSingleSignOnApplication", "WindowsAzureActiveDirectoryIntegratedApp")


class EnterpriseApp(pulumi.ComponentResource):
    """An application created from the non-gallery template, and its service principal.

    Args:
        name: Name of the component.
        display_name: Name shown under Enterprise applications.
        tenant_id: ID of the Entra tenant. Another tenant needs another application; the old one stays in its tenant.
        protect: Whether Pulumi refuses to delete the application and its service principal.
        adopted: Whether the application was set up by hand. Then nothing of the service principal is changed.
        import_id: ID of an existing application to import, in azuread's form.
        notes: Notes of a new service principal. Later changes by hand stay.

    Attributes:
        application_id: Application (client) ID.
        application_object_id: Object ID of the application.
        service_principal_id: Object ID of the service principal.
    """

    application_id: pulumi.Output[str]
    application_object_id: pulumi.Output[str]
    service_principal_id: pulumi.Output[str]

    def __init__(  # noqa: PLR0913 - one keyword an argument
        self,
        name: str,
        *,
        display_name: pulumi.Input[str],
        tenant_id: str,
        protect: bool = False,
        adopted: bool = False,
        import_id: str | None = None,
        notes: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the application and its service principal."""
        super().__init__("kzero-scim:components:EnterpriseApp", name, None, opts)
        child = pulumi.ResourceOptions(
            parent=self,
            protect=protect or None,
            replacement_trigger=tenant_id.casefold(),
            # The engine reads this option from the state, so an update before the tenant changes must store it. After
            # the change, azuread is configured for the new tenant and cannot delete the application in the old one.
            retain_on_delete=True if next_entra_tenant(tenant_id) else None,
        )
        application = azuread.ApplicationFromTemplate(
            name,
            display_name=display_name,
            template_id=NON_GALLERY_TEMPLATE,
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(import_=import_id)),
        )
        client_id: pulumi.Output[Any] = application.application_object_id.apply(
            lambda object_id: _client_id(object_id, self)
        )
        principal = azuread.ServicePrincipal(
            name,
            client_id=client_id,
            use_existing=True,
            app_role_assignment_required=True,
            # azuread sends the whole list. Without these two tags, the portal would not list the application.
            tags=list(_TAGS),
            notes=notes,
            # Entra makes the creating application an owner, and Application.ReadWrite.OwnedBy depends on that. azuread
            # would remove all owners that are not listed.
            opts=pulumi.ResourceOptions.merge(
                child, pulumi.ResourceOptions(ignore_changes=list(LEFT_ALONE) if adopted else ["owners", "notes"])
            ),
        )
        self.application_id = client_id
        self.application_object_id = application.application_object_id
        self.service_principal_id = principal.object_id
        self.register_outputs(
            {
                "applicationId": self.application_id,
                "applicationObjectId": self.application_object_id,
                "servicePrincipalId": self.service_principal_id,
            }
        )


def _client_id(object_id: str, parent: pulumi.Resource) -> pulumi.Output[Any]:
    """Return the client ID from azuread, because the application resource does not have it.

    This does not use azuread's own function, because its output shows a traceback when a run is interrupted.
    """
    # The resources' version. Another version would start another process.
    options = pulumi.InvokeOptions(parent=parent, version=metadata.version("pulumi-azuread"))

    async def ask() -> str:
        try:
            found = await pulumi.runtime.invoke_async(_GET_APPLICATION, {"objectId": object_id}, options)
        except Exception as error:  # noqa: BLE001 - pulumi has no exception class for this
            raise pulumi.RunError(_unreadable(object_id, without_frames(str(error)))) from None
        return str(found["clientId"])

    return pulumi.Output.from_input(ask())


def _unreadable(object_id: str, reason: str) -> str:
    if is_gone(reason):
        return (
            f"application {object_id} is gone from Entra; run `pulumi up --refresh` to create it again, or restore "
            "it in Entra first, under App registrations > Deleted applications"
        )
    return f"could not read the client ID of application {object_id}; run it again: {reason}"

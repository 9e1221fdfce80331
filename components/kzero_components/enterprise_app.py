"""The enterprise application in Entra: the guide's step 3, made by the official azuread provider."""

from __future__ import annotations

from importlib import metadata
from typing import Any, Final

import pulumi
import pulumi_azuread as azuread

from kzero_scim.entra.enterprise_application import LEFT_ALONE, NON_GALLERY_TEMPLATE
from kzero_scim.settings.moves import next_entra_tenant

_GET_APPLICATION: Final = "azuread:index/getApplication:getApplication"
_TAGS: Final = ("WindowsAzureActiveDirectoryCustomSingleSignOnApplication", "WindowsAzureActiveDirectoryIntegratedApp")


class EnterpriseApp(pulumi.ComponentResource):
    """An application made from the non-gallery template, and its service principal.

    Args:
        name: The component's name.
        display_name: The name shown under Enterprise applications.
        tenant_id: The Entra tenant; another one takes another application, and the old one is left where it is.
        protect: Refuse to delete the application and its service principal.
        adopted: It was made by hand: of the service principal nothing is changed.
        import_id: The id of an application that exists and is to be taken into the state, in azuread's form.
        notes: What the notes of a new service principal say; later changes are left alone.

    Attributes:
        application_id: The application (client) id.
        application_object_id: The object id of the application.
        service_principal_id: The object id of the service principal.
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
            # The engine goes by what the state says, so that it has to be there before the tenant changes: azuread is
            # configured for the new one then, and cannot delete the application in the old one.
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
            # azuread sends the whole list; without these two the portal would not list the application any more.
            tags=list(_TAGS),
            notes=notes,
            # Entra makes the creating application an owner, which Application.ReadWrite.OwnedBy rests on; azuread would
            # take every owner away that is not listed.
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
    """Ask azuread for the client id, which the application itself does not tell.

    Not by an output of pulumi's: one that fails, as when a run is interrupted, shows a traceback.
    """
    # The version that the resources ask for: another one would be another process.
    options = pulumi.InvokeOptions(parent=parent, version=metadata.version("pulumi-azuread"))

    async def ask() -> str:
        try:
            found = await pulumi.runtime.invoke_async(_GET_APPLICATION, {"objectId": object_id}, options)
        except Exception as error:  # noqa: BLE001 - pulumi has no kind of its own for it
            message = f"the client id of the application {object_id} cannot be read: {error}"
            raise pulumi.RunError(message) from None
        return str(found["clientId"])

    return pulumi.Output.from_input(ask())

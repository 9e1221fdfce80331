"""azuread:index/getApplicationTemplate:getApplicationTemplate, a template of the gallery.

Follows `internal/services/applications/application_template_data_source.go` of terraform-provider-azuread.
"""

from kzero_sandbox.azuread.documents import text, texts
from kzero_sandbox.azuread.errors import Refusal
from kzero_sandbox.azuread.graph import Document, Graph
from kzero_sandbox.azuread.properties import Values


async def get_application_template(graph: Graph, args: Values) -> Values:
    """Find a template by its id or its display name."""
    template = await _template(graph, args)
    return {
        "categories": texts(template, "categories"),
        "displayName": text(template, "displayName"),
        "homepageUrl": text(template, "homePageUrl"),
        "id": text(template, "id"),
        "logoUrl": text(template, "logoUrl"),
        "publisher": text(template, "publisher"),
        "supportedProvisioningTypes": texts(template, "supportedProvisioningTypes"),
        "supportedSingleSignOnModes": texts(template, "supportedSingleSignOnModes"),
        "templateId": text(template, "id"),
    }


async def _template(graph: Graph, args: Values) -> Document:
    if template_id := args.get("templateId"):
        template = await graph.find(f"/applicationTemplates/{template_id}")
        if template is None:
            message = f'Application Template with ID "{template_id}" was not found'
            raise Refusal(message)
        return template
    display_name = args.get("displayName")
    if not display_name:
        message = "getApplicationTemplate: one of displayName or templateId must be specified"
        raise Refusal(message)
    found = await graph.search("/applicationTemplates", equals={"displayName": display_name})
    if len(found) != 1:
        trouble = "Multiple application templates" if found else "No application template"
        message = f"{trouble} found matching displayName eq '{display_name}'"
        raise Refusal(message)
    return found[0]

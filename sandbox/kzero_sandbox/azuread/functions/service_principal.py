"""azuread:index/getServicePrincipal:getServicePrincipal.

Follows `internal/services/serviceprincipals/service_principal_data_source.go` of terraform-provider-azuread.
"""

from kzero_sandbox.azuread import documents
from kzero_sandbox.azuread.errors import Refusal
from kzero_sandbox.azuread.graph import Document, Graph
from kzero_sandbox.azuread.properties import Values


async def get_service_principal(graph: Graph, args: Values) -> Values:
    """Find a service principal by object id, display name or client id."""
    found = await _service_principal(graph, args)
    path = f"/servicePrincipals/{found['id']}"
    beta = await graph.get(path, version="beta", select="samlMetadataUrl")
    return documents.service_principal(found, beta) | {
        "id": path,
        "samlSingleSignOns": documents.relay_states(found),
    }


async def _service_principal(graph: Graph, args: Values) -> Document:
    if object_id := args.get("objectId"):
        by_id = await graph.find(f"/servicePrincipals/{object_id}")
        if by_id is None:
            message = f'Service principal with object ID "{object_id}" was not found in tenant {graph.tenant_id}'
            raise Refusal(message)
        return by_id
    for name, field in (("displayName", "displayName"), ("clientId", "appId")):
        value = args.get(name)
        if not value:
            continue
        found = await graph.search("/servicePrincipals", equals={field: value})
        if len(found) == 1:
            return found[0]
        trouble = "Multiple service principals found" if found else "No service principal found"
        message = f"{trouble} matching {field} eq '{value}' in tenant {graph.tenant_id}"
        raise Refusal(message)
    message = "getServicePrincipal: one of clientId, displayName or objectId must be specified"
    raise Refusal(message)

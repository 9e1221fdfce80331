"""azuread:index/getClientConfig:getClientConfig, the signed-in application and its tenant.

Follows `internal/services/serviceprincipals/client_config_data_source.go` of terraform-provider-azuread.
"""

from kzero_sandbox.azuread.graph import Graph
from kzero_sandbox.azuread.properties import Values


async def get_client_config(graph: Graph, args: Values) -> Values:  # noqa: ARG001 - every function has these parameters
    """Return the ids known from signing in, without a request to Graph."""
    return {
        "clientId": graph.client_id,
        "id": f"{graph.tenant_id}-{graph.client_id}-{graph.object_id}",
        "objectId": graph.object_id,
        "tenantId": graph.tenant_id,
    }

"""Asks a pipeline's own service for an id token that Entra takes in exchange. Synchronous: runs in a thread."""

from __future__ import annotations

import httpx

from kzero_scim.clients.retries import USER_AGENT, root_cause
from kzero_scim.clients.tls import ssl_context
from kzero_scim.errors import GraphError


def github_token(url: str, bearer: str, audience: str) -> str:
    """Get one from GitHub Actions.

    https://docs.github.com/actions/reference/security/oidc: add the audience, get ``{"value": token}``.

    Raises:
        GraphError: The service gave none.
    """
    target = httpx.URL(url).copy_merge_params({"audience": audience})
    return _id_token("GET", target, bearer, "value")


def devops_token(url: str, bearer: str, connection: str) -> str:
    """Get one from Azure DevOps for a service connection.

    https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create

    Raises:
        GraphError: The service gave none.
    """
    target = httpx.URL(url).copy_merge_params({"api-version": "7.1", "serviceConnectionId": connection})
    return _id_token("POST", target, bearer, "oidcToken")


def _id_token(method: str, url: httpx.URL, bearer: str, field: str) -> str:
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/json", "User-Agent": USER_AGENT}
    try:
        with httpx.Client(verify=ssl_context(), timeout=30.0, headers=headers) as client:
            response = client.request(method, url, json={} if method == "POST" else None)
        document = response.json() if response.is_success else {}
    except (httpx.HTTPError, ValueError) as error:
        message = f"the pipeline's id token service {url.host} gave no token: {root_cause(error)}"
        raise GraphError(message) from error
    token = document.get(field) if isinstance(document, dict) else None
    if not isinstance(token, str) or not token:
        message = (
            f"the pipeline's id token service {url.host} answered {response.status_code} without a token; "
            "allow the job to ask for id tokens (GitHub: permissions: id-token: write)"
        )
        raise GraphError(message, status=response.status_code)
    return token

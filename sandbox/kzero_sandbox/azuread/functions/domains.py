"""azuread:index/getDomains:getDomains, the domains of the tenant.

Follows `internal/services/domains/domains_data_source.go` of terraform-provider-azuread.
"""

import base64
import hashlib

from kzero_sandbox.azuread.documents import text, texts, truth
from kzero_sandbox.azuread.errors import Refusal
from kzero_sandbox.azuread.graph import Document, Graph
from kzero_sandbox.azuread.properties import Values

FILTERS = (
    ("adminManaged", "isAdminManaged"),
    ("onlyDefault", "isDefault"),
    ("onlyInitial", "isInitial"),
    ("onlyRoot", "isRoot"),
)


async def get_domains(graph: Graph, args: Values) -> Values:
    """List the domains and filter them here, because Graph supports no filter for domains."""
    domains = [each for each in await graph.search("/domains") if _wanted(each, args)]
    if not domains:
        message = f"Listing domains of tenant {graph.tenant_id}: no domains found for the provided filters"
        raise Refusal(message)
    names = "/".join(text(each, "id") for each in domains)
    # The official plugin's id is a digest, not a protection.
    digest = base64.urlsafe_b64encode(hashlib.sha1(names.encode(), usedforsecurity=False).digest()).decode()
    return {
        "adminManaged": bool(args.get("adminManaged")),
        "domains": [_domain(each) for each in domains],
        "id": f"domains#{graph.tenant_id}#{digest}",
        "includeUnverified": bool(args.get("includeUnverified")),
        "onlyDefault": bool(args.get("onlyDefault")),
        "onlyInitial": bool(args.get("onlyInitial")),
        "onlyRoot": bool(args.get("onlyRoot")),
        "supportsServices": args.get("supportsServices") or [],
    }


def _wanted(domain: Document, args: Values) -> bool:
    if any(args.get(name) and domain.get(field) is False for name, field in FILTERS):
        return False
    if not args.get("includeUnverified") and domain.get("isVerified") is False:
        return False
    needed = args.get("supportsServices") or []
    return "supportedServices" not in domain or set(needed) <= set(texts(domain, "supportedServices"))


def _domain(domain: Document) -> Values:
    return {
        "adminManaged": truth(domain, "isAdminManaged"),
        "authenticationType": text(domain, "authenticationType"),
        "default": truth(domain, "isDefault"),
        "domainName": text(domain, "id"),
        "initial": truth(domain, "isInitial"),
        "root": truth(domain, "isRoot"),
        "supportedServices": texts(domain, "supportedServices"),
        "verified": truth(domain, "isVerified"),
    }

"""azuread:index/getGroup:getGroup, a group with its members and owners.

Follows `internal/services/groups/group_data_source.go` of terraform-provider-azuread, which uses Graph beta.
"""

from kzero_sandbox.azuread.documents import ids, text, texts, truth
from kzero_sandbox.azuread.errors import Refusal
from kzero_sandbox.azuread.graph import Document, Graph
from kzero_sandbox.azuread.properties import Values

MICROSOFT_365 = "allowExternalSenders,autoSubscribeNewMembers,hideFromAddressLists,hideFromOutlookClients"
"""Properties that only Microsoft 365 groups have and that Graph only returns when they are selected."""


async def get_group(graph: Graph, args: Values) -> Values:
    """Find a group by display name, mail nickname or object id."""
    group = await _group(graph, args)
    path = f"/groups/{group['id']}"
    extra: Document = {}
    if "Unified" in texts(group, "groupTypes"):
        extra = await graph.find(path, version="beta", select=MICROSOFT_365) or {}
    transitive = bool(args.get("includeTransitiveMembers"))
    members = await graph.search(f"{path}/{'transitiveMembers' if transitive else 'members'}", version="beta")
    owners = await graph.search(f"{path}/owners", version="beta")
    writeback = group.get("writebackConfiguration")
    return {
        "assignableToRole": truth(group, "isAssignableToRole"),
        "autoSubscribeNewMembers": truth(extra, "autoSubscribeNewMembers"),
        "behaviors": texts(group, "resourceBehaviorOptions"),
        "description": text(group, "description"),
        "displayName": text(group, "displayName"),
        "dynamicMemberships": _dynamic_memberships(group),
        "externalSendersAllowed": truth(extra, "allowExternalSenders"),
        "hideFromAddressLists": truth(extra, "hideFromAddressLists"),
        "hideFromOutlookClients": truth(extra, "hideFromOutlookClients"),
        "id": path,
        "includeTransitiveMembers": transitive,
        "mail": text(group, "mail"),
        "mailEnabled": truth(group, "mailEnabled"),
        "mailNickname": text(group, "mailNickname"),
        "members": ids(members),
        "objectId": text(group, "id"),
        "onpremisesDomainName": text(group, "onPremisesDomainName"),
        "onpremisesGroupType": None if writeback is None else text(writeback, "onPremisesGroupType"),
        "onpremisesNetbiosName": text(group, "onPremisesNetBiosName"),
        "onpremisesSamAccountName": text(group, "onPremisesSamAccountName"),
        "onpremisesSecurityIdentifier": text(group, "onPremisesSecurityIdentifier"),
        "onpremisesSyncEnabled": truth(group, "onPremisesSyncEnabled"),
        "owners": ids(owners),
        "preferredLanguage": text(group, "preferredLanguage"),
        "provisioningOptions": texts(group, "resourceProvisioningOptions"),
        "proxyAddresses": texts(group, "proxyAddresses"),
        "securityEnabled": truth(group, "securityEnabled"),
        "theme": text(group, "theme"),
        "types": texts(group, "groupTypes"),
        "visibility": text(group, "visibility"),
        "writebackEnabled": None if writeback is None else truth(writeback, "isEnabled"),
    }


async def _group(graph: Graph, args: Values) -> Document:
    flags = {name: args[name] for name in ("mailEnabled", "securityEnabled") if args.get(name) is not None}
    for name in ("displayName", "mailNickname"):
        if not args.get(name):
            continue
        equals = {name: args[name], **flags}
        found = await graph.search("/groups", version="beta", equals=equals)
        if len(found) == 1:
            return found[0]
        count = "More than one" if found else "No"
        described = " and ".join(f"{key} eq {value!r}" for key, value in equals.items())
        message = f"{count} group found matching specified filter ({described}) in tenant {graph.tenant_id}"
        raise Refusal(message)
    object_id = args.get("objectId")
    if not object_id:
        message = "getGroup: one of displayName, objectId or mailNickname must be specified"
        raise Refusal(message)
    group = await graph.find(f"/groups/{object_id}", version="beta")
    if group is None:
        message = f'No group found with object ID: "{object_id}" in tenant {graph.tenant_id}'
        raise Refusal(message)
    for name, wanted in flags.items():
        if truth(group, name) != wanted:
            message = (
                f'Group with object ID "{object_id}" does not have the specified {name} setting '
                f"(expected: {wanted}, actual: {group.get(name)})"
            )
            raise Refusal(message)
    return group


def _dynamic_memberships(group: Document) -> list[Values]:
    if group.get("membershipRule") is None:
        return []
    return [{"enabled": group.get("membershipRuleProcessingState") != "Paused", "rule": text(group, "membershipRule")}]

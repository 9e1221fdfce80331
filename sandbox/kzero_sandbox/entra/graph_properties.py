"""The properties that Graph knows of each kind of object, so that it refuses others. Must not know the directory.

Lists properties of learn.microsoft.com/graph/api/resources that clients of provisioning use. The sandbox's own objects
add theirs. `$select` of a property that Graph has but this list lacks is therefore refused too.
"""

from collections.abc import Iterable, Mapping

_PERSON = (
    "accountEnabled ageGroup businessPhones city companyName consentProvidedForMinor country createdDateTime"
    " creationType department deletedDateTime displayName employeeHireDate employeeId employeeLeaveDateTime"
    " employeeOrgData employeeType externalUserState faxNumber givenName id identities imAddresses jobTitle"
    " lastPasswordChangeDateTime mail mailNickname mobilePhone officeLocation onPremisesDistinguishedName"
    " onPremisesDomainName onPremisesExtensionAttributes onPremisesImmutableId onPremisesSamAccountName"
    " onPremisesSecurityIdentifier onPremisesSyncEnabled onPremisesUserPrincipalName otherMails postalCode"
    " preferredDataLocation preferredLanguage proxyAddresses securityIdentifier showInAddressList state"
    " streetAddress surname usageLocation userPrincipalName userType"
)
_GROUP = (
    "createdDateTime deletedDateTime description displayName groupTypes id isAssignableToRole mail mailEnabled"
    " mailNickname membershipRule onPremisesSyncEnabled securityEnabled securityIdentifier visibility"
)
_PRINCIPAL = (
    "accountEnabled alternativeNames appDescription appDisplayName appId appOwnerOrganizationId"
    " appRoleAssignmentRequired appRoles applicationTemplateId deletedDateTime description displayName homepage id"
    " info keyCredentials loginUrl logoutUrl notes notificationEmailAddresses oauth2PermissionScopes"
    " passwordCredentials preferredSingleSignOnMode replyUrls samlMetadataUrl samlSingleSignOnSettings"
    " servicePrincipalNames servicePrincipalType signInAudience tags tokenEncryptionKeyId verifiedPublisher"
)
_APPLICATION = (
    "api appId appRoles applicationTemplateId createdDateTime deletedDateTime description displayName"
    " groupMembershipClaims id identifierUris info isFallbackPublicClient keyCredentials notes optionalClaims"
    " passwordCredentials publicClient publisherDomain requiredResourceAccess serviceManagementReference"
    " signInAudience spa tags tokenEncryptionKeyId uniqueName verifiedPublisher web"
)
_OF_KIND: Mapping[str, frozenset[str]] = {
    "users": frozenset(_PERSON.split()),
    "groups": frozenset(_GROUP.split()),
    "servicePrincipals": frozenset(_PRINCIPAL.split()),
    "applications": frozenset(_APPLICATION.split()),
    # Objects of different kinds: Graph accepts the properties of each.
    "directoryObjects": frozenset(f"{_PERSON} {_GROUP} {_PRINCIPAL} {_APPLICATION}".split()),
}


def known(kind: str, items: Iterable[Mapping[str, object]]) -> frozenset[str] | None:
    """Return the names of all properties of a kind of object; None if they are not known.

    Args:
        kind: The entity of `@odata.context`, for instance `users`.
        items: Objects of that kind, whose own properties count too.
    """
    own = frozenset(name for item in items for name in item if not name.startswith("@"))
    listed = _OF_KIND.get(kind.partition("/")[0], frozenset())
    return own | listed | {"id"} if own or listed else None

"""The enterprise application of the guide's step 3: its template, and the properties that operators own. Pure data."""

from __future__ import annotations

from typing import Final

NON_GALLERY_TEMPLATE: Final = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
"""The application template behind "Integrate any other application you don't find in the gallery"; see
https://learn.microsoft.com/graph/api/applicationtemplate-instantiate."""

LEFT_ALONE: Final = (
    "accountEnabled",
    "alternativeNames",
    "appRoleAssignmentRequired",
    "description",
    "featureTags",
    "features",
    "loginUrl",
    "notes",
    "notificationEmailAddresses",
    "owners",
    "preferredSingleSignOnMode",
    "samlSingleSignOn",
    "tags",
    "useExisting",
)
"""Properties that operators may have set on a service principal by hand. azuread would overwrite each of them."""

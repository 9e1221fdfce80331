"""What a refused connection test usually means. Pure: Entra's own words in, a cause and a remedy out.

Entra answers ``CredentialValidationUnavailable`` or ``...InvalidCredentials`` for nearly everything; what happened
stands in the inner message (``Unauthorized (401)``). See
https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-config-problem.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from kzero_scim.errors import GraphError

_OWN_REFUSALS: Final = frozenset({"Authorization_RequestDenied", "InvalidAuthenticationToken", "UnknownError"})
"""Codes by which Graph refuses the request itself."""


@dataclass(frozen=True)
class Meaning:
    """What is usually wrong, and whether it may go by itself.

    Attributes:
        text: The cause and the remedy.
        may_pass: True if it may only be that Entra still uses credentials that were just replaced.
    """

    text: str
    may_pass: bool = False


_MEANINGS: tuple[tuple[re.Pattern[str], Meaning], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (
            r"\b401\b|unauthori[sz]ed|InvalidCredentials",
            Meaning(
                "KZero does not accept the token: compare the Azure Tenant ID and the profile (Azure) on KZero's page "
                "Integrations > SCIM with this Entra tenant, and the secret token if one is set; with the profile "
                "Generic, whether the token has ended, and the client's audience",
                may_pass=True,
            ),
        ),
        (
            r"\b403\b|forbidden",
            Meaning(
                "KZero knows the caller but refuses it: compare the Azure Tenant ID and the profile on KZero's page "
                "Integrations > SCIM; with the profile Generic, the roles of the client's service account",
                may_pass=True,
            ),
        ),
        (
            r"\b404\b|not\s?found",
            Meaning(
                "there is no SCIM endpoint at the Tenant URL: it is not enabled in KZero (Integrations > SCIM), or the "
                "tenant's name in the URL differs in upper and lower case"
            ),
        ),
        (
            r"certificate|SSL|TLS|trust relationship|secure channel",
            Meaning(
                "Entra does not trust the endpoint's certificate: it must be valid, complete with its chain, from a "
                "public authority and for the host of the Tenant URL"
            ),
        ),
        (
            r"timed?[ -]?out|timeout",
            Meaning("the endpoint does not answer in time: it must be reachable from the internet on port 443"),
        ),
        (
            r"could not be resolved|no such host|not known|unable to connect|connection (refused|failed)|unreachable",
            Meaning("Entra cannot reach the host of the Tenant URL: check its spelling, DNS and the firewall"),
        ),
        (
            r"\b5\d\d\b|internal server error|bad gateway|service unavailable",
            Meaning("KZero's endpoint failed by itself; its log says why", may_pass=True),
        ),
        (
            r"\b30[1278]\b|redirect",
            Meaning("the Tenant URL leads elsewhere; it must be https://<host>/realms/<TENANT>/scim/v2"),
        ),
        (
            r"parse|unexpected character|html|not a valid (scim|json)|deseriali[sz]",
            Meaning("something that is no SCIM endpoint answers at the Tenant URL; compare it with KZero's page"),
        ),
        (
            r"BaseAddress|base address|CredentialsMissing|missing credential",
            Meaning("no usable Tenant URL is saved for this application; set the credentials first", may_pass=True),
        ),
    )
)

_OTHERWISE = Meaning(
    "compare the Tenant URL, letter by letter, and the Azure Tenant ID on KZero's page Integrations > SCIM",
    may_pass=True,
)


def meaning(message: str) -> Meaning:
    """Tell what a refusal usually means.

    Args:
        message: Entra's code and messages, the inner ones included.
    """
    return next((found for pattern, found in _MEANINGS if pattern.search(message)), _OTHERWISE)


def is_about_the_request(error: GraphError) -> bool:
    """Tell whether Graph refused the request for a test, so that nothing was tested, rather than the test failed."""
    return error.code in _OWN_REFUSALS or error.status in {None, 401, 403, 404, 429}

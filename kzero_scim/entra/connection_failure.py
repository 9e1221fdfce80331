"""Explains a refused connection test: Entra's message in, cause and remedy out. Pure: sends no request.

Entra answers ``CredentialValidationUnavailable`` or ``...InvalidCredentials`` for nearly everything. The inner message
contains the cause (``Unauthorized (401)``). See
https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-config-problem.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from kzero_scim.errors import GraphError

_OWN_REFUSALS: Final = frozenset({"Authorization_RequestDenied", "InvalidAuthenticationToken", "UnknownError"})
"""Codes with which Graph refuses the request itself."""


@dataclass(frozen=True)
class Meaning:
    """The usual cause of a refusal, and whether the refusal may be temporary.

    Attributes:
        text: The cause and the remedy.
        may_pass: True if Entra may still be using credentials that were just replaced.
    """

    text: str
    may_pass: bool = False


_MEANINGS: tuple[tuple[re.Pattern[str], Meaning], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (
            r"\b401\b|unauthori[sz]ed|InvalidCredentials",
            Meaning(
                "KZero does not accept the token. In KZero's Integrations > SCIM, check that the profile is Azure and "
                "the Azure Tenant ID is this Entra tenant's; check the secret token if one is set. With the profile "
                "Generic, check that the token has not expired and has the right audience",
                may_pass=True,
            ),
        ),
        (
            r"\b403\b|forbidden",
            Meaning(
                "KZero recognizes the caller but refuses it. In KZero's Integrations > SCIM, check the Azure Tenant ID "
                "and the profile; with the profile Generic, check the roles of the client's service account",
                may_pass=True,
            ),
        ),
        (
            r"\b404\b|not\s?found",
            Meaning(
                "no SCIM endpoint answers at the Tenant URL. Enable it in KZero (Integrations > SCIM), and check the "
                "case of the tenant's name in the URL"
            ),
        ),
        (
            r"certificate|SSL|TLS|trust relationship|secure channel",
            Meaning(
                "Entra does not trust the endpoint's certificate. Use a valid one from a public authority for the host "
                "of the Tenant URL, with its complete chain"
            ),
        ),
        (
            r"timed?[ -]?out|timeout",
            Meaning("the endpoint does not answer in time; make it reachable from the internet on port 443"),
        ),
        (
            r"could not be resolved|no such host|not known|unable to connect|connection (refused|failed)|unreachable",
            Meaning("Entra cannot reach the host of the Tenant URL; check its spelling, DNS and the firewall"),
        ),
        (
            r"\b5\d\d\b|internal server error|bad gateway|service unavailable",
            Meaning("KZero's endpoint failed; look for the cause in its log", may_pass=True),
        ),
        (
            r"\b30[1278]\b|redirect",
            Meaning("the Tenant URL redirects; set it to https://<host>/realms/<TENANT>/scim/v2"),
        ),
        (
            r"parse|unexpected character|html|not a valid (scim|json)|deseriali[sz]",
            Meaning("the Tenant URL is not the address of a SCIM endpoint; compare it with KZero's page"),
        ),
        (
            r"BaseAddress|base address|CredentialsMissing|missing credential",
            Meaning("this application has no usable Tenant URL yet; set the credentials first", may_pass=True),
        ),
    )
)

_OTHERWISE = Meaning(
    "compare the Tenant URL and the Azure Tenant ID, letter by letter, with KZero's page Integrations > SCIM",
    may_pass=True,
)


def meaning(message: str) -> Meaning:
    """Return the usual meaning of a refusal.

    Args:
        message: Entra's code and messages, including the inner ones.
    """
    return next((found for pattern, found in _MEANINGS if pattern.search(message)), _OTHERWISE)


def is_about_the_request(error: GraphError) -> bool:
    """Return whether Graph refused or failed the request for the test, so that the connection's state is unknown.

    Graph reports a test that did not pass with a code of its own, such as ``CredentialValidationUnavailable``. A server
    error has another code, and a proxy's answer has none.
    """
    if error.code in _OWN_REFUSALS or not error.code or error.status in {None, 401, 403, 404, 408, 425, 429}:
        return True
    return error.status >= 500 and "credential" not in error.code.casefold()  # noqa: PLR2004 - the server's errors

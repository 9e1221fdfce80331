"""Decides when to replace a bearer token of Keycloak, and explains tokens that expire too early. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

WEEK: Final = 7 * 24 * 3600
"""Seconds."""
BETWEEN_CYCLES: Final = 40 * 60
"""Seconds between two of Entra's provisioning cycles."""


def is_due(expires_at: datetime, lifespan: int, renew_before: int, now: datetime) -> bool:
    """Return whether to replace a token: some time before it expires, or in the second half of a shorter life.

    Args:
        expires_at: When the token expires.
        lifespan: Seconds from issue to expiry; 0 if unknown.
        renew_before: Seconds before the expiry.
        now: The time.
    """
    margin = min(renew_before, lifespan // 2) if lifespan > 0 else renew_before
    return now >= expires_at - timedelta(seconds=margin)


def too_short(lifespan: int | None) -> bool:
    """Return whether a token expires before Entra's next cycle starts."""
    return lifespan is not None and lifespan <= BETWEEN_CYCLES


def refusal(client_id: str, lifespan: int | None) -> str:
    """Return the error for a token that expires too early for Entra, with the remedy."""
    return (
        f'tokens of client "{client_id}" expire after {in_words(lifespan or 0)}, but Entra has a cycle every 40 '
        f"minutes, so provisioning would soon be in quarantine. {_remedy(client_id)}"
    )


def warning(client_id: str, lifespan: int) -> str:
    """Return the warning for a token that needs frequent replacement, with the remedy."""
    return (
        f'tokens of client "{client_id}" expire after {in_words(lifespan)}. Run `pulumi up` again between '
        f"{in_words(lifespan // 2)} and {in_words(lifespan)} from now, and so on, or provisioning stops. "
        f"{_remedy(client_id)}"
    )


def _remedy(client_id: str) -> str:
    """Return where to set a token's lifespan.

    A token expires after the client's Access Token Lifespan or the realm's SSO Session Max, whichever comes first
    (measured with Keycloak 26.7.3; the defaults are five minutes and ten hours).
    """
    return (
        f"In Keycloak, raise Clients > {client_id} > Advanced > Access Token Lifespan, for example to 30 days "
        "(remoteTokenLifespan does this with activationPreset keycloak), and Realm settings > Sessions > SSO Session "
        "Max, its upper limit (10 h by default); or set remoteTokenMethod to oauth2"
    )


def in_words(seconds: int) -> str:
    """Return a duration in words, such as ``300 s``, ``10 h`` or ``30 days``."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds} s"

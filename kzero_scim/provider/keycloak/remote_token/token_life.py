"""How long a bearer token of Keycloak lasts, when it is replaced, and what to do where it is too short. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

WEEK: Final = 7 * 24 * 3600
"""Seconds."""
BETWEEN_CYCLES: Final = 40 * 60
"""Seconds between two of Entra's provisioning cycles."""


def is_due(expires_at: datetime, lifespan: int, renew_before: int, now: datetime) -> bool:
    """Tell whether a token is to be replaced: so long before its end, or in the second half of a shorter life.

    Args:
        expires_at: Its end.
        lifespan: Seconds from issue to end; 0 if that is not known.
        renew_before: Seconds before the end.
        now: The time.
    """
    margin = min(renew_before, lifespan // 2) if lifespan > 0 else renew_before
    return now >= expires_at - timedelta(seconds=margin)


def too_short(lifespan: int | None) -> bool:
    """Tell whether a token ends before Entra's next cycle has begun."""
    return lifespan is not None and lifespan <= BETWEEN_CYCLES


def refusal(client_id: str, lifespan: int | None) -> str:
    """Say that a token is too short-lived for Entra, and what to do."""
    return (
        f'the tokens of client "{client_id}" live {in_words(lifespan or 0)}, and Entra has a cycle every 40 minutes: '
        f"provisioning would be in quarantine at once; {_remedy(client_id)}"
    )


def warning(client_id: str, lifespan: int) -> str:
    """Say how often a token has to be replaced, and what to do to have that less often."""
    return (
        f'the tokens of client "{client_id}" live {in_words(lifespan)}: `pulumi up` has to run again between '
        f"{in_words(lifespan // 2)} and {in_words(lifespan)} from now, and so on, or provisioning stops; "
        f"{_remedy(client_id)}"
    )


def _remedy(client_id: str) -> str:
    """Say where a token's life is set.

    Keycloak ends a token at the client's Access Token Lifespan or at the realm's SSO Session Max, whichever is sooner
    (tried with 26.7.3; five minutes and ten hours by default).
    """
    return (
        f"raise Clients > {client_id} > Advanced > Access Token Lifespan (to 30 days, for example; remoteTokenLifespan "
        "does it with activationPreset keycloak) and Realm settings > Sessions > SSO Session Max, which caps it (10 h "
        "by default), or set remoteTokenMethod to oauth2"
    )


def in_words(seconds: int) -> str:
    """Spell a duration: ``300 s``, ``10 h``, ``30 days``."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds} s"

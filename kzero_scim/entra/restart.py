"""Decides when a provisioning job restarts and how much it forgets, and words the decision. Pure: sends no request.

Reset scopes: https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationjobrestartcriteria
Quarantine: https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status

``Full`` is never used. It includes ``ForceDeletes``, which carries out deletions that the accidental-deletion threshold
holds back, and ``ConnectorDataStore``, which Microsoft advises against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kzero_scim.resource.model import UNKNOWN

MAPPINGS: Final = "mappings"
"""Trigger: fingerprint of the attribute mappings, custom attributes and switches."""
CREDENTIALS: Final = "credentials"
"""Trigger: fingerprint of Tenant URL, secret token and scope together."""
TENANT_URL: Final = "tenantUrl"
"""Trigger: the Tenant URL. Together with ``credentials`` it shows which of the three changed."""
SCOPE: Final = "scope"
"""Trigger: the scope. Together with ``credentials`` it shows which of the three changed."""

INITIAL_CYCLE: Final = "Watermark, Escrows, QuarantineState"
"""Like the portal's Restart provisioning: Entra reads and compares all users again, and stays linked to KZero users."""
LIFT_QUARANTINE: Final = "QuarantineState"
"""Continue immediately. Escrows (the users that failed) stay, because Entra retries only those that it still holds."""

BY_PERSON: Final = "TooManyDeletes"
"""The quarantine that only a person ends, by allowing or rejecting deletions."""
BY_CONNECTION: Final = "EncounteredQuarantineException"
"""The quarantine that a working connection ends."""

_NAMES: Final = {MAPPINGS: "the attribute mappings", TENANT_URL: "the Tenant URL", SCOPE: "the scope"}
_TOKEN: Final = "the secret token"  # noqa: S105 - a noun


@dataclass(frozen=True, kw_only=True)
class Restart:
    """What an update does with the job's progress.

    Attributes:
        reset_scope: What Graph's ``restart`` discards; None for no restart.
        sentence: What will happen and why, for the preview; ``""`` if nothing happens.
        tests_connection: Whether the connection must pass a test first.
        waits: Whether a restart is due but has to wait for a person.
    """

    reset_scope: str | None = None
    sentence: str = ""
    tests_connection: bool = False
    waits: bool = False


def decide(old: Mapping[str, str], new: Mapping[str, str], quarantine: str | None) -> Restart:
    """Return what to do, given the changed triggers and the reason of a quarantine.

    Args:
        old: The triggers at the last restart, by the names above or a program's own names.
        new: The triggers now. UNKNOWN, in a preview, counts as changed.
        quarantine: Graph's reason for the quarantine, or None.
    """
    causes, token_only = _causes(old, new)
    # After an import no triggers are known, so Entra may have provisioned with other mappings and credentials.
    changed = f"{_listed(causes)} changed" if old else "the job was imported"
    if quarantine == BY_PERSON:
        if not causes:
            return Restart()
        sentence = (
            f"{changed}, but provisioning is in quarantine ({BY_PERSON}) and does not restart; allow or reject the "
            "deletions in the portal, then run `pulumi up` again"
        )
        return Restart(sentence=sentence, waits=True)
    tests = quarantine == BY_CONNECTION
    first = "after a connection test, " if tests else ""
    if causes and not token_only:
        sentence = (
            f"{first}provisioning restarts with an initial cycle: {changed}, so Entra reads and compares every "
            "user again"
        )
        return Restart(reset_scope=INITIAL_CYCLE, sentence=sentence, tests_connection=tests)
    if quarantine is not None and (causes or tests):
        because = f"{changed} and " if causes else ""
        sentence = f"{because}provisioning is in quarantine ({quarantine}): {first}it continues where it stopped"
        return Restart(reset_scope=LIFT_QUARANTINE, sentence=sentence, tests_connection=tests)
    if causes:
        return Restart(sentence=f"{changed}: provisioning does not restart, its next cycle uses the new one")
    return Restart()


def _causes(old: Mapping[str, str], new: Mapping[str, Any]) -> tuple[list[str], bool]:
    """Return the causes in words, and whether the secret token is the only one."""
    if new is UNKNOWN:
        return ["an input of provisioning"], False
    names = [name for name in (*new, *(name for name in old if name not in new)) if _differs(old, new, name)]
    causes = [_NAMES.get(name, name) for name in names if name not in {CREDENTIALS, TENANT_URL, SCOPE}]
    if CREDENTIALS in new and CREDENTIALS not in names:
        return causes, False  # Tenant URL and scope only explain changed credentials
    parts = [_NAMES[name] for name in (TENANT_URL, SCOPE) if name in names]
    if CREDENTIALS not in names or parts:
        return causes + parts, False
    if TENANT_URL in old and SCOPE in old:
        return [*causes, _TOKEN], not causes
    return [*causes, "the credentials"], False


def _differs(old: Mapping[str, str], new: Mapping[str, Any], name: str) -> bool:
    value = new.get(name)
    return value is UNKNOWN or old.get(name) != value


def _listed(causes: list[str]) -> str:
    return " and ".join(part for part in (", ".join(causes[:-1]), *causes[-1:]) if part)

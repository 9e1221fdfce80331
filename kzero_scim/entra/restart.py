"""When a provisioning job is restarted, how much it forgets then, and the words for that. Pure: asks no service.

The reset scopes are those of
https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationjobrestartcriteria; what leads into
quarantine is told in https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status.
``Full`` is never used: it includes ``ForceDeletes``, which carries out deletions that the accidental-deletion threshold
holds back, and ``ConnectorDataStore``, which Microsoft asks not to use.
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
"""Trigger: the Tenant URL; beside ``credentials`` it tells what of the three has changed."""
SCOPE: Final = "scope"
"""Trigger: who is in scope; beside ``credentials`` likewise."""

INITIAL_CYCLE: Final = "Watermark, Escrows, QuarantineState"
"""As the portal's Restart provisioning: every user is read and compared again; links to users in KZero are kept."""
LIFT_QUARANTINE: Final = "QuarantineState"
"""Go on at once. Escrows stay: they are the users that failed, and Entra tries again only those that it still holds."""

BY_PERSON: Final = "TooManyDeletes"
"""The quarantine that is never left by itself: somebody has to allow or reject deletions."""
BY_CONNECTION: Final = "EncounteredQuarantineException"
"""The quarantine that a working connection ends."""

_NAMES: Final = {MAPPINGS: "the attribute mappings", TENANT_URL: "the Tenant URL", SCOPE: "the scope"}
_TOKEN: Final = "the secret token"  # noqa: S105 - a noun


@dataclass(frozen=True, kw_only=True)
class Restart:
    """What an update does about the job's progress.

    Attributes:
        reset_scope: What Graph's ``restart`` is told to forget; None for no restart.
        sentence: What will happen and why, for the preview; ``""`` if there is nothing to say.
        tests_connection: Whether the connection has to pass a test first.
        waits: Whether something has changed whose restart has to wait for a person.
    """

    reset_scope: str | None = None
    sentence: str = ""
    tests_connection: bool = False
    waits: bool = False


def decide(old: Mapping[str, str], new: Mapping[str, str], quarantine: str | None) -> Restart:
    """Decide by what has changed and why the job is in quarantine.

    Args:
        old: The triggers at the last restart, by the names above or names of a program's own.
        new: The triggers now; a value may be UNKNOWN in a preview, which counts as changed.
        quarantine: Graph's reason, None if the job is in none.
    """
    causes, token_only = _causes(old, new)
    # An import finds no triggers: whether Entra has provisioned by these mappings and credentials is not known.
    changed = f"{_listed(causes)} changed" if old else "it was set up elsewhere"
    if quarantine == BY_PERSON:
        if not causes:
            return Restart()
        sentence = (
            f"{changed}, but provisioning is in quarantine ({BY_PERSON}) and is not restarted before somebody "
            "has allowed or rejected the deletions in the portal; run it again then"
        )
        return Restart(sentence=sentence, waits=True)
    tests = quarantine == BY_CONNECTION
    first = "the connection is tested, then " if tests else ""
    if causes and not token_only:
        sentence = (
            f"{first}provisioning restarts with an initial cycle: {changed}, so Entra reads and compares every "
            "user again"
        )
        return Restart(reset_scope=INITIAL_CYCLE, sentence=sentence, tests_connection=tests)
    if quarantine is not None and (causes or tests):
        because = f"{changed} and " if causes else ""
        sentence = f"{because}provisioning is in quarantine ({quarantine}): {first}it goes on where it stopped"
        return Restart(reset_scope=LIFT_QUARANTINE, sentence=sentence, tests_connection=tests)
    if causes:
        return Restart(sentence=f"{changed}: provisioning is not restarted, its next cycle uses it")
    return Restart()


def _causes(old: Mapping[str, str], new: Mapping[str, Any]) -> tuple[list[str], bool]:
    """Name what has changed, and tell whether that is the secret token alone."""
    if new is UNKNOWN:
        return ["something that provisioning depends on"], False
    names = [name for name in (*new, *(name for name in old if name not in new)) if _differs(old, new, name)]
    causes = [_NAMES.get(name, name) for name in names if name not in {CREDENTIALS, TENANT_URL, SCOPE}]
    if CREDENTIALS in new and CREDENTIALS not in names:
        return causes, False  # Tenant URL and scope only say what of the credentials has changed
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

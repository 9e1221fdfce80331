"""Defines a case: an attack on one tenant, the commands that meet it, and the expected result. Knows no attack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hostile.between import Rule
from hostile.fleet import HOSTILE, Fleet
from kzero_scim.exit_codes import ExitCode

FAILED: Final = int(ExitCode.FAILED)
_ACTION: Final = int(ExitCode.ACTION_NEEDED)
_PULUMI_FAILED: Final = (FAILED, 255)
"""Depends on how far the engine came."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command of an operator.

    Attributes:
        name: Its name in the table.
        words: Its words, for the hostile tenant or for all tenants.
        failed: Its documented exit codes if a tenant, or a side of it, cannot be asked.
        run: The name of the fleet run's document; empty for a command of one tenant or without a document.
        is_fleet: Whether it handles all tenants.
    """

    name: str
    words: tuple[str, ...]
    failed: tuple[int, ...] = (FAILED,)
    run: str = ""
    is_fleet: bool = False


PREVIEW: Final = Command(name="preview", words=("pulumi", "preview"), failed=_PULUMI_FAILED)
UP: Final = Command(name="up", words=("pulumi", "up", "--yes", "--skip-preview"), failed=_PULUMI_FAILED)
CHECK: Final = Command(name="check", words=("kzero-scim", "check", HOSTILE), failed=(FAILED, _ACTION))
STATUS: Final = Command(name="status", words=("kzero-scim", "status", HOSTILE))
DRIFT: Final = Command(name="drift", words=("kzero-scim", "drift", HOSTILE))
DOCTOR: Final = Command(name="doctor", words=("kzero-scim", "doctor", HOSTILE), failed=(FAILED, _ACTION))
ADOPT: Final = Command(name="adopt", words=("kzero-scim", "adopt", "adopted", "--dry-run"))
_REPORTS: Final = ("--comment", "comment.md", "--junit", "junit.xml")
FLEET_PREVIEW: Final = Command(
    name="fleet preview",
    words=("kzero-scim", "fleet", "preview", "--refresh", *_REPORTS),
    run="preview",
    is_fleet=True,
)
FLEET_UP: Final = Command(
    name="fleet up", words=("kzero-scim", "fleet", "up", "--yes", *_REPORTS), run="up", is_fleet=True
)
FLEET_DRIFT: Final = Command(
    name="fleet drift", words=("kzero-scim", "fleet", "drift", *_REPORTS), run="drift", is_fleet=True
)
FLEET_STATUS: Final = Command(
    name="fleet status",
    words=("kzero-scim", "fleet", "status", "--checklist", *_REPORTS),
    run="status",
    is_fleet=True,
)
FLEET_LIST: Final = Command(
    name="fleet list", words=("kzero-scim", "fleet", "list", "--credentials"), failed=(0, _ACTION), is_fleet=True
)
FLEET_MATRIX: Final = Command(name="fleet matrix", words=("kzero-scim", "fleet", "matrix"), failed=(0,), is_fleet=True)

ONE_TENANT: Final = (PREVIEW, UP, CHECK, STATUS, DRIFT, DOCTOR, ADOPT)
RUNS: Final = (FLEET_PREVIEW, FLEET_UP, FLEET_DRIFT, FLEET_STATUS)
READS: Final = (CHECK, STATUS, DRIFT, DOCTOR, ADOPT, FLEET_DRIFT, FLEET_STATUS, FLEET_PREVIEW)
"""Commands that read a tenant that is set up, and change nothing."""
SWEEP: Final = (FLEET_DRIFT,)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A case.

    Attributes:
        key: Its name, to select and list it.
        what: The attack, as text.
        commands: The commands that meet it, one after the other.
        settings: What the hostile tenant's stack file sets; None removes. :meth:`Fleet.filled` fills in addresses.
        variables: Variables of the hostile tenant: in its credential file, and in the environment of its own commands.
        env: Variables of the run.
        rules: How the tenant's services attack.
        arrange: Further preparation.
        codes: Exit codes by a command's name, where they differ from the command's own.
        says: Texts that each command prints that reads the tenant.
        outcome: The hostile tenant's outcome in a fleet run.
        secrets: Further values that must not be found.
        more_megabytes: What the attack may cost in memory, beyond the same command without an attack.
        limit: Seconds after which a fleet command stops a tenant.
        is_met: Whether the services must have been asked in a way that a rule answers.
    """

    key: str
    what: str
    commands: tuple[Command, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    arrange: Callable[[Fleet], None] | None = None
    codes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ("failed",)
    secrets: tuple[str, ...] = ()
    more_megabytes: int = 300
    limit: int = 60
    is_met: bool = True

    def words(self, command: Command) -> tuple[str, ...]:
        """Return the words of one of the case's commands."""
        return (*command.words, "--timeout", str(self.limit)) if command.run else command.words

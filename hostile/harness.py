"""Runs cases against one fleet, which is restored after each command."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hostile.addresses import addresses
from hostile.cases import Case, Command
from hostile.files import files
from hostile.fleet import HOSTILE, Fleet
from hostile.names import names
from hostile.processes import processes
from hostile.services import services
from hostile.verdict import TOO_SLOW, Result, Usual, judge_run, slowest

SLACK: Final = 1.5
"""Seconds that the other three tenants may take longer than twice their usual time."""


def all_cases() -> list[Case]:
    """Return all cases, by section."""
    return [*addresses(), *services(), *names(), *processes(), *files()]


@dataclass
class Harness:
    """Runs cases.

    Attributes:
        fleet: The fleet.
        slack: Seconds that the other three tenants may take longer than twice their usual time.
    """

    fleet: Fleet
    slack: float = SLACK
    _usual: dict[str, Usual] = field(default_factory=dict)

    def run(self, case: Case, only: Sequence[Command] = ()) -> Result:
        """Run one case and return its result. An exception in the case is a problem in the result.

        If only the time of the other three is wrong, other work of the machine may be the reason. Then both the usual
        time and the case are measured once more.

        Args:
            case: The case.
            only: Which of its commands to run; all by default.
        """
        if only:
            case = replace(case, commands=tuple(command for command in case.commands if command in only))
        result = self._once(case)
        if result.problems and all(TOO_SLOW in problem for problem in result.problems):
            self._usual.clear()
            result = self._once(case)
        return result

    def _once(self, case: Case) -> Result:
        problems: list[str] = []
        said, seconds, usual, megabytes = "", None, None, 0.0
        try:
            self._needs(case.commands)
            for command in case.commands:
                self._prepare(case, command)
                env = {**case.env} if command.is_fleet else {**case.env, **case.variables}
                ran = self.fleet.run(case.words(command), env, is_fleet=command.is_fleet)
                known = self._usual.get(command.name)
                problems += judge_run(case, command, ran, self.fleet, usual=known, slack=self.slack)
                said = self.fleet.general(_said(command, ran.text, self.fleet)) or said
                megabytes = max(megabytes, ran.megabytes)
                if known is not None:
                    now = slowest(self.fleet.document(command.run))
                    if seconds is None or usual is None or now - known.seconds > seconds - usual:
                        seconds, usual = now, known.seconds
                met = self.fleet.between.met
                if case.rules and case.is_met and not met:
                    problems.append(f"{command.name} asked nothing that is attacked: {ran.text}")
                self.fleet.restore()
        except Exception as error:  # noqa: BLE001 - the other cases must run
            problems.append(f"the case itself failed: {error!r}; {traceback.format_exc(limit=-3)}")
            self.fleet.restore()
        return Result(case=case, said=said, seconds=seconds, usual=usual, megabytes=megabytes, problems=tuple(problems))

    def _needs(self, commands: Sequence[Command]) -> None:
        """Measure commands without an attack, once each."""
        for command in commands:
            if command.run and command.name not in self._usual:
                ran = self.fleet.run(command.words, {}, is_fleet=True)
                results = self.fleet.document(command.run)
                if ran.code or any(result["outcome"] != "unchanged" for result in results.values()):
                    message = f"{command.name} failed without an attack: {ran.text}"
                    raise RuntimeError(message)
                self._usual[command.name] = Usual(seconds=slowest(results), megabytes=ran.megabytes)
                self.fleet.restore()

    def _prepare(self, case: Case, command: Command) -> None:
        fleet = self.fleet
        fleet.between.start_case(case.rules)
        fleet.configure(case.settings)
        if case.variables:
            fleet.sign_in_with(case.variables)
        if case.arrange is not None:
            case.arrange(fleet)
        if command.name == "adopt":
            shutil.copy(fleet.stack_file, fleet.folder / "stacks" / "Pulumi.adopted.yaml")


def _said(command: Command, text: str, fleet: Fleet) -> str:
    """Return what the hostile tenant came to."""
    found = fleet.document(command.run).get(HOSTILE, {}) if command.run else {}
    if found:
        return str(found["error"] or found["outcome"])
    lines = [line.strip().partition("error: ")[2] for line in text.splitlines() if "error: " in line]
    return next((line for line in lines if line and "update failed" not in line), "")

"""Collects a new tenant's settings from questions or options and checks each answer against the settings model.

Pure except for the last step, which writes the stack file. Never asks for secrets, because it writes clear text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_origin

from kzero_scim.display import plain
from kzero_scim.errors import SettingsError
from kzero_scim.settings.allowed_hosts import export_line
from kzero_scim.settings.problems import join_problems
from kzero_scim.settings.tenant_settings import FIELDS, NAMESPACE, SECRET_KEYS, TenantSettings, full_key
from kzero_scim.stack import stack_file
from kzero_scim.stack.host_rule import FLEET_FILE, allow, unallowed_hosts
from kzero_scim.stack.stack import require_project

ENTRA_TENANT: Final = "azuread:tenantId"
_NEXT: Final = "Written by `kzero-scim tenant add`. docs/settings.md describes every setting."
_WITHOUT_ANSWERS: Final = {
    ENTRA_TENANT: "00000000-0000-0000-0000-00000000000f",
    f"{NAMESPACE}:kzeroTenant": "x",
    # No user needs to be listed while it is not known who will be.
    f"{NAMESPACE}:scope": "all",
}
"""A valid configuration, to check one answer at a time against the model."""

Ask = Callable[[str, str], str]
"""Asks the operator a question with a default (``""`` for none) and returns the answer."""
Tell = Callable[[str], None]
"""Prints a line for the operator."""


@dataclass(frozen=True)
class Question:
    """One question of the interview. The setting's definition provides its words.

    Attributes:
        key: The setting's key in the settings model.
    """

    key: str

    @property
    def full_key(self) -> str:
        """The setting's key in a stack file."""
        return full_key(self.key)

    @property
    def is_required(self) -> bool:
        """Whether an empty answer is refused."""
        return FIELDS[self.key].is_required()

    @property
    def is_list(self) -> bool:
        """Whether it is asked again until the answer is empty."""
        return get_origin(FIELDS[self.key].annotation) is list

    @property
    def default(self) -> str:
        """The value of an empty answer; ``""`` for none."""
        default = FIELDS[self.key].default
        return default if isinstance(default, str) else ""

    @property
    def words(self) -> str:
        """The setting's description, and what Enter does if there is no default."""
        described = (FIELDS[self.key].description or "").rstrip(".")
        if self.is_list:
            return f"{described} (one at a time, Enter to continue)"
        return described if self.is_required or self.default else f"{described} (Enter to skip)"


QUESTIONS: Final = tuple(
    map(
        Question,
        (
            "azuread:tenantId",
            "kzeroTenant",
            "kzeroServerUrl",
            "groups",
            "users",
            "applicationName",
            "notificationEmail",
            "testUser",
        ),
    )
)
"""The questions in the guide's order."""


def problem_with(key: str, text: str) -> str | None:
    """Check one setting against the settings model.

    Args:
        key: The setting's full key.
        text: Its value, as the engine passes it.

    Returns:
        The problem and its remedy in one line; None if the value is valid.
    """
    _, problems = TenantSettings.examine({**_WITHOUT_ANSWERS, key: text})
    return problems[0] if problems else None


def interview(given: Mapping[str, str], ask: Ask, tell: Tell) -> dict[str, str]:
    """Ask for all settings that are not given. Repeat a question until its answer is valid.

    Args:
        given: Settings that need no question, full key to text.
        ask: Asks one question.
        tell: Prints what is wrong with an answer.

    Returns:
        Full key to text, ``given`` included.
    """
    answers = dict(given)
    for question in QUESTIONS:
        if question.full_key in answers:
            continue
        is_last_chance = question.key == "users" and full_key("groups") not in answers
        if question.is_list:
            items = _listed(question, ask, tell, at_least_one=is_last_chance)
            if items:
                answers[question.full_key] = json.dumps(items)
        elif text := _answered(question, ask, tell):
            answers[question.full_key] = text
    return answers


def _answered(question: Question, ask: Ask, tell: Tell) -> str:
    while True:
        text = ask(question.words, question.default).strip()
        if not text and question.is_required:
            tell("an answer is required")
        elif not text or text == question.default:
            return ""
        elif (problem := problem_with(question.full_key, text)) is None:
            return text
        else:
            tell(problem)


def _listed(question: Question, ask: Ask, tell: Tell, *, at_least_one: bool) -> list[str]:
    items: list[str] = []
    while True:
        text = ask(question.words, "")
        if not text.strip():
            if items or not at_least_one:
                return items
            tell("no group and no user is listed yet; list at least one")
        elif problem := problem_with(question.full_key, json.dumps([*items, text])):
            tell(problem)
        else:
            items.append(text)


def written_out(pairs: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Read ``key=value`` pairs.

    Returns:
        Full key to text, and a line for each malformed pair and each secret.
    """
    found: dict[str, str] = {}
    problems: list[str] = []
    for pair in pairs:
        key, sign, text = pair.partition("=")
        full = full_key(key)
        if not sign or not key:
            problems.append(f"--set {plain(pair)}: give KEY=VALUE, such as --set provisioning=false")
        elif full.removeprefix(f"{NAMESPACE}:") in SECRET_KEYS:
            problems.append(
                f"{plain(key)}: this command writes no secrets; create the stack, then run "
                f"`pulumi config set --secret {full}`"
            )
        else:
            found[full] = text
    return found, problems


def write(project: Path, stack: str, answers: Mapping[str, str], problems: Sequence[str] = ()) -> Path:
    """Write a new tenant's stack file.

    Args:
        project: The folder of Pulumi.yaml.
        stack: The stack's name.
        answers: Full key to text.
        problems: Problems found in the options so far, one line each.

    Returns:
        The file.

    Raises:
        SettingsError: A setting is wrong (the message lists all problems), or the file exists already.
    """
    file = stack_file.path_of(project, stack)
    if file.exists():
        message = f"{file} exists already; edit it, or choose another name"
        raise SettingsError(message)
    require_project(project)
    settings = _settings(answers, problems)
    file.parent.mkdir(exist_ok=True)
    # "x" fails if the file was created in the meantime.
    with file.open("x", encoding="utf-8") as opened:
        opened.write(stack_file.render(stack_file.entries(settings), comment=stack_file.heading(project, _NEXT)))
    return file


def allow_hosts(project: Path, answers: Mapping[str, str], environment: Mapping[str, str]) -> list[str]:
    """Allow the tenant's own servers in fleet.yaml, so that credentials of the environment may go there.

    Args:
        project: The folder of Pulumi.yaml.
        answers: Full key to text.
        environment: The variables of the process.

    Returns:
        A line for each thing that was done, or that the operator has to do.

    Raises:
        SettingsError: fleet.yaml or the environment allows something that is not an origin.
    """
    servers = unallowed_hosts(answers, environment, project)
    if not servers:
        return []
    if allow(project, servers):
        return [f"{server} may receive credentials of the environment; {FLEET_FILE} lists it now" for server in servers]
    return [f"{export_line(servers, environment)}   # lets credentials of the environment go there"]


def _settings(answers: Mapping[str, str], problems: Sequence[str]) -> TenantSettings:
    """Return the settings, checked together.

    Raises:
        SettingsError: A line for each problem; also if no user and no group is listed, which the model checks last.
    """
    settings, wrong = TenantSettings.examine(answers)
    lines = [*problems, *wrong]
    if settings is None:
        keys = {f"{NAMESPACE}:{key}" for key in ("users", "groups", "scope")}
        if not keys & answers.keys() and not any(line.startswith("users:") for line in lines):
            lines.append("users: no users and no groups are listed; list at least one with --user or --group")
    if settings is None or lines:
        raise SettingsError(join_problems("the settings", lines, "nothing was written"))
    return settings

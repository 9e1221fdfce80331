"""A new tenant's settings, from questions or from flags, each answer held to the settings model as it is given.

Pure but for the last step, which writes the stack file. Secrets are never asked for: what is typed here is written in
clear text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_origin

from kzero_scim.display import plain
from kzero_scim.errors import SettingsError
from kzero_scim.settings.problems import join_problems
from kzero_scim.settings.tenant_settings import FIELDS, NAMESPACE, SECRET_KEYS, TenantSettings, full_key
from kzero_scim.stack import stack_file
from kzero_scim.stack.stack import require_project

ENTRA_TENANT: Final = "azuread:tenantId"
_NEXT: Final = "Written by `kzero-scim tenant add`. docs/settings.md describes every setting."
_WITHOUT_ANSWERS: Final = {
    ENTRA_TENANT: "00000000-0000-0000-0000-00000000000f",
    f"{NAMESPACE}:kzeroTenant": "x",
    # No user needs to be listed while it is not known who will be.
    f"{NAMESPACE}:scope": "all",
}
"""A configuration without a problem, for holding one answer to the model."""

Ask = Callable[[str, str], str]
"""Asks the operator: question and default (``""`` for none) to answer."""
Tell = Callable[[str], None]
"""Shows the operator a line."""


@dataclass(frozen=True)
class Question:
    """One question of the interview: about which setting; the setting's own definition gives the words.

    Attributes:
        key: The setting's key in the settings model.
    """

    key: str

    @property
    def full_key(self) -> str:
        """The setting's key as a stack file spells it."""
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
        """The setting's description, and what Enter does where it does not take a default."""
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
"""In the order of the guide."""


def problem_with(key: str, text: str) -> str | None:
    """Hold one setting to the settings model.

    Args:
        key: Its full key.
        text: Its value as the engine hands it over.

    Returns:
        What is wrong with it, one line with the remedy; None if nothing is.
    """
    _, problems = TenantSettings.examine({**_WITHOUT_ANSWERS, key: text})
    return problems[0] if problems else None


def interview(given: Mapping[str, str], ask: Ask, tell: Tell) -> dict[str, str]:
    """Ask for everything that is not given; a wrong answer is told what is wrong with it, and asked for again.

    Args:
        given: Full key to text, of what the operator gave before, which is not asked for.
        ask: Asks one question.
        tell: Shows what is wrong with an answer.

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
            tell("this is needed")
        elif not text or text == question.default:
            return ""
        elif (problem := problem_with(question.full_key, text)) is None:
            return text
        else:
            tell(problem)


def _listed(question: Question, ask: Ask, tell: Tell, *, at_least_one: bool) -> list[str]:
    items: list[str] = []
    while True:
        text = ask(question.words, "").strip()
        if not text:
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
        Full key to text, and a line for each that is no pair or names a secret.
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
                f"{plain(key)}: a secret is never written in clear text; run `pulumi config set --secret {full}` when "
                "the stack is made"
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
        problems: What was wrong with the options already, a line each.

    Returns:
        The file.

    Raises:
        SettingsError: A setting is wrong (all problems at once), or there is such a file already.
    """
    file = stack_file.path_of(project, stack)
    if file.exists():
        message = f"{file} exists already and is never overwritten; choose another name, or edit it"
        raise SettingsError(message)
    require_project(project)
    settings = _settings(answers, problems)
    file.parent.mkdir(exist_ok=True)
    # Never over a file that came into being meanwhile.
    with file.open("x", encoding="utf-8") as opened:
        opened.write(stack_file.render(stack_file.entries(settings), comment=stack_file.heading(project, _NEXT)))
    return file


def _settings(answers: Mapping[str, str], problems: Sequence[str]) -> TenantSettings:
    """Check everything together.

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

"""Tests of a new tenant's stack file, from questions or options."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.stack import stack_file
from kzero_scim.tenant.add import QUESTIONS, allow_hosts, interview, problem_with, write, written_out

ENTRA = "5a4d0b0c-0000-4000-8000-00000000e401"
ENOUGH = {"azuread:tenantId": ENTRA, "kzero-scim:kzeroTenant": "Fabrikam", "kzero-scim:users": '["alex@b.example"]'}


class Operator:
    """An operator who types prepared answers and reads the messages."""

    def __init__(self, *answers: str) -> None:
        self._answers: Iterator[str] = iter(answers)
        self.asked: list[str] = []
        self.told: list[str] = []

    def ask(self, words: str, default: str) -> str:
        """Return the next answer."""
        self.asked.append(words)
        return next(self._answers) or default


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a project without stacks."""
    (tmp_path / "Pulumi.yaml").write_text("name: kzero-scim\n")
    return tmp_path


def test_every_answer_is_held_to_the_settings_before_the_next_question() -> None:
    """A wrong answer gets a message in one line, and the question is repeated."""
    operator = Operator(
        *("", "Fabrikam", ENTRA),
        *("Fab/rikam", "Fabrikam"),
        *("http://kzero.example", "https://kzero.example"),
        *("KZero users", "KZero users", " Sales", ""),
        *("alex@fabrikam.example", ""),
        "",
        *("it", "it@fabrikam.example"),
        "alex@fabrikam.example",
    )

    answers = interview({}, operator.ask, operator.told.append)

    assert answers == {
        "azuread:tenantId": ENTRA,
        "kzero-scim:kzeroTenant": "Fabrikam",
        "kzero-scim:kzeroServerUrl": "https://kzero.example",
        "kzero-scim:groups": '["KZero users"]',
        "kzero-scim:users": '["alex@fabrikam.example"]',
        "kzero-scim:notificationEmail": "it@fabrikam.example",
        "kzero-scim:testUser": "alex@fabrikam.example",
    }
    assert [line.split(";")[0] for line in operator.told] == [
        "an answer is required",
        "azuread:tenantId: 'Fabrikam' is not valid",
        "kzeroTenant: 'Fab/rikam' is not valid",
        "kzeroServerUrl: 'http://kzero.example' is not valid",
        "groups: 'KZero users' is listed twice",
        "groups: ' Sales' has spaces around it",
        "notificationEmail: 'it' is not valid",
    ]
    assert TenantSettings.parse(answers).groups == ["KZero users"]


def test_somebody_must_be_listed() -> None:
    """Without a group, at least one user is required."""
    operator = Operator("", "", "alex@b.example", "", "", "", "")
    given = {key: ENOUGH[key] for key in ("azuread:tenantId", "kzero-scim:kzeroTenant")}

    answers = interview(given | {"kzero-scim:kzeroServerUrl": "https://a.example"}, operator.ask, operator.told.append)

    assert answers["kzero-scim:users"] == '["alex@b.example"]'
    assert operator.told == ["no group and no user is listed yet; list at least one"]


def test_what_was_given_is_not_asked_for() -> None:
    """Settings from options are not asked for."""
    operator = Operator()

    interview({question.full_key: "given" for question in QUESTIONS}, operator.ask, operator.told.append)

    assert operator.asked == []


def test_no_question_asks_for_a_secret() -> None:
    """No question asks for a secret, because the file is clear text."""
    assert [question.key for question in QUESTIONS if "ecret" in question.key or "assword" in question.key] == []


def test_a_valid_answer_has_no_problem() -> None:
    """Each valid answer is accepted independently of other settings."""
    assert problem_with("kzero-scim:groups", '["KZero users"]') is None
    assert problem_with("kzero-scim:provisioning", "false") is None


def test_options_name_all_their_problems_at_once(project: Path) -> None:
    """The error lists the problems of all options at once."""
    further, problems = written_out(["provisioning=perhaps", "kzeroPassword=hunter2", "nothing", "frobnicate=1"])

    with pytest.raises(SettingsError) as caught:
        write(project, "fabrikam", {"azuread:tenantId": "123", **further}, problems)

    lines = str(caught.value).splitlines()
    assert lines[0] == "the settings have 7 problems; nothing was written:"
    assert sorted(line.split(":")[0].strip() for line in lines[1:]) == sorted(
        ["kzeroPassword", "--set nothing", "azuread", "kzeroTenant", "provisioning", "frobnicate", "users"]
    )
    assert "hunter2" not in str(caught.value)
    assert not (project / "stacks").exists()


def test_the_file_says_what_was_answered_and_is_never_overwritten(project: Path) -> None:
    """The file has the answers, and a second run never overwrites it."""
    file = write(project, "fabrikam", ENOUGH | written_out(["deletionThreshold=50"])[0])

    document = stack_file.load(file)
    assert TenantSettings.parse(stack_file.configuration_of(document)).deletion_threshold == 50
    file.write_text("mine")
    with pytest.raises(SettingsError, match="exists already; edit it, or choose another name"):
        write(project, "fabrikam", ENOUGH)
    assert file.read_text() == "mine"


OWN = ENOUGH | {"kzero-scim:kzeroServerUrl": "https://sso.example:8443"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("exclude:\n  - example\n", "exclude:\n  - example\nallowedHosts:\n  - https://sso.example:8443\n"),
        (
            "# ours\nallowedHosts:\n  - https://other.example\n",
            "# ours\nallowedHosts:\n  - https://sso.example:8443\n  - https://other.example\n",
        ),
        ("{exclude: [example]}\n", "{exclude: [example]}\n"),
    ],
)
def test_a_server_of_ones_own_is_allowed_in_the_fleets_file(project: Path, before: str, after: str) -> None:
    """Where its text has no place for it, and without the file, the operator runs a line."""
    (project / "fleet.yaml").write_text(before)

    lines = allow_hosts(project, OWN, {})

    assert (project / "fleet.yaml").read_text() == after
    if before == after:
        assert lines[0].startswith("export KZERO_SCIM_ALLOWED_HOSTS=https://sso.example:8443 ")
    else:
        assert lines == ["https://sso.example:8443 may receive credentials of the environment; fleet.yaml lists it now"]
        assert allow_hosts(project, OWN, {}) == []


def test_without_the_fleets_file_the_operator_runs_a_line(project: Path) -> None:
    assert allow_hosts(project, OWN, {})[0].startswith("export KZERO_SCIM_ALLOWED_HOSTS=https://sso.example:8443 ")
    assert allow_hosts(project, OWN, {"KZERO_SERVER_URL": "https://sso.example:8443"}) == []
    assert allow_hosts(project, ENOUGH, {}) == []

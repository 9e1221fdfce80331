"""The audit fails on unpinned packages, foreign sources, licenses and secrets, and a failed check never passes."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

from tools import audit
from tools.audit import foreign, new_secrets, pins, understood, unlicensed

HASH = "    --hash=sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"a==1 \\\n{HASH}\n    # via b\nc-d==2.0 ; sys_platform == 'win32' \\\n{HASH} \\\n{HASH}\n", None),
        ("a==1\n", "x.lock: a has no hash"),
        (f"a>=1 \\\n{HASH}\n", "x.lock: 'a>=1 \\\\' is not a package version from an index"),
        (
            f"a @ https://x.example/a.whl \\\n{HASH}\n",
            "x.lock: 'a @ https://x.example/a.whl \\\\' is not a package version",
        ),
        ("-e ./a\n", "x.lock: '-e ./a' is not a package version from an index"),
        ("--index-url https://x.example\n", "x.lock: '--index-url https://x.example' is not a package version"),
    ],
)
def test_a_lock_without_hashes_or_from_elsewhere_is_refused(text: str, problem: str | None, tmp_path: Path) -> None:
    lock = tmp_path / "x.lock"
    lock.write_text(text)

    found, problems = pins(lock)

    assert [line[: len(problem or "")] for line in problems] == ([problem] if problem else [])
    assert found == ({} if problem else {"a": "1", "c-d": "2.0"})


def package(folder: Path, name: str, *lines: str, direct: bool = False) -> Distribution:
    place = folder / f"{name}-1.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1", *lines, ""]))
    if direct:
        (place / "direct_url.json").write_text(json.dumps({"url": "https://x.example"}))
    return PathDistribution(place)


def test_packages_that_are_not_locked_or_not_from_an_index_are_reported(tmp_path: Path) -> None:
    installed = [package(tmp_path, name, direct=name == "direct") for name in ("known", "other", "direct", "stray")]

    assert list(foreign(installed, {"known": "1", "other": "2", "direct": "1"})) == [
        "other 1 is installed, but the lock says 2; run make setup",
        "direct 1 was not installed from an index",
        "stray 1 is installed, but the lock says not installed; run make setup",
    ]


def test_a_license_that_is_not_allowed_is_reported(tmp_path: Path) -> None:
    installed = [
        package(tmp_path, "good", "License-Expression: MIT"),
        package(tmp_path, "either", "License-Expression: GPL-3.0-only OR Apache-2.0"),
        package(tmp_path, "older", "Classifier: License :: OSI Approved :: BSD License"),
        package(tmp_path, "bad", "License-Expression: AGPL-3.0-only"),
        package(tmp_path, "silent"),
        package(tmp_path, "jwcrypto", "License-Expression: LGPL-3.0-or-later"),
    ]

    assert list(unlicensed(installed)) == [
        "bad has the license AGPL-3.0-only, which is not allowed",
        "silent has the license (none named), which is not allowed",
    ]


def test_a_service_that_does_not_answer_gives_a_notice_and_never_a_pass() -> None:
    [finding] = understood("x.lock", "", "Traceback\nConnectionError: api.osv.dev: Name or service not known\n")

    assert finding.state == "notice"
    assert finding.text == (
        "x.lock: NOT checked for known vulnerabilities, because the service did not answer "
        "(ConnectionError: api.osv.dev: Name or service not known)"
    )


def test_packages_that_the_service_does_not_know_are_reported() -> None:
    answer = {"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}]}

    [finding] = understood("x.lock", json.dumps(answer), "")

    assert (finding.state, finding.text) == ("notice", "x.lock: the vulnerability service did not know b")


def test_a_known_vulnerability_is_an_error_with_its_remedy() -> None:
    flaw = {"id": "GHSA-1", "fix_versions": ["1.2"]}
    answer = {"dependencies": [{"name": "a", "version": "1", "vulns": [flaw]}]}

    [finding] = understood("x.lock", json.dumps(answer), "")

    assert (finding.state, finding.text) == ("error", "a 1 has GHSA-1; fixed in 1.2")


def git(folder: Path, *arguments: str) -> None:
    program = shutil.which("git")
    assert program
    subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_planted_secret_is_found_wherever_it_is_tracked(tmp_path: Path) -> None:
    """The scan reports anything like a secret in the product's code, but in tests only the format of a real service."""
    (tmp_path / "kzero_scim").mkdir()
    (tmp_path / "tests").mkdir()
    password = "correct-horse" + "-battery-9"
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
    (tmp_path / "kzero_scim" / "fine.py").write_text('name = "scim-endpoint"\n')
    (tmp_path / "kzero_scim" / "bad.py").write_text(f'\nclient_secret = "{password}"\n')
    (tmp_path / "tests" / "made_up.py").write_text(f'client_secret = "{password}"\n')
    (tmp_path / "tests" / "bad.py").write_text(f'"{token[:40]}"\n')
    (tmp_path / "untracked.py").write_text(f'client_secret = "{password}"\n')
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "kzero_scim", "tests")

    problems = new_secrets(tmp_path)

    assert [line.split(". ")[0] for line in problems] == [
        "kzero_scim/bad.py:2: looks like a secret (Secret Keyword)",
        "tests/bad.py:1: looks like a secret (GitHub Token)",
    ]
    assert password not in "".join(problems)
    assert not list(tmp_path.glob(".audit-*"))


def test_the_scan_cannot_pass_by_failing(tmp_path: Path) -> None:
    """An unreadable baseline is an error, not a pass."""
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("")
    git(tmp_path, "add", "a.py")
    (tmp_path / "product.json").write_text("{")
    (tmp_path / "tests.json").write_bytes((audit.BASELINES / "tests.json").read_bytes())

    [problem] = new_secrets(tmp_path, tmp_path)

    assert problem.startswith("the scan for secrets failed: ")


def test_a_known_finding_may_move_to_another_line(tmp_path: Path) -> None:
    """An edit above a known finding does not make it a new one."""
    known = f'client_secret = "{"correct-horse" + "-battery-9"}"\n'
    entry = {
        "type": "Secret Keyword",
        "filename": "a.py",
        "hashed_secret": hashlib.sha1(b"correct-horse-battery-9", usedforsecurity=False).hexdigest(),
        "line_number": 1,
    }
    for name in ("product.json", "tests.json"):
        baseline = json.loads((audit.BASELINES / name).read_bytes())
        baseline["results"] = {"a.py": [entry]} if name == "product.json" else {}
        (tmp_path / name).write_text(json.dumps(baseline))
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text(f"\n\n{known}")
    git(tmp_path, "add", "a.py")

    assert new_secrets(tmp_path, tmp_path) == []

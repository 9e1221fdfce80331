"""Lints the pipelines in gitops/ with the linters of their makers, and schemas where a maker has none.

actionlint (built from its Go module, pinned in `actionlint/` beside this file) and zizmor for GitHub Actions; the JSON
schemas of GitHub's, GitLab's and Azure DevOps' pipelines; ShellCheck for the scripts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tools import cache, progress
from tools.cache import CHECKOUT
from tools.problem import Problem, run_main

ACTIONLINT_VERSION: Final = "1.7.12"
"""`actionlint/go.mod` says the same."""
_ACTIONLINT: Final = f"actionlint-{ACTIONLINT_VERSION}"
_SCHEMAS: Final = (
    ("github", ("--builtin-schema", "vendor.github-workflows")),
    ("gitlab", ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")),
    (
        "azure-devops",
        # Its patterns escape more than Unicode expressions allow.
        (
            *("--builtin-schema", "vendor.azure-pipelines", "--data-transform", "azure-pipelines"),
            *("--regex-variant", "nonunicode"),
        ),
    ),
)


def actionlint() -> Path | None:
    """Give actionlint, building it if need be; None where there is no Go to build it with."""
    program = cache.root() / _ACTIONLINT / "actionlint"
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        return None
    with cache.locked(_ACTIONLINT):
        if not program.exists():
            with cache.building(_ACTIONLINT) as work:
                progress.run(
                    f"Building actionlint {ACTIONLINT_VERSION} from its Go modules",
                    [go, "build", "-o", work / "actionlint", "github.com/rhysd/actionlint/cmd/actionlint"],
                    log="actionlint",
                    expected="about 10 s",
                    cwd=CHECKOUT / "tools" / "actionlint",
                    env={**os.environ, "GOWORK": "off"},
                )
    return program


def commands(folder: Path, linter: Path | None) -> Iterator[list[str | Path]]:
    """Give the commands that check a folder like gitops/; each tells what it finds and ends with 1.

    Args:
        folder: What is checked.
        linter: actionlint; None leaves it out.
    """
    installed = Path(sys.executable).parent
    workflows = sorted((folder / "github").glob("*.yml"))
    if linter is not None:
        yield [linter, "-no-color", "-shellcheck", installed / "shellcheck", *workflows]
    # Nothing is asked of a network: whether a pinned commit is the tag beside it is for whoever raises a version.
    yield [installed / "zizmor", "--offline", "--no-progress", "--quiet", "--color", "never", *workflows]
    for name, options in _SCHEMAS:
        yield [installed / "check-jsonschema", *options, *sorted((folder / name).glob("*.yml"))]
    yield [installed / "shellcheck", "--external-sources", "--source-path", "SCRIPTDIR", *sorted(folder.glob("*.sh"))]


def check(command: Sequence[str | Path]) -> str | None:
    """Run one; give what it found, or None for nothing."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    return None if done.returncode == 0 else done.stdout + done.stderr


def main() -> None:
    """Check gitops/.

    Raises:
        Problem: Something was found.
    """
    linter = actionlint()
    if linter is None:
        print("notice: gitops/github was not checked by actionlint, which is built with Go, and Go is not on PATH")
    found = 0
    for command in commands(CHECKOUT / "gitops", linter):
        told = check(command)
        if told is not None:
            found += 1
            print(told)
    if found:
        message = f"the pipelines of gitops/ have {found} problem{'s' if found > 1 else ''}, told above"
        raise Problem(message)
    print("The pipelines of gitops/ pass their linters.")


if __name__ == "__main__":
    run_main(main)

"""Lints the pipelines in gitops/ with the platforms' own linters and schemas. Uses no network.

- GitHub Actions: actionlint, built from the Go module that `actionlint/` beside this file pins, and zizmor.
- GitHub, GitLab and Azure DevOps: the JSON schemas of their pipelines.
- Scripts: ShellCheck.
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
"""The same version as in `actionlint/go.mod`."""
_ACTIONLINT: Final = f"actionlint-{ACTIONLINT_VERSION}"
_SCHEMAS: Final = (
    ("github", ("--builtin-schema", "vendor.github-workflows")),
    ("gitlab", ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")),
    (
        "azure-devops",
        # The schema's patterns have escapes that Unicode regular expressions reject.
        (
            *("--builtin-schema", "vendor.azure-pipelines", "--data-transform", "azure-pipelines"),
            *("--regex-variant", "nonunicode"),
        ),
    ),
)


def actionlint() -> Path | None:
    """Return the path of actionlint, built if needed, or None without Go."""
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
    """Yield the commands that check a folder like gitops/. Each prints its findings and exits with 1 if it has any.

    Args:
        folder: The folder to check.
        linter: Path of actionlint; None skips it.
    """
    installed = Path(sys.executable).parent
    workflows = sorted((folder / "github").glob("*.yml"))
    if linter is not None:
        yield [linter, "-no-color", "-shellcheck", installed / "shellcheck", *workflows]
    # Offline: anyone who raises a version must check that the pinned commit belongs to the tag in its comment.
    yield [installed / "zizmor", "--offline", "--no-progress", "--quiet", "--color", "never", *workflows]
    for name, options in _SCHEMAS:
        yield [installed / "check-jsonschema", *options, *sorted((folder / name).glob("*.yml"))]
    yield [installed / "shellcheck", "--external-sources", "--source-path", "SCRIPTDIR", *sorted(folder.glob("*.sh"))]


def check(command: Sequence[str | Path]) -> str | None:
    """Run a linter and return its findings, or None."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    return None if done.returncode == 0 else done.stdout + done.stderr


def main() -> None:
    """Check gitops/.

    Raises:
        Problem: A linter found something.
    """
    linter = actionlint()
    if linter is None:
        print("notice: actionlint did not check gitops/github, because building it needs Go, which is not on PATH")
    found = 0
    for command in commands(CHECKOUT / "gitops", linter):
        findings = check(command)
        if findings is not None:
            found += 1
            print(findings)
    if found:
        message = f"{found} of the linters of gitops/ found problems; see above"
        raise Problem(message)
    print("All linters of gitops/ passed.")


if __name__ == "__main__":
    run_main(main)

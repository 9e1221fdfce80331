"""Prepares a machine for this project: Python packages, Pulumi CLI, Keycloak.

`tools/bootstrap` starts it with a suitable Python. Each step does only what is missing, so the Makefile can run it
before every target.
"""

from __future__ import annotations

import argparse

from tools import browser, debian, keycloak_dist, postgresql, pulumi_cli, python_env
from tools.problem import Problem, run_main


def check() -> None:
    """Check the requirements of all steps before the first one starts, because a step can take minutes.

    Raises:
        Problem: Something is missing. The text has one line for each missing thing.
    """
    problems = []
    for step in (pulumi_cli.check, keycloak_dist.check):
        try:
            step()
        except Problem as problem:
            problems.append(str(problem))
    if problems:
        raise Problem("\nerror: ".join(problems))


def main() -> None:
    """Run the steps that the options select; all by default."""
    parser = argparse.ArgumentParser(prog="tools/bootstrap", description="Prepare this machine for the project.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--python-only", action="store_true", help="create only the virtual environment .venv")
    choice.add_argument(
        "--tests",
        action="store_true",
        help="also install what only tests need: an old Keycloak, Chromium, axe-core, PostgreSQL, jq",
    )
    choice.add_argument("--lock", action="store_true", help="only update the lock files")
    chosen = parser.parse_args()
    if chosen.lock:
        python_env.lock()
        return
    if not chosen.python_only:
        check()
    python_env.set_up()
    if not chosen.python_only:
        python_env.set_up_policies()
        pulumi_cli.set_up()
        keycloak_dist.set_up()
    if chosen.tests:
        keycloak_dist.set_up_oldest()
        browser.set_up()
        postgresql.set_up()
        debian.need("jq", "the test of docs/credentials.md")


if __name__ == "__main__":
    run_main(main)

"""Prepares a machine for this project: Python packages, Pulumi, Keycloak.

Started by `bootstrap`, which finds a Python for it. Every step looks first whether there is anything to do, so that it
may run before every target of the Makefile.
"""

from __future__ import annotations

import argparse

from tools import browser, debian, keycloak_dist, postgresql, pulumi_cli, python_env
from tools.problem import Problem, run_main


def check() -> None:
    """Look for all that the steps need before the first one, which may take minutes.

    Raises:
        Problem: Something is missing; the text has a line for each such thing.
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
    """Do the steps asked for; all of them by default."""
    parser = argparse.ArgumentParser(prog="tools/bootstrap", description="Prepare this machine for the project.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--python-only", action="store_true", help="only the virtual environment .venv")
    choice.add_argument(
        "--tests", action="store_true", help="also what only tests need: Chromium, axe-core, PostgreSQL, jq"
    )
    choice.add_argument("--lock", action="store_true", help="only remake the lock files")
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
        browser.set_up()
        postgresql.set_up()
        debian.need("jq", "the test of docs/credentials.md")


if __name__ == "__main__":
    run_main(main)

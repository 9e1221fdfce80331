"""Audits installed packages and committed files: pins, licenses, known vulnerabilities, secrets. Changes nothing.

`make audit` runs it in the project's environment. Only the check for known vulnerabilities needs a network. If the
vulnerability service (osv.dev) does not answer, the audit prints a notice and does not fail.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from tools.cache import CHECKOUT
from tools.python_env import DEVELOPMENT_LOCK, RUN_TIME_LOCK

OWN = ("kzero-scim", "kzero-scim-sandbox")
LICENCES = frozenset(
    {
        "3-Clause BSD License",
        "Apache Software License",
        "Apache-2.0",
        "BSD",
        "BSD License",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "ISC License (ISCL)",
        "MIT",
        "MIT License",
        "MIT-0",
        "MPL-2.0",
        "Mozilla Public License 2.0 (MPL 2.0)",
        "PSF-2.0",
        "Python Software Foundation License",
        "The Unlicense (Unlicense)",
    }
)
"""Licenses under which a package may be used here, as packages name them."""
LICENCE_EXCEPTIONS = {"jwcrypto": "LGPL-3.0-or-later"}
"""A dependency of python-keycloak, used as published and not redistributed."""
BASELINES = CHECKOUT / "tools" / "secrets"
"""Findings that were reviewed and are not secrets, one file for each of the two scans."""
_MOVED = 3
"""Exit code of detect-secrets if it finds nothing new, but a known finding moved to another line or is gone."""

UNSCANNED = r".*\.lock$|.*go\.sum$|^tools/secrets/.*"
"""Files that contain mostly checksums."""
MADE_UP = r"^(tests|sandbox)/"
"""Folders with made-up secrets. The scan of these looks only for secrets in the format of a real service."""
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)( ; [^\\]+)?( \\)?")
_ELSEWHERE = re.compile(r"://|(^|\s)(-e|--editable|--index-url|--extra-index-url|--find-links|@)(\s|$)|git\+")


@dataclass(frozen=True)
class Finding:
    """One line of the report: a state (``ok``, ``notice`` or ``error``) and what was checked."""

    state: str
    text: str


def pins(lock: Path) -> tuple[dict[str, str], list[str]]:
    """Return the packages that a lock file pins, and the lines that break its rules.

    Args:
        lock: The requirements file.

    Returns:
        Versions by package name, and a message for each line that has no hash or does not come from an index.
    """
    found: dict[str, str] = {}
    problems: list[str] = []
    for block in re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8")):
        lines = [line.strip() for line in block.splitlines() if line.strip() and not line.strip().startswith("#")]
        if not lines:
            continue
        pin = _PIN.fullmatch(lines[0])
        if pin is None or any(_ELSEWHERE.search(line) for line in lines):
            problems.append(f"{lock.name}: {lines[0]!r} is not a package version from an index")
        elif not any(line.startswith("--hash=sha256:") for line in lines):
            problems.append(f"{lock.name}: {pin['name']} has no hash")
        else:
            found[_folded(pin["name"])] = pin["version"]
    return found, problems


def foreign(installed: Iterable[Distribution], locked: dict[str, str]) -> Iterator[str]:
    """Yield a message for each installed package that differs from the lock or was not installed from an index."""
    for package in installed:
        name = _folded(package.metadata["Name"])
        if name in OWN:
            continue
        if locked.get(name) != package.version:
            wanted = locked.get(name, "not installed")
            yield f"{name} {package.version} is installed, but the lock says {wanted}; run make setup"
        elif package.read_text("direct_url.json"):
            yield f"{name} {package.version} was not installed from an index"


def unlicensed(installed: Iterable[Distribution]) -> Iterator[str]:
    """Yield a message for each package whose license is not on the list of allowed licenses."""
    for package in installed:
        name, named = _folded(package.metadata["Name"]), licenses_of(package)
        if not named & LICENCES and LICENCE_EXCEPTIONS.get(name) not in named:
            yield f"{name} has the license {' or '.join(sorted(named)) or '(none named)'}, which is not allowed"


def licenses_of(package: Distribution) -> set[str]:
    """Return the names of the licenses that a package may be used under."""
    metadata = package.metadata
    if expressions := metadata.get_all("License-Expression"):
        return set(expressions[0].split(" OR "))
    classifiers = metadata.get_all("Classifier") or []
    named = {line.split(" :: ")[-1] for line in classifiers if line.startswith("License :: ")}
    return named or set(metadata.get_all("License") or [])


def known_vulnerabilities(lock: Path) -> list[Finding]:
    """Return the known vulnerabilities of all packages in a lock file."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "15", "--disable-pip", "--require-hashes"]
    done = _run([*command, "--requirement", str(lock)])
    return understood(lock.name, done.stdout, done.stderr)


def understood(name: str, answer: str, complaint: str) -> list[Finding]:
    """Return the findings in pip-audit's output. A package that pip-audit could not look up is reported, never passed.

    Args:
        name: The lock file's name.
        answer: The standard output of pip-audit.
        complaint: Its standard error.
    """
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = (complaint.strip().splitlines() or ["no answer"])[-1]
        text = f"{name}: NOT checked for known vulnerabilities, because the service did not answer ({reason[:160]})"
        return [Finding("notice", text)]
    found = [
        Finding("error", f"{package['name']} {package['version']} has {flaw['id']}; fixed in {_fixed(flaw)}")
        for package in packages
        for flaw in package.get("vulns", [])
    ]
    skipped = [package["name"] for package in packages if package.get("skip_reason")]
    if skipped:
        found.append(Finding("notice", f"{name}: the vulnerability service did not know {', '.join(skipped)}"))
    if not found:
        found.append(Finding("ok", f"{name}: no known vulnerability in {len(packages)} packages"))
    return found


def new_secrets(checkout: Path, baselines: Path = BASELINES) -> list[str]:
    """Return a message for each secret in the files that Git tracks, except for the findings in the baselines.

    Args:
        checkout: The working tree.
        baselines: The folder with ``product.json`` and ``tests.json``, which also configure the scans.
    """
    tracked = _run(["git", "ls-files", "-z"], checkout).stdout.split("\0")
    files = [name for name in tracked if name and not re.match(UNSCANNED, name) and (checkout / name).is_file()]
    problems: list[str] = []
    for baseline, chosen in (
        ("product.json", [name for name in files if not re.match(MADE_UP, name)]),
        ("tests.json", [name for name in files if re.match(MADE_UP, name)]),
    ):
        # detect-secrets updates line numbers in its baseline, so it gets a copy.
        known = checkout / f".audit-{baseline}"
        known.write_bytes((baselines / baseline).read_bytes())
        try:
            command = [sys.executable, "-m", "detect_secrets.pre_commit_hook", "--json", "--baseline", known.name]
            done = _run([*command, *chosen], checkout)
        finally:
            known.unlink()
        problems += _secrets(done.stdout, done.stderr, done.returncode)
    return problems


def _secrets(answer: str, complaint: str, code: int) -> list[str]:
    if code in (0, _MOVED):
        return []
    try:
        results = json.loads(answer)["results"]
    except (ValueError, KeyError, TypeError):
        return [f"the scan for secrets failed: {(complaint or answer).strip()[-300:]}"]
    return [
        f"{name}:{place['line_number']}: looks like a secret ({place['type']}). Remove and rotate it. If it is not "
        "a secret, mark the line with `# pragma: allowlist secret`"
        for name, places in results.items()
        for place in places
    ]


def _fixed(flaw: dict[str, list[str]]) -> str:
    return ", ".join(flaw.get("fix_versions") or []) or "no version yet"


def _folded(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _run(command: Sequence[str], folder: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    words = list(command)  # the project's own tools by name, never a shell
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - see above


def _group(title: str, problems: Iterable[str]) -> list[Finding]:
    return [Finding("error", problem) for problem in problems] or [Finding("ok", title)]


def audit() -> Iterator[Finding]:
    """Yield the findings of all checks, in order."""
    _, run_time = pins(RUN_TIME_LOCK)
    locked, development = pins(DEVELOPMENT_LOCK)
    yield from _group(f"all {len(locked)} packages are pinned by hash, from an index", [*run_time, *development])
    installed = [package for package in distributions() if package.metadata["Name"]]
    yield from _group("the installed packages match the lock", foreign(installed, locked))
    yield from _group("every license is allowed", unlicensed(installed))
    checked = _run([sys.executable, "-m", "pip", "check"])
    yield from _group(
        "the packages are compatible with each other", checked.stdout.splitlines() if checked.returncode else []
    )
    yield from _group("no secret in the files that Git tracks", new_secrets(CHECKOUT))
    yield from known_vulnerabilities(DEVELOPMENT_LOCK)  # it contains the run-time packages too


def main() -> None:
    """Print the findings; exit with code 1 if one is an error."""
    failed = False
    for finding in audit():
        print(f"{finding.state:7}{finding.text}", flush=True)
        failed |= finding.state == "error"
    sys.exit(failed)


if __name__ == "__main__":
    main()

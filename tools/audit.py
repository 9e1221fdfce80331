"""What is installed and what is committed: pins, sources, licences, known vulnerabilities, secrets. Changes nothing.

Run by `make audit`, in the project's environment. All but the question for known vulnerabilities works without a
network; where the vulnerability service (osv.dev) cannot be asked, that is said, and is no failure.
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
"""Licences under which a package may be used here, as packages name them."""
LICENCE_EXCEPTIONS = {"jwcrypto": "LGPL-3.0-or-later"}
"""python-keycloak's; used as it is published and not handed on."""
BASELINES = CHECKOUT / "tools" / "secrets"
"""Findings that were looked at and are none, a file for each of the two scans."""
_MOVED = 3
"""How detect-secrets ends where nothing is new, and a known finding has another line or is gone."""

UNSCANNED = r".*\.lock$|.*go\.sum$|^tools/secrets/.*"
"""Files full of checksums."""
MADE_UP = r"^(tests|sandbox)/"
"""Where made-up secrets belong: there only what has the form of a real service's secret is looked for."""
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)( ; [^\\]+)?( \\)?")
_ELSEWHERE = re.compile(r"://|(^|\s)(-e|--editable|--index-url|--extra-index-url|--find-links|@)(\s|$)|git\+")


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, and how it is (``ok``, ``notice`` or ``error``)."""

    state: str
    text: str


def pins(lock: Path) -> tuple[dict[str, str], list[str]]:
    """Read a lock: name to version, and what is not pinned by a hash or comes from elsewhere than an index."""
    found: dict[str, str] = {}
    problems: list[str] = []
    for block in re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8")):
        lines = [line.strip() for line in block.splitlines() if line.strip() and not line.strip().startswith("#")]
        if not lines:
            continue
        pin = _PIN.fullmatch(lines[0])
        if pin is None or any(_ELSEWHERE.search(line) for line in lines):
            problems.append(f"{lock.name}: {lines[0]!r} is not a version of a package index")
        elif not any(line.startswith("--hash=sha256:") for line in lines):
            problems.append(f"{lock.name}: {pin['name']} has no hash")
        else:
            found[_folded(pin["name"])] = pin["version"]
    return found, problems


def foreign(installed: Iterable[Distribution], locked: dict[str, str]) -> Iterator[str]:
    """Name what is installed and is not what is locked, or was not installed from an index."""
    for package in installed:
        name = _folded(package.metadata["Name"])
        if name in OWN:
            continue
        if locked.get(name) != package.version:
            wanted = locked.get(name, "not at all")
            yield f"{name} {package.version} is installed, locked is {wanted}; run make setup"
        elif package.read_text("direct_url.json"):
            yield f"{name} {package.version} was installed from a place of its own, not from an index"


def unlicensed(installed: Iterable[Distribution]) -> Iterator[str]:
    """Name packages whose licence nobody has allowed."""
    for package in installed:
        name, named = _folded(package.metadata["Name"]), licences_of(package)
        if not named & LICENCES and LICENCE_EXCEPTIONS.get(name) not in named:
            yield f"{name} has the licence {' or '.join(sorted(named)) or '(none named)'}, which is not allowed yet"


def licences_of(package: Distribution) -> set[str]:
    """Give the licences that a package may be used under."""
    metadata = package.metadata
    if expressions := metadata.get_all("License-Expression"):
        return set(expressions[0].split(" OR "))
    classifiers = metadata.get_all("Classifier") or []
    named = {line.split(" :: ")[-1] for line in classifiers if line.startswith("License :: ")}
    return named or set(metadata.get_all("License") or [])


def known_vulnerabilities(lock: Path) -> list[Finding]:
    """Ask for known vulnerabilities of all locked packages."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv", "--format", "json"]
    command += ["--progress-spinner", "off", "--timeout", "15", "--disable-pip", "--require-hashes"]
    done = _run([*command, "--requirement", str(lock)])
    return understood(lock.name, done.stdout, done.stderr)


def understood(name: str, answer: str, complaint: str) -> list[Finding]:
    """Tell what pip-audit found from what it printed; what it could not look up is never taken for sound."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = (complaint.strip().splitlines() or ["no answer"])[-1]
        text = f"{name}: NOT looked up for known vulnerabilities, the service cannot be asked ({reason[:160]})"
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
    """Look for secrets in all files that Git tracks; the baselines' findings are known.

    Args:
        checkout: The working tree.
        baselines: The folder of ``product.json`` and ``tests.json``, which also say what is looked for.
    """
    tracked = _run(["git", "ls-files", "-z"], checkout).stdout.split("\0")
    files = [name for name in tracked if name and not re.match(UNSCANNED, name) and (checkout / name).is_file()]
    problems: list[str] = []
    for baseline, chosen in (
        ("product.json", [name for name in files if not re.match(MADE_UP, name)]),
        ("tests.json", [name for name in files if re.match(MADE_UP, name)]),
    ):
        # A copy: the tool brings line numbers in its baseline up to date.
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
        f"{name}:{place['line_number']}: looks like a secret ({place['type']}); take it out and change it, or, if it "
        "is none, say so with `# pragma: allowlist secret`"
        for name, places in results.items()
        for place in places
    ]


def _fixed(flaw: dict[str, list[str]]) -> str:
    return ", ".join(flaw.get("fix_versions") or []) or "no version yet"


def _folded(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _run(command: Sequence[str], folder: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    words = list(command)  # the project's own tools, by their names; never a shell
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - for that


def _group(title: str, problems: Iterable[str]) -> list[Finding]:
    return [Finding("error", problem) for problem in problems] or [Finding("ok", title)]


def audit() -> Iterator[Finding]:
    """Look at everything, one finding after the other."""
    _, run_time = pins(RUN_TIME_LOCK)
    locked, development = pins(DEVELOPMENT_LOCK)
    yield from _group(f"all {len(locked)} packages are pinned by hash, from an index", [*run_time, *development])
    installed = [package for package in distributions() if package.metadata["Name"]]
    yield from _group("what is installed is what is locked", foreign(installed, locked))
    yield from _group("every licence is allowed", unlicensed(installed))
    checked = _run([sys.executable, "-m", "pip", "check"])
    yield from _group("the packages fit each other", checked.stdout.splitlines() if checked.returncode else [])
    yield from _group("no secret in the files that Git tracks", new_secrets(CHECKOUT))
    yield from known_vulnerabilities(DEVELOPMENT_LOCK)  # holds the other's packages too


def main() -> None:
    """Print what was found; exit code 1 if anything is wrong."""
    failed = False
    for finding in audit():
        print(f"{finding.state:7}{finding.text}", flush=True)
        failed |= finding.state == "error"
    sys.exit(failed)


if __name__ == "__main__":
    main()

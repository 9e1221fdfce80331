"""Creates the project's virtual environments, `.venv` and `policy/.venv`, with uv from the committed lock files.

The lock files contain hashes and no registry addresses, so a mirror works too.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from tools import cache, progress, version
from tools.cache import CHECKOUT
from tools.problem import Problem

UV = "0.13.8"
"""The version of uv to download if it is not installed."""

OLDEST_UV: version.Version = (0, 8, 0)
"""The oldest version of uv on PATH that is used."""

VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
RUN_TIME_LOCK = CHECKOUT / "requirements.lock"
DEVELOPMENT_LOCK = CHECKOUT / "requirements-dev.lock"
POLICY_VENV = CHECKOUT / "policy" / ".venv"
"""The policy pack's environment: pulumi-policy needs another protobuf version than the provider."""
POLICY_REQUIREMENTS = CHECKOUT / "policy" / "requirements.txt"
POLICY_LOCK = CHECKOUT / "policy" / "requirements.lock"
BUILD_LOCK = CHECKOUT / "gitops" / "build.lock"
"""What builds kzero-scim in a pipeline."""
_DISTRIBUTIONS = (CHECKOUT, CHECKOUT / "sandbox")
"""Folders of the two distributions that are installed: kzero-scim and its sandbox."""
_STAMP = VENV / ".kzero-scim-stamp"
_PLACE = VENV / ".kzero-scim-place"
_POLICY_STAMP = POLICY_VENV / ".kzero-scim-stamp"


def stamp(contents: dict[str, bytes]) -> str:
    """Return a fingerprint of contents by name, independent of their order."""
    whole = hashlib.sha256()
    for name, content in sorted(contents.items()):
        whole.update(f"{name} {len(content)}\n".encode())
        whole.update(content)
    return whole.hexdigest()


def _wanted_stamp() -> str:
    return stamp(
        {
            "lock": DEVELOPMENT_LOCK.read_bytes(),
            # The project files contain entry points and build requirements.
            **{str(folder): (folder / "pyproject.toml").read_bytes() for folder in _DISTRIBUTIONS},
        }
    )


def _base_python() -> str:
    """Return the interpreter outside any virtual environment. `.venv` must not be rebuilt with its own interpreter."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _environment() -> dict[str, str]:
    """Return uv's environment: the user's, without Python downloads, with pip's mirror if uv has no index set."""
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    # The variable makes uv print a warning if another environment is active.
    environment.pop("VIRTUAL_ENV", None)
    if not any(name in environment for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_CONFIG_FILE")):
        # uv does not read pip's configuration, which is where companies usually configure their mirror.
        mirror = progress.ask([_base_python(), "-m", "pip", "config", "get", "global.index-url"])
        mirror = os.environ.get("PIP_INDEX_URL") or mirror
        if mirror and mirror.startswith(("https://", "http://")):
            environment["UV_DEFAULT_INDEX"] = mirror
    return environment


def uv() -> Path:
    """Return the path of uv: the one on PATH if it is recent enough, otherwise one that pip installs in the cache.

    Raises:
        Problem: Python cannot create virtual environments, or pip cannot download uv.
    """
    on_path = shutil.which("uv")
    if on_path and (version.parse(progress.ask([on_path, "--version"]) or "") or ()) >= OLDEST_UV:
        return Path(on_path)
    name = f"uv-{UV}"
    program = cache.root() / name / "bin" / "uv"
    with cache.locked(name):
        if not program.exists():
            with cache.building(name) as work:
                if progress.ask([_base_python(), "-c", "import ensurepip"]) is None:
                    msg = (
                        f"{_base_python()} lacks the module ensurepip, which virtual environments need; "
                        "install your system's package python3-venv, or uv"
                    )
                    raise Problem(msg)
                progress.run(
                    "Creating an environment for uv", [_base_python(), "-m", "venv", work], log="uv-environment"
                )
                progress.run(
                    f"Downloading uv {UV}",
                    [work / "bin" / "python", "-m", "pip", "install", "--quiet", f"uv=={UV}"],
                    log="uv",
                    expected="about 10 s",
                )
    return program


def set_up() -> None:
    """Update `.venv` to match the lock file and the projects; does nothing if it already matches."""
    wanted = _wanted_stamp()
    if _stamp_is(wanted):
        return
    place = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:12]
    with cache.locked(f"venv-{place}"):
        if _stamp_is(wanted):
            return
        program = uv()
        environment = _environment()
        _STAMP.unlink(missing_ok=True)
        if not _usable():
            progress.run(
                "Creating the virtual environment .venv",
                [program, "venv", "--clear", "--python", _base_python(), VENV],
                log="venv",
                env=environment,
            )
            _PLACE.write_text(str(VENV), encoding="utf-8")
        progress.run(
            f"Installing the Python packages of {DEVELOPMENT_LOCK.name}",
            # Compile now: if Python may not write later, every `pulumi preview` would compile the packages again.
            [program, "pip", "sync", "--compile-bytecode", "--python", PYTHON, DEVELOPMENT_LOCK],
            log="python-packages",
            expected="about 30 s when nothing is cached",
            env=environment,
        )
        progress.run(
            "Installing this project and its sandbox into .venv",
            [
                *(program, "pip", "install", "--python", PYTHON, "--no-deps"),
                *(word for folder in _DISTRIBUTIONS for word in ("--editable", folder)),
            ],
            log="project",
            env=environment,
        )
        _STAMP.write_text(wanted, encoding="utf-8")


def set_up_policies() -> None:
    """Update the policy pack's environment, `policy/.venv`, to match its lock file."""
    wanted = stamp({"lock": POLICY_LOCK.read_bytes(), "place": str(POLICY_VENV).encode()})
    place = hashlib.sha256(str(POLICY_VENV).encode()).hexdigest()[:12]
    with cache.locked(f"venv-{place}"):
        if _text(_POLICY_STAMP) == wanted:
            return
        program, environment = uv(), _environment()
        progress.run(
            "Creating the policy pack's environment policy/.venv",
            [program, "venv", "--clear", "--python", _base_python(), POLICY_VENV],
            log="policy-venv",
            env=environment,
        )
        python = POLICY_VENV / "bin" / "python"
        progress.run(
            f"Installing the Python packages of policy/{POLICY_LOCK.name}",
            [program, "pip", "sync", "--compile-bytecode", "--python", python, POLICY_LOCK],
            log="policy-packages",
            expected="about 15 s when nothing is cached",
            env=environment,
        )
        _POLICY_STAMP.write_text(wanted, encoding="utf-8")


def _stamp_is(wanted: str) -> bool:
    return PYTHON.exists() and _text(_STAMP) == wanted and _text(_PLACE) == str(VENV)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _usable() -> bool:
    """Return whether `.venv` was created here, by this module, with this Python version.

    In a checkout that was moved, the environment's programs would still use the old path of the interpreter.
    """
    if _text(_PLACE) != str(VENV):
        return False
    code = "import sys; print(sys.version_info[:2] == tuple(map(int, sys.argv[1:])))"
    here = [str(part) for part in sys.version_info[:2]]
    return PYTHON.exists() and progress.ask([PYTHON, "-c", code, *here]) == "True"


def lock() -> None:
    """Update the lock files. Locked versions that still satisfy pyproject.toml are kept."""
    program, environment = uv(), _environment()
    # Runs in the checkout with relative names, because the locks name what requires each package. Without the header,
    # which would repeat the command, and without registry addresses; one file for all platforms.
    options = ["--universal", "--generate-hashes", "--no-header", "--quiet"]
    for title, what, target in (
        ("the run-time packages", ["pyproject.toml"], RUN_TIME_LOCK),
        (
            "all packages",
            ["pyproject.toml", "sandbox/pyproject.toml", "--group", "dev", "-c", RUN_TIME_LOCK.name],
            DEVELOPMENT_LOCK,
        ),
        (
            "the policy pack's packages",
            [str(POLICY_REQUIREMENTS.relative_to(CHECKOUT)), "--python-version", "3.11"],
            POLICY_LOCK,
        ),
        ("the build backend's packages", ["--group", "build", "-c", RUN_TIME_LOCK.name], BUILD_LOCK),
    ):
        name = str(target.relative_to(CHECKOUT))
        progress.run(
            f"Locking {title} in {name}",
            [program, "pip", "compile", *what, *options, "-o", name],
            log=name.replace("/", "-").removesuffix(".lock"),
            cwd=CHECKOUT,
            env=environment,
        )

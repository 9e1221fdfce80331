"""Provides a Pulumi CLI and its Python language host: the machine's own, or ones built from pinned Go modules.

`pulumi/` and `pulumi-language-python/` beside this file pin the modules and their dependencies. The language host has
the last version that is a package of Pulumi's SDK module. Later versions are separate modules, which a go.mod file
cannot require.
"""

from __future__ import annotations

import functools
import os
import shutil
from pathlib import Path

from tools import cache, progress, version
from tools.cache import CHECKOUT
from tools.problem import Problem
from tools.python_env import VENV

VERSION = "3.259.0"
"""Version of the Pulumi CLI that is built; the same as in `pulumi/go.mod`."""

LANGUAGE_HOST_VERSION = "3.79.0"
"""Version of the language host that is built; the same as in `pulumi-language-python/go.mod`."""

OLDEST: version.Version = (3, 200, 0)
"""The oldest version of a CLI on PATH that is used."""

OLDEST_GO: version.Version = (1, 25, 11)
"""The version that `pulumi/go.mod` requires."""

OLDEST_SWITCHING_GO: version.Version = (1, 21, 0)
"""The first version that downloads a newer Go when needed, unless GOTOOLCHAIN forbids it."""

NAME = f"pulumi-{VERSION}"

_SDK = "github.com/pulumi/pulumi/sdk/v3"
_VERSION_VARIABLE = f"{_SDK}/go/common/version.Version"
_EXECUTOR = "pulumi-language-python-exec"
_LINK = VENV / "bin" / "pulumi"


def refusal(pulumi_version: version.Version | None, *, language_host: bool) -> str | None:
    """Return why a CLI on PATH cannot be used, or None if it can.

    Args:
        pulumi_version: Its version; None if it is unknown.
        language_host: Whether it has a Python language host.
    """
    if pulumi_version is None:
        return "it does not print its version"
    if pulumi_version < OLDEST:
        return f"its version {version.show(pulumi_version)} is older than {version.show(OLDEST)}"
    if not language_host:
        return "pulumi-language-python is neither beside it nor on PATH"
    return None


@functools.cache
def on_path() -> Path | None:
    """Return the machine's own CLI, or None if there is no usable one. Prints why a CLI is not used."""
    # If the project's environment is active, its own link comes first on PATH.
    path = os.pathsep.join(
        folder for folder in os.get_exec_path() if folder and Path(folder).resolve() != _LINK.parent.resolve()
    )
    found = shutil.which("pulumi", path=path)
    if not found:
        return None
    host = (Path(found).resolve().parent / "pulumi-language-python").exists() or bool(
        shutil.which("pulumi-language-python", path=path)
    )
    reason = refusal(version.parse(progress.ask([found, "version"]) or ""), language_host=host)
    if reason:
        print(f"{found} is not used: {reason}", flush=True)
        return None
    return Path(found)


def built() -> Path:
    """Return the path of the CLI in the cache, whether it exists or not."""
    return cache.root() / NAME / "bin" / "pulumi"


def check() -> None:
    """Check the requirements of `set_up`.

    Raises:
        Problem: Neither a CLI nor Go is available.
    """
    if not on_path() and not built().exists():
        _go()


def set_up() -> Path:
    """Return the CLI to use, after building it if needed.

    A built CLI is linked into `.venv`, so that the active environment finds it.

    Raises:
        Problem: There is no usable CLI, and none can be built.
    """
    found = on_path()
    if found:
        _LINK.unlink(missing_ok=True)
        return found
    program = built()
    if not program.exists():
        with cache.locked(NAME):
            if not program.exists():
                _build()
    if not (_LINK.is_symlink() and _LINK.readlink() == program):
        _LINK.unlink(missing_ok=True)
        _LINK.parent.mkdir(parents=True, exist_ok=True)
        # The engine looks for language hosts in the folder of the link's target.
        _LINK.symlink_to(program)
    return program


def _build() -> None:
    go = _go()
    # A user's Go workspace around the checkout would replace our module files.
    environment = {**os.environ, "GOWORK": "off"}
    with cache.building(NAME) as work:
        target = work / "bin"
        target.mkdir()
        for title, module, package, module_version, expected in (
            (
                f"Building the Pulumi CLI {VERSION} from its Go modules",
                "pulumi",
                "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
                VERSION,
                "about 4 minutes on 2 cores",
            ),
            (
                "Building Pulumi's Python language host",
                "pulumi-language-python",
                f"{_SDK}/python/cmd/pulumi-language-python",
                LANGUAGE_HOST_VERSION,
                "about 20 s",
            ),
        ):
            progress.run(
                title,
                # The same tags and variable as in Pulumi's own releases.
                [
                    *(go, "build", "-tags", "osusergo,grpcnotrace", "-o", target / module),
                    *("-ldflags", f"-s -w -X {_VERSION_VARIABLE}=v{module_version}", package),
                ],
                log=module,
                expected=expected,
                cwd=CHECKOUT / "tools" / module,
                env=environment,
            )
        # The language host starts programs with this script. The CLI's version also works with the older host, and does
        # not print its own traceback when a program fails.
        module_folder = CHECKOUT / "tools" / "pulumi"
        sdk = progress.ask([go, "list", "-m", "-f", "{{.Dir}}", _SDK], cwd=module_folder, env=environment)
        if not sdk:
            msg = f"Go does not print the folder of module {_SDK}; run `go list -m {_SDK}` in tools/pulumi to see why"
            raise Problem(msg)
        shutil.copyfile(Path(sdk) / "python" / "cmd" / _EXECUTOR, target / _EXECUTOR)
        (target / _EXECUTOR).chmod(0o755)


def _go() -> Path:
    found = shutil.which("go")
    remedy = f"install Go {version.show(OLDEST_GO)} or newer, or a Pulumi CLI {version.show(OLDEST)} or newer"
    if not found:
        msg = f"neither a Pulumi CLI nor Go, to build one, is on PATH; {remedy}"
        raise Problem(msg)
    # Outside any module, Go prints its own version and downloads nothing.
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    have = version.parse(progress.ask([found, "version"], cwd=Path("/"), env=environment) or "")
    if have is None:
        msg = f"{found} does not print its version; {remedy}"
        raise Problem(msg)
    switching = have >= OLDEST_SWITCHING_GO and progress.ask([found, "env", "GOTOOLCHAIN"], cwd=Path("/")) != "local"
    if have < OLDEST_GO and not switching:
        msg = f"Go {version.show(have)} at {found} is too old to build a Pulumi CLI; {remedy}"
        raise Problem(msg)
    return Path(found)

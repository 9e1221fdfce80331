"""A Pulumi CLI and its Python language host: the machine's own where recent enough, else built from their Go modules.

The modules are pinned, with all that they require, in `pulumi/` and `pulumi-language-python/` beside this file. The
language host is the last one that is a package of Pulumi's SDK module; its successors are modules of their own that
nothing can require.
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
"""The Pulumi CLI that is built; `pulumi/go.mod` says the same."""

LANGUAGE_HOST_VERSION = "3.79.0"
"""The Python language host that is built; `pulumi-language-python/go.mod` says the same."""

OLDEST: version.Version = (3, 200, 0)
"""The oldest CLI on PATH that is taken as it is."""

OLDEST_GO: version.Version = (1, 25, 11)
"""What `pulumi/go.mod` asks for."""

OLDEST_SWITCHING_GO: version.Version = (1, 21, 0)
"""From here on Go fetches a newer Go by itself, unless told not to."""

NAME = f"pulumi-{VERSION}"

_SDK = "github.com/pulumi/pulumi/sdk/v3"
_VERSION_VARIABLE = f"{_SDK}/go/common/version.Version"
_EXECUTOR = "pulumi-language-python-exec"
_LINK = VENV / "bin" / "pulumi"


def refusal(pulumi_version: version.Version | None, *, language_host: bool) -> str | None:
    """Say why a CLI found on PATH does not do, or None if it does."""
    if pulumi_version is None:
        return "it does not say its version"
    if pulumi_version < OLDEST:
        return f"its version {version.show(pulumi_version)} is below {version.show(OLDEST)}"
    if not language_host:
        return "there is no pulumi-language-python beside it or on PATH"
    return None


@functools.cache
def on_path() -> Path | None:
    """Give the machine's own CLI, if there is one that does; one that does not is mentioned."""
    # With the environment active, our own link comes first.
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
    """Give the CLI in the cache, whether it has been built or not."""
    return cache.root() / NAME / "bin" / "pulumi"


def check() -> None:
    """Look for what `set_up` needs.

    Raises:
        Problem: There is no CLI, and no Go to build one with.
    """
    if not on_path() and not built().exists():
        _go()


def set_up() -> Path:
    """Give the CLI to use, building it if need be; one that was built is linked into `.venv`, to be found once active.

    Raises:
        Problem: There is no CLI and it cannot be built.
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
        # The engine looks for language hosts beside the file that the link leads to.
        _LINK.symlink_to(program)
    return program


def _build() -> None:
    go = _go()
    # A workspace of the user's around the checkout would take the place of our module files.
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
                # Tags and variable are those of Pulumi's own releases.
                [
                    *(go, "build", "-tags", "osusergo,grpcnotrace", "-o", target / module),
                    *("-ldflags", f"-s -w -X {_VERSION_VARIABLE}=v{module_version}", package),
                ],
                log=module,
                expected=expected,
                cwd=CHECKOUT / "tools" / module,
                env=environment,
            )
        # The script that the host starts programs with: the CLI's version of it, which works with the old host too and
        # does not end a failed program with a traceback of its own.
        module_folder = CHECKOUT / "tools" / "pulumi"
        sdk = progress.ask([go, "list", "-m", "-f", "{{.Dir}}", _SDK], cwd=module_folder, env=environment)
        if not sdk:
            msg = f"Go does not say where its module {_SDK} lies; see `go list -m {_SDK}` in tools/pulumi"
            raise Problem(msg)
        shutil.copyfile(Path(sdk) / "python" / "cmd" / _EXECUTOR, target / _EXECUTOR)
        (target / _EXECUTOR).chmod(0o755)


def _go() -> Path:
    found = shutil.which("go")
    remedy = f"install Go {version.show(OLDEST_GO)} or newer, or a Pulumi CLI {version.show(OLDEST)} or newer"
    if not found:
        msg = f"neither a Pulumi CLI nor Go, to build one with, is on PATH: {remedy}"
        raise Problem(msg)
    # Outside any module, so that it is this Go's own version and nothing is fetched.
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    have = version.parse(progress.ask([found, "version"], cwd=Path("/"), env=environment) or "")
    if have is None:
        msg = f"{found} does not say its version: {remedy}"
        raise Problem(msg)
    switching = have >= OLDEST_SWITCHING_GO and progress.ask([found, "env", "GOTOOLCHAIN"], cwd=Path("/")) != "local"
    if have < OLDEST_GO and not switching:
        msg = f"Go {version.show(have)} at {found} is too old to build a Pulumi CLI with: {remedy}"
        raise Problem(msg)
    return Path(found)

"""Cases about environments and credentials: what processes inherit, credential files and commands, proxies."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable
from typing import Final

from faults.cases import key
from hostile import attacks
from hostile.between import Rule
from hostile.cases import (
    CHECK,
    DRIFT,
    FLEET_DRIFT,
    FLEET_LIST,
    FLEET_PREVIEW,
    SWEEP,
    Case,
)
from hostile.fleet import HOSTILE, OTHERS, Fleet
from hostile.services import PLACES

_CANARY: Final = "a-s3cret-that-a-credential-command-prints"  # pragma: allowlist secret
_REFUSED: Final = {
    "LD_PRELOAD": "stacks/evil.so",
    "PYTHONPATH": "stacks",
    "PATH": "stacks",
    "PULUMI_HOME": "stacks",
    "SSL_CERT_FILE": "stacks/evil.pem",
    "HTTPS_PROXY": "http://localhost:1",
    "KZERO_SCIM_ALLOWED_HOSTS": "https://evil.example",
    "GIT_SSH_COMMAND": "evil",
}
_COMMANDS: Final = {
    "prints a secret and fails": 'echo "token={secret}" >&2; exit 3',
    "prints a secret in a line without a name": "echo {secret}",
    "prints workflow commands": "printf '##vso[x]\\n::error::{secret}\\n' >&2; printf '##vso[x]\\n'; exit 1",
    "sets LD_PRELOAD": "echo LD_PRELOAD={secret}",
    "never ends": "sleep 600",
    "prints without end": "yes {secret}",
    "prints half a name": "printf 'KZERO_CLIENT_SECRET\\0={secret}'",
}


def processes() -> Iterable[Case]:
    """Return the cases."""
    yield Case(
        key="environments",
        what="/proc shows the environments of workers, engines, programs and providers",
        commands=(FLEET_PREVIEW, FLEET_DRIFT),
        arrange=_in_variables,
        outcome=("unchanged",),
        codes={"fleet preview": (0,), "fleet drift": (0,)},
    )
    for name, value in _REFUSED.items():
        yield Case(
            key=key("credential-file", name),
            what=f"a credential file sets {name}",
            commands=(FLEET_DRIFT, FLEET_PREVIEW) if name == "LD_PRELOAD" else SWEEP,
            arrange=_adding(f"{name}={value}\n"),
            says=(f"sets {name}",),
        )
    for what, script in _COMMANDS.items():
        yield Case(
            key=key("credential-command", what),
            what=f"a credential command {what}",
            commands=SWEEP,
            arrange=_with_command(script.replace("{secret}", _CANARY)),
            secrets=(_CANARY,),
            outcome=("failed", "timed-out"),
            limit=15,
        )
    for what, arrange in (
        ("is a pipe without a writer", _pipe),
        ("is a link to /dev/zero", _zeros),
        ("has 8 MB", _large),
        ("is binary", _binary),
        ("is tracked by git", _tracked),
    ):
        yield Case(
            key=key("credential-file", what),
            what=f"the credential file {what}",
            commands=(FLEET_DRIFT, FLEET_LIST),
            arrange=arrange,
            outcome=("failed", "timed-out"),
            limit=15,
            codes={"fleet list": (1, 2)},
        )
    yield from _secrets_in_files()
    yield from _machine()


def _secrets_in_files() -> Iterable[Case]:
    """Return the cases of a secret in a file, which the sign-in echoes."""

    def arrange(fleet: Fleet) -> None:
        file = fleet.folder.with_name("secret-file")
        file.write_text(_CANARY, encoding="utf-8")
        fleet.sign_in_with({"ARM_CLIENT_SECRET": "", "ARM_CLIENT_SECRET_FILE_PATH": str(file)})

    yield Case(
        key="secret-file-echoed",
        what="Entra's sign-in echoes the content of ARM_CLIENT_SECRET_FILE_PATH",
        commands=(FLEET_DRIFT, FLEET_PREVIEW),
        arrange=arrange,
        rules=(Rule(path=PLACES["Entra's sign-in"], attack=attacks.echo("base64")),),
        secrets=(_CANARY,),
    )


def _machine() -> Iterable[Case]:
    one = (CHECK, DRIFT)
    password = "pr0xy-p@ssword"  # noqa: S105 - made up  # pragma: allowlist secret
    for name, address in (
        ("socks5", f"socks5://user:{password}@localhost:1"),
        ("no port", f"http://user:{password}@localhost:port"),
        ("no scheme", f"user:{password}@localhost"),
    ):
        yield Case(
            key=key("proxy", name),
            what=f"HTTPS_PROXY has a password and is not usable: {name}",
            commands=one,
            env={"HTTPS_PROXY": address, "https_proxy": address, "NO_PROXY": "", "no_proxy": ""},
            secrets=(password,),
            says=("HTTPS_PROXY",) if name != "no scheme" else (),
        )
    yield Case(
        key="ca-missing",
        what="SSL_CERT_FILE does not exist",
        commands=one,
        env={"SSL_CERT_FILE": "/nowhere/ca.pem"},
        says=("SSL_CERT_FILE", "/nowhere/ca.pem"),
    )


def _in_variables(fleet: Fleet) -> None:
    """Move the credentials of all tenants into the variables of the run, where its own process has them."""
    fleet.watched = {}
    for name in (HOSTILE, *OTHERS):
        file = fleet.folder / "credentials" / f"{name}.env"
        for line in file.read_text(encoding="utf-8").splitlines():
            variable, _, value = line.partition("=")
            fleet.watched[f"{variable}__{name.upper().replace('-', '_')}"] = value
        file.unlink()


def _adding(line: str) -> Callable[[Fleet], None]:
    def arrange(fleet: Fleet) -> None:
        with fleet.credential_file.open("a", encoding="utf-8") as file:
            file.write(line)

    return arrange


def _with_command(script: str) -> Callable[[Fleet], None]:
    def arrange(fleet: Fleet) -> None:
        own = f'if [ "$1" = {HOSTILE} ]; then {script}; else cat "credentials/$1.env"; fi'
        file = fleet.folder / "fleet.yaml"
        words = json.dumps(["sh", "-c", own, "sh", "{tenant}"])
        text = file.read_text(encoding="utf-8").replace("files: credentials\n", f"command: {words}\n")
        file.write_text(text, encoding="utf-8")

    return arrange


def _pipe(fleet: Fleet) -> None:
    fleet.credential_file.unlink()
    os.mkfifo(fleet.credential_file)


def _zeros(fleet: Fleet) -> None:
    fleet.credential_file.unlink()
    fleet.credential_file.symlink_to("/dev/zero")


def _large(fleet: Fleet) -> None:
    _adding("#" * 8_000_000)(fleet)


def _binary(fleet: Fleet) -> None:
    fleet.credential_file.write_bytes(bytes(range(256)) * 40)


def _tracked(fleet: Fleet) -> None:
    place = fleet.folder / "credentials"
    for words in (("init", "--quiet"), ("add", "--force", fleet.credential_file.name)):
        subprocess.run(["git", *words], cwd=place, check=True, capture_output=True)  # noqa: S603, S607 - made up here

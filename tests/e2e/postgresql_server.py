"""A temporary PostgreSQL server for one test: on loopback, with TLS only, and its data in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kzero_sandbox.serving import Certificates

USER: Final = "pulumi"
_START_LINES: Final = 200


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: Its address for Pulumi, without the password, which is in the environment.
        environment: Environment of its clients.
        programs: Folder of PostgreSQL's programs.
    """

    url: str
    environment: Mapping[str, str]
    programs: Path

    def ask(self, query: str) -> str:
        """Return psql's answer to a query, values only."""
        done = subprocess.run(
            [self.programs / "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", query, self.url],
            env={"PATH": os.environ["PATH"], **self.environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


@contextmanager
def postgresql(programs: Path, certificates: Certificates, password: str) -> Iterator[Server]:
    """Run a server while the block runs.

    Args:
        programs: Folder of initdb, postgres and psql.
        certificates: Certificates for localhost.
        password: Password of its only user.
    """
    # PostgreSQL refuses to run as root, and other users cannot access root's test folder.
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="kzero-scim-postgresql-"))
    try:
        secret = folder / "password"
        secret.write_text(password)
        for source, name in ((certificates.certificate_file, "server.pem"), (certificates.key_file, "server-key.pem")):
            shutil.copy(source, folder / name)
            (folder / name).chmod(0o600)
        for path in (folder, *folder.iterdir()):
            os.chown(path, *owner.values())
        as_owner: dict[str, Any] = {"user": owner["uid"], "group": owner["gid"], "extra_groups": []}
        options: dict[str, Any] = {"cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}}
        if os.geteuid() == 0:
            options |= as_owner
        subprocess.run(
            [
                *(programs / "initdb", "--pgdata", folder / "data", "--username", USER, "--pwfile", secret),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            **options,
        )
        port = _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "ssl": "on",
            "ssl_cert_file": folder / "server.pem",
            "ssl_key_file": folder / "server-key.pem",
            "fsync": "off",
        }
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", *flags], stderr=subprocess.PIPE, text=True, **options
        ) as process:
            try:
                _wait(process)
                yield Server(
                    f"postgres://{USER}@localhost:{port}/postgres"
                    f"?sslmode=verify-full&sslrootcert={certificates.ca_file}&connect_timeout=20",
                    {"PGPASSWORD": password},
                    programs,
                )
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if "ready to accept connections" in line:
            return
        if len(seen) > _START_LINES:
            break
    message = f"PostgreSQL did not start:\n{''.join(seen)}"
    raise AssertionError(message)


def _owner() -> dict[str, int]:
    entry = pwd.getpwuid(os.geteuid())
    if entry.pw_uid == 0:
        names = {user.pw_name: user for user in pwd.getpwall()}
        entry = names.get("postgres") or names["nobody"]
    return {"uid": entry.pw_uid, "gid": entry.pw_gid}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port

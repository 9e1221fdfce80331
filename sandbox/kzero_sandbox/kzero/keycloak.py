"""Run a real Keycloak as a child process, with its data in the sandbox's own directory.

The distribution is shared and read-only: Keycloak gets a home directory of links into it, and a separate data folder.
Must not know SCIM or tenants.
"""

import asyncio
import contextlib
import ctypes
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx

from kzero_sandbox.kzero.admin import KeycloakAdmin

VERSION = "26.7.3"
_HOST = "127.0.0.1"
_SHARED = ("lib", "conf", "providers", "themes")
_READY_SECONDS = 240.0
_POLL_SECONDS = 0.1
_STOP_SECONDS = 10.0
_LOG_TAIL_LINES = 12
_PR_SET_PDEATHSIG = 1
_MANAGEMENT_PORT = 25
"""The first major version with a port for health checks, and with the present options for its address."""
_BOOTSTRAP_CLIENT = 26
"""The first major version that creates an administrating client at its first start. Older ones create only a user."""

# The first compiler stage and the serial collector halve the start time, and a fifth of the memory is enough:
# measured on two cores, 6.4 s instead of 10 s and 330 MB instead of 1.7 GB.
_JVM = (
    "-Xms64m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxMetaspaceSize=256m",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
    "-Djava.security.egd=file:/dev/urandom",
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Dpicocli.disable.closures=true",
    "-Dquarkus-log-max-startup-records=10000",
    "-Duser.language=en",
    "-Duser.country=US",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.security=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
)


class KeycloakStartError(RuntimeError):
    """Keycloak is missing or did not become ready; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class MasterCredentials:
    """The service account in realm `master` with which the sandbox administers its Keycloak, and a console user."""

    client_id: str
    client_secret: str = field(repr=False)
    username: str
    password: str = field(repr=False)

    @classmethod
    def generate(cls) -> "MasterCredentials":
        """Return new credentials, which are valid as long as the sandbox's directory exists."""
        return cls(
            client_id="sandbox",
            client_secret=secrets.token_urlsafe(32),
            username="sandbox-admin",
            password=secrets.token_urlsafe(24),
        )


def distribution() -> Path:
    """Return the folder of the built Keycloak: KEYCLOAK_HOME, or the project's cache.

    Raises:
        KeycloakStartError: No built Keycloak exists; the message says where it was expected and how to get one.
    """
    configured = os.environ.get("KEYCLOAK_HOME")
    if configured:
        home = Path(configured)
    else:
        # Not Path.home(), which raises an error for a user without HOME and passwd entry.
        user_cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))  # noqa: PTH111
        home = Path(os.environ.get("KZERO_SCIM_CACHE") or user_cache / "kzero-scim") / f"keycloak-{VERSION}"
    if not (home / "lib" / "quarkus-run.jar").is_file():
        message = f"no Keycloak {VERSION} at {home}: run `make setup`, or set KEYCLOAK_HOME to a distribution"
        raise KeycloakStartError(message)
    if not (home / "lib" / "quarkus" / "build-system.properties").is_file():
        message = (
            f"the Keycloak at {home} is not built: run `bin/kc.sh build --db=dev-file --health-enabled=true "
            "--features=scim-api` there, or `make setup`"
        )
        raise KeycloakStartError(message)
    return home


def release(home: Path) -> int:
    """Return the major version of a Keycloak distribution, or that of `VERSION` if it does not say."""
    try:
        text = (home / "version.txt").read_text(encoding="utf-8")
    except OSError:
        text = VERSION
    found = re.search(r"(\d+)\.\d+", text)
    return int(found.group(1)) if found else int(VERSION.partition(".")[0])


class KeycloakProcess:
    """One Keycloak server: call `start` from the main thread, then `wait_ready`, finally `stop`.

    Args:
        home: The folder for its data; created if it is missing.
        port: Its HTTP port on loopback.
        management_port: The port of its health endpoint on loopback.
        public_url: The origin that users see, for example `https://localhost:8443`.
        credentials: The administrators that the first start creates in the master realm.
        log: The file to which the server's output is appended.
    """

    def __init__(  # noqa: PLR0913 - one keyword per setting of the server
        self, *, home: Path, port: int, management_port: int, public_url: str, credentials: MasterCredentials, log: Path
    ) -> None:
        """Prepare the server without starting it."""
        self._home = home
        self._port = port
        self._management_port = management_port
        self._public_url = public_url
        self._credentials = credentials
        self._log = log
        self._release = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def url(self) -> str:
        """The server's own address, behind the front."""
        return f"http://{_HOST}:{self._port}"

    def start(self) -> None:
        """Start the server and return immediately.

        Call this from the main thread: Linux ends the child when the thread that started it ends.

        Raises:
            KeycloakStartError: Keycloak or Java is missing.
        """
        java = shutil.which("java", path=_java_path())
        if java is None:
            message = "no `java` on PATH or in JAVA_HOME: Keycloak needs Java 17 or later"
            raise KeycloakStartError(message)
        source = distribution()
        self._release = release(source)
        self._link(source)
        self._output = self._log.open("ab")
        self._process = subprocess.Popen(  # noqa: S603 - a fixed command, no shell
            [java, *_JVM, *self._arguments()],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=self._environment(),
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one call into libc
        )

    async def wait_ready(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Wait until the server answers requests.

        Args:
            progress: Receives messages about what the server is doing.

        Raises:
            KeycloakStartError: The server ended or took longer than four minutes; the message has the end of its log.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        port = self._management_port if self._release >= _MANAGEMENT_PORT else self._port
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            while True:
                if self._process is None or self._process.poll() is not None:
                    raise KeycloakStartError(self._failure("ended while it started"))
                if clock() - began > _READY_SECONDS:
                    raise KeycloakStartError(self._failure(f"was not ready after {_READY_SECONDS:.0f} s"))
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"http://{_HOST}:{port}/health/ready")).is_success:
                        break
                progress(f"Keycloak {self._release} is starting ({clock() - began:.0f} s)")
                await asyncio.sleep(_POLL_SECONDS)
        if self._release < _BOOTSTRAP_CLIENT:
            await create_master_client(self.url, self._credentials)

    def stop(self) -> None:
        """Stop the server and wait for its end; does nothing if it is not running."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._output is not None:
            self._output.close()

    def ended(self) -> str | None:
        """Return why the server is no longer running, or None while it runs."""
        if self._process is None or self._process.poll() is None:
            return None
        return self._failure("ended")

    def _link(self, source: Path) -> None:
        (self._home / "data").mkdir(parents=True, exist_ok=True)
        for name in _SHARED:
            link = self._home / name
            if link.is_symlink():
                link.unlink()  # the cache may have moved since the last start
            link.symlink_to(source / name)

    def _arguments(self) -> list[str]:
        return [
            f"-Dkc.home.dir={self._home}",
            f"-Djboss.server.config.dir={self._home / 'conf'}",
            "-cp",
            str(self._home / "lib" / "quarkus-run.jar"),
            "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
            "start",
            "--optimized",
            "--http-enabled=true",
            f"--http-host={_HOST}",
            f"--http-port={self._port}",
            *self._address_arguments(),
            # Readiness is polled during the start; Keycloak would log each negative answer.
            "--log-level=info,io.smallrye.health:off",
        ]

    def _address_arguments(self) -> list[str]:
        if self._release < _MANAGEMENT_PORT:
            return [f"--hostname-url={self._public_url}", f"--hostname-admin-url={self._public_url}", "--proxy=edge"]
        return [
            "--http-management-scheme=http",
            f"--http-management-port={self._management_port}",
            f"--hostname={self._public_url}",
            "--proxy-headers=xforwarded",
            "--cache=local",  # older versions take it only when they are built
        ]

    def _environment(self) -> dict[str, str]:
        unwanted = ("KC_", "KEYCLOAK_", "QUARKUS_", "JAVA_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        if self._release < _BOOTSTRAP_CLIENT:
            user = {"KEYCLOAK_ADMIN": self._credentials.username, "KEYCLOAK_ADMIN_PASSWORD": self._credentials.password}
            return kept | user
        return kept | {
            "KC_BOOTSTRAP_ADMIN_CLIENT_ID": self._credentials.client_id,
            "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET": self._credentials.client_secret,
            "KC_BOOTSTRAP_ADMIN_USERNAME": self._credentials.username,
            "KC_BOOTSTRAP_ADMIN_PASSWORD": self._credentials.password,
        }

    def _failure(self, what: str) -> str:
        lines = self._log.read_text(errors="replace").splitlines() if self._log.is_file() else []
        tail = " | ".join(line.strip() for line in lines[-_LOG_TAIL_LINES:] if line.strip())
        return f"Keycloak {what}; the end of its log {self._log}: {tail or '(empty)'}"


async def create_master_client(url: str, credentials: MasterCredentials) -> None:
    """Create the administrating client in realm `master` as its console user, unless it exists.

    Args:
        url: Keycloak's own address.
        credentials: The client, and the user.
    """
    async with KeycloakAdmin(url, username=credentials.username, password=credentials.password) as admin:
        if await admin.get("/master/clients", clientId=credentials.client_id):
            return
        body = {
            "clientId": credentials.client_id,
            "secret": credentials.client_secret,
            "publicClient": False,
            "serviceAccountsEnabled": True,
            "standardFlowEnabled": False,
        }
        made = await admin.request("POST", "/master/clients", json=body)
        uuid = made.headers["Location"].rpartition("/")[2]
        account = await admin.get(f"/master/clients/{uuid}/service-account-user")
        role = await admin.get("/master/roles/admin")
        await admin.request("POST", f"/master/users/{account['id']}/role-mappings/realm", json=[role])


def _java_path() -> str:
    home = os.environ.get("JAVA_HOME")
    path = os.environ.get("PATH", os.defpath)
    return f"{home}/bin{os.pathsep}{path}" if home else path


def _die_with_parent() -> None:
    """Ask Linux to end this process when its parent ends for any reason."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

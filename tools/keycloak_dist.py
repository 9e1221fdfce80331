"""Provides the Keycloak that the sandbox's KZero runs on: downloads Maven's artifact and builds it once in the cache.

`python -m tools.keycloak_dist --print` prints its folder.
"""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path

from tools import cache, progress, version
from tools.problem import Problem, run_main

VERSION = "26.7.3"
NAME = f"keycloak-{VERSION}"
OLDEST_JAVA = 17

BUILD_OPTIONS = ("--db=dev-file", "--health-enabled=true", "--features=scim-api", "--http-relative-path=/")
"""Build-time options of Keycloak, fixed so that `kc.sh start --optimized` starts without another build."""

_ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_BUILT_WITH = "kzero-scim-build-options.txt"


def home() -> Path:
    """Return Keycloak's folder, even if it does not exist: `KEYCLOAK_HOME` if it is set, otherwise one in the cache."""
    chosen = os.environ.get("KEYCLOAK_HOME")
    return Path(chosen).expanduser().absolute() if chosen else cache.root() / NAME


def set_up() -> Path:
    """Return Keycloak's folder, after downloading and building it if needed.

    Raises:
        Problem: Maven is missing, the download failed, or the build failed.
    """
    folder = home()
    if not _is_ready(folder):
        with cache.locked(NAME):
            if not _is_ready(folder):
                _fetch_and_build()
    return folder


def check() -> None:
    """Check the requirements of `set_up` and of Keycloak's start.

    Raises:
        Problem: Java or Maven is missing or too old, or `KEYCLOAK_HOME` is not a Keycloak.
    """
    _check_java()
    folder = home()
    if os.environ.get("KEYCLOAK_HOME") and not (folder / "bin" / "kc.sh").exists():
        msg = f"KEYCLOAK_HOME is {folder}, which has no bin/kc.sh; correct or unset it"
        raise Problem(msg)
    if not _is_ready(folder):
        _maven()


def _is_ready(folder: Path) -> bool:
    # A Keycloak that the user provides is used as it is.
    if os.environ.get("KEYCLOAK_HOME"):
        return True
    marker = folder / _BUILT_WITH
    return marker.exists() and marker.read_text(encoding="utf-8").split() == list(BUILD_OPTIONS)


def _check_java() -> None:
    own = os.environ.get("JAVA_HOME")
    # The places where kc.sh looks, in the same order.
    program = str(Path(own) / "bin" / "java") if own else shutil.which("java")
    remedy = f"install Java {OLDEST_JAVA} or newer for the sandbox's Keycloak"
    if not program:
        msg = f"Java is not on PATH and JAVA_HOME is not set; {remedy}"
        raise Problem(msg)
    release = version.java_release(progress.ask([program, "-version"]) or "")
    if release is None:
        msg = f"{program} does not print its version; {remedy}"
        raise Problem(msg)
    if release < OLDEST_JAVA:
        msg = f"Java {release} at {program} is too old; {remedy}"
        raise Problem(msg)


def _maven() -> Path:
    maven = shutil.which("mvn")
    if not maven:
        msg = (
            "Maven is not on PATH; install it (command mvn) to download the sandbox's Keycloak, or set "
            f"KEYCLOAK_HOME to a Keycloak {VERSION} built with `kc.sh build {' '.join(BUILD_OPTIONS)}`"
        )
        raise Problem(msg)
    return Path(maven)


def _fetch_and_build() -> None:
    maven = _maven()
    with cache.building(NAME) as work:
        # Outside the unpacked folder, because that folder becomes the cache's entry.
        download = work / "download"
        progress.run(
            f"Downloading Keycloak {VERSION} with Maven",
            [maven, "-B", "-ntp", _COPY, f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={download}"],
            log="keycloak-download",
            expected="177 MB, about a minute if Maven has not cached it",
            # A folder without a pom.xml.
            cwd=work,
        )
        archive = download / f"keycloak-quarkus-dist-{VERSION}.zip"
        with zipfile.ZipFile(archive) as content:
            content.extractall(work)
        shutil.rmtree(download)
        unpacked = work / NAME
        for item in unpacked.iterdir():
            item.rename(work / item.name)
        unpacked.rmdir()
        # zipfile does not restore permissions.
        for script in (work / "bin").glob("*.sh"):
            script.chmod(0o755)
        progress.run(
            f"Building Keycloak {VERSION} for the sandbox",
            [work / "bin" / "kc.sh", "build", *BUILD_OPTIONS],
            log="keycloak-build",
            expected="about 25 s",
        )
        (work / _BUILT_WITH).write_text("\n".join(BUILD_OPTIONS) + "\n", encoding="utf-8")


def main() -> None:
    """Set Keycloak up; with `--print`, only print its folder."""
    if "--print" not in sys.argv[1:]:
        check()
        set_up()
    print(home())


if __name__ == "__main__":
    run_main(main)

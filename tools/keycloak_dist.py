"""Provides the Keycloak that the sandbox's KZero runs on: downloads Maven's artifact and builds it once in the cache.

Tests also use the oldest supported version. `python -m tools.keycloak_dist --print` prints the present one's folder.
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
OLDEST = "22.0.5"
"""The oldest version that the product supports, for tests. `kzero_scim/keycloak/server_version.py` names it too."""
OLDEST_JAVA = 17

_COMMON_OPTIONS = ("--db=dev-file", "--health-enabled=true", "--http-relative-path=/")
BUILD_OPTIONS = {VERSION: (*_COMMON_OPTIONS, "--features=scim-api"), OLDEST: (*_COMMON_OPTIONS, "--cache=local")}
"""Build-time options of each version, fixed so that `kc.sh start --optimized` starts without another build."""

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_BUILT_WITH = "kzero-scim-build-options.txt"


def home() -> Path:
    """Return Keycloak's folder, even if it does not exist: `KEYCLOAK_HOME` if it is set, otherwise one in the cache."""
    chosen = os.environ.get("KEYCLOAK_HOME")
    return Path(chosen).expanduser().absolute() if chosen else _cached(VERSION)


def set_up() -> Path:
    """Return Keycloak's folder, after downloading and building it if needed.

    Raises:
        Problem: Maven is missing, the download failed, or the build failed.
    """
    # A Keycloak that the user provides is used as it is.
    return home() if os.environ.get("KEYCLOAK_HOME") else _provide(VERSION)


def set_up_oldest() -> Path:
    """Return the folder of the oldest supported Keycloak, after downloading and building it if needed.

    Raises:
        Problem: As `set_up`.
    """
    return _provide(OLDEST)


def oldest_home() -> Path:
    """Return the folder of the oldest supported Keycloak.

    Raises:
        Problem: It is not there.
    """
    if not _is_ready(OLDEST):
        msg = f"no Keycloak {OLDEST} at {_cached(OLDEST)}; run `tools/bootstrap --tests`"
        raise Problem(msg)
    return _cached(OLDEST)


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
    if not os.environ.get("KEYCLOAK_HOME") and not _is_ready(VERSION):
        _maven()


def _cached(release: str) -> Path:
    return cache.root() / f"keycloak-{release}"


def _provide(release: str) -> Path:
    if not _is_ready(release):
        with cache.locked(_cached(release).name):
            if not _is_ready(release):
                _fetch_and_build(release)
    return _cached(release)


def _is_ready(release: str) -> bool:
    marker = _cached(release) / _BUILT_WITH
    return marker.exists() and set(marker.read_text(encoding="utf-8").split()) == set(BUILD_OPTIONS[release])


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
            f"KEYCLOAK_HOME to a Keycloak {VERSION} built with `kc.sh build {' '.join(BUILD_OPTIONS[VERSION])}`"
        )
        raise Problem(msg)
    return Path(maven)


def _fetch_and_build(release: str) -> None:
    maven = _maven()
    with cache.building(_cached(release).name) as work:
        # Outside the unpacked folder, because that folder becomes the cache's entry.
        download = work / "download"
        progress.run(
            f"Downloading Keycloak {release} with Maven",
            [
                maven,
                "-B",
                "-ntp",
                _COPY,
                f"-Dartifact=org.keycloak:keycloak-quarkus-dist:{release}:zip",
                f"-DoutputDirectory={download}",
            ],
            log="keycloak-download",
            expected="177 MB, about a minute if Maven has not cached it",
            # A folder without a pom.xml.
            cwd=work,
        )
        archive = download / f"keycloak-quarkus-dist-{release}.zip"
        with zipfile.ZipFile(archive) as content:
            content.extractall(work)
        shutil.rmtree(download)
        unpacked = work / _cached(release).name
        for item in unpacked.iterdir():
            item.rename(work / item.name)
        unpacked.rmdir()
        # zipfile does not restore permissions.
        for script in (work / "bin").glob("*.sh"):
            script.chmod(0o755)
        progress.run(
            f"Building Keycloak {release} for the sandbox",
            [work / "bin" / "kc.sh", "build", *BUILD_OPTIONS[release]],
            log="keycloak-build",
            expected="about 25 s",
        )
        (work / _BUILT_WITH).write_text("\n".join(BUILD_OPTIONS[release]) + "\n", encoding="utf-8")


def main() -> None:
    """Set Keycloak up; with `--print`, only print its folder."""
    if "--print" not in sys.argv[1:]:
        check()
        set_up()
    print(home())


if __name__ == "__main__":
    run_main(main)

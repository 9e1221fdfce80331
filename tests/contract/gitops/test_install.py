"""gitops/install.sh installs nothing without a pinned hash; stand-ins replace Python, curl and the Pulumi CLI."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tools.cache import CHECKOUT

_PYTHON = """#!/bin/sh
# `python3 -m venv .venv` creates an environment whose programs write down how they are called.
mkdir -p .venv/bin
printf '#!/bin/sh\\necho "pip $*" >>log\\n' >.venv/bin/pip
printf '#!/bin/sh\\necho 6.11.1\\n' >.venv/bin/python
chmod +x .venv/bin/*
"""
_CURL = """#!/bin/sh
for last; do :; done
echo "curl $last" >>log
while [ "$1" != --output ]; do shift; done
cp "releases/${last##*/}" "$2"
"""
_UNAME = "#!/bin/sh\necho x86_64\n"
CLI = "pulumi-v3.259.0-linux-x64.tar.gz"
PLUGIN = "pulumi-resource-azuread-v6.11.1-linux-amd64.tar.gz"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with install.sh and the archives of the releases, none of them pinned."""
    (tmp_path / "gitops").mkdir()
    shutil.copy(CHECKOUT / "gitops" / "install.sh", tmp_path / "gitops")
    for folder, name, text in (("bin", "python3", _PYTHON), ("bin", "curl", _CURL), ("bin", "uname", _UNAME)):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(text)
        (tmp_path / folder / name).chmod(0o755)
    (tmp_path / "releases").mkdir()
    program = b'#!/bin/sh\necho "pulumi ${*%/*}" >>log\n'
    with tarfile.open(tmp_path / "releases" / CLI, "w:gz") as archive:
        member = tarfile.TarInfo("pulumi/pulumi")
        member.size, member.mode = len(program), 0o755
        archive.addfile(member, io.BytesIO(program))
    (tmp_path / "releases" / PLUGIN).write_bytes(b"the plugin")
    return tmp_path


def install(project: Path, **pinned: str) -> subprocess.CompletedProcess[str]:
    """Pin archives and run install.sh."""
    lines = [f"{digest}  {name}\n" for name, digest in pinned.items()]
    (project / "gitops" / "checksums.txt").write_text("# a comment\n" + "".join(lines))
    return subprocess.run(
        [project / "gitops" / "install.sh"],
        env={"PATH": f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def right(project: Path, name: str) -> str:
    return hashlib.sha256((project / "releases" / name).read_bytes()).hexdigest()


def test_everything_is_pinned(project: Path) -> None:
    """Pip gets hashes for all packages, builds nothing else, and pulumi downloads nothing itself."""
    done = install(project, **{name: right(project, name) for name in (CLI, PLUGIN)})

    assert (done.returncode, done.stderr) == (0, "")
    hashes = "pip install --quiet --require-hashes --only-binary :all: -r"
    lines = (project / "log").read_text().splitlines()
    assert lines[:3] == [
        f"{hashes} requirements.lock",
        f"{hashes} gitops/build.lock",
        "pip install --quiet --no-deps --no-build-isolation .",
    ]
    assert lines[-1].startswith("pulumi plugin install resource azuread 6.11.1 --file /")


@pytest.mark.parametrize("missing", [CLI, PLUGIN])
def test_an_archive_without_a_checksum_is_not_downloaded(project: Path, missing: str) -> None:
    done = install(project, **{name: right(project, name) for name in (CLI, PLUGIN) if name != missing})

    assert done.returncode == 1
    assert done.stderr == (
        f"error: gitops/checksums.txt has no checksum of {missing}, so it is not downloaded. Run "
        "`python -m tools.checksums` in an up-to-date checkout of main, and commit the file\n"
    )
    assert missing not in (project / "log").read_text()


@pytest.mark.parametrize("other", [CLI, PLUGIN])
def test_another_archive_is_not_installed(project: Path, other: str) -> None:
    pinned = {name: right(project, name) for name in (CLI, PLUGIN)}
    done = install(project, **pinned | {other: "0" * 64})

    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "pulumi plugin install" not in (project / "log").read_text()
    assert (project / ".venv" / "bin" / "pulumi").exists() == (other == PLUGIN)

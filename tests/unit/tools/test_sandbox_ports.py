"""The demos find free ports, keep the ports that a sandbox's data name, and say what they chose."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest
import yaml
from kzero_sandbox.addresses import Ports, Urls
from kzero_sandbox.fleet import OWN_STACK, write_own_project

from tools import sandbox_ports
from tools.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program uses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def usual(monkeypatch: pytest.MonkeyPatch, **ports: int) -> None:
    """Make these the usual ports."""
    found = Ports(**({"kzero": 1, "entra": 2, "keycloak": 3} | ports))
    monkeypatch.setattr(sandbox_ports, "Ports", lambda **given: Ports(**given) if given else found)


def test_the_usual_ports_need_no_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_ports, "_is_free", lambda _: True)

    assert sandbox_ports.options(tmp_path) == []


def test_a_port_in_use_is_replaced_by_a_free_one_and_printed(
    tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the port in use changes; the line names both."""
    usual(monkeypatch, kzero=taken, entra=0, keycloak=0)

    [option] = sandbox_ports.options(tmp_path)

    chosen = re.fullmatch(r"--kzero-port=(\d+)", option)
    assert chosen is not None
    assert int(chosen.group(1)) != taken
    assert capsys.readouterr().out == (
        f"Port {taken} is in use by another program. The sandbox takes free ports: kzero {chosen.group(1)}\n"
    )


def test_a_sandbox_keeps_the_ports_that_its_data_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stacks name the addresses, and another address would be a move to another server."""
    (tmp_path / "env").write_text(
        "export KZERO_SERVER_URL='https://localhost:9443'\nexport ARM_METADATA_HOSTNAME='localhost:9444'\n"
    )
    monkeypatch.setattr(sandbox_ports, "_is_free", lambda _: True)
    assert sandbox_ports.options(tmp_path) == ["--kzero-port=9443", "--entra-port=9444"]

    monkeypatch.setattr(sandbox_ports, "_is_free", lambda port: port != 9443)
    with pytest.raises(Problem, match=r"another program uses port 9443.*make clean"):
        sandbox_ports.options(tmp_path)


def test_a_sandbox_on_other_ports_has_a_project_that_names_them(tmp_path: Path) -> None:
    """The checkout's stack file names the usual ports, so it serves only a sandbox on these."""
    urls = Urls(kzero="https://localhost:9443", entra="https://localhost:9444", keycloak="http://127.0.0.1:1")
    tracked = yaml.safe_load(OWN_STACK.read_text())["config"]
    there = Urls(
        kzero=tracked["kzero-scim:kzeroServerUrl"], entra=f"https://{tracked['azuread:metadataHost']}", keycloak="x"
    )

    assert not write_own_project(there, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert write_own_project(urls, tmp_path / "project")

    config = yaml.safe_load((tmp_path / "project/stacks/Pulumi.sandbox.yaml").read_text())["config"]
    assert config == tracked | {
        "kzero-scim:kzeroServerUrl": "https://localhost:9443",
        "azuread:metadataHost": "localhost:9444",
    }
    assert (tmp_path / "project/__main__.py").is_file()

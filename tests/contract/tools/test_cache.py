"""The cache holds complete builds only, whatever interrupts one, and a failed step shows its log."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from tools import cache, keycloak_dist, progress
from tools.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KZERO_SCIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KEYCLOAK_HOME", raising=False)
    return tmp_path / "cache"


def test_the_cache_is_in_the_users_cache_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KZERO_SCIM_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.root() == tmp_path / "xdg" / "kzero-scim"

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.root() == tmp_path / ".cache" / "kzero-scim"


def test_a_build_is_moved_into_place_when_it_is_complete(root: Path) -> None:
    with cache.locked("thing"), cache.building("thing") as work:
        (work / "file").write_text("content")
        assert not (root / "thing").exists()

    assert (root / "thing" / "file").read_text() == "content"


def test_a_failed_build_leaves_nothing_and_keeps_the_previous_one(root: Path) -> None:
    with cache.locked("thing"), cache.building("thing") as work:
        (work / "file").write_text("former")

    def fail() -> None:
        with cache.locked("thing"), cache.building("thing") as work:
            (work / "file").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert (root / "thing" / "file").read_text() == "former"
    assert [path.name for path in root.glob(".thing-*")] == []


def test_a_build_removes_what_a_killed_one_left(root: Path) -> None:
    (root / ".thing-dead").mkdir(parents=True)

    with cache.locked("thing"), cache.building("thing"):
        pass

    assert not (root / ".thing-dead").exists()


def test_a_failed_step_shows_the_last_lines_and_the_path_of_its_log(root: Path) -> None:
    program = "for i in range(100): print('line', i)\nraise SystemExit(3)"

    with pytest.raises(Problem, match="exit code 3") as caught:
        progress.run("Doing a thing", [sys.executable, "-c", program], log="thing")

    text = str(caught.value)
    assert text.startswith("Doing a thing")
    assert str(root / "logs" / "thing.log") in text
    assert text.endswith("    line 99")
    assert text.count("\n") == progress.LAST_LINES


def test_a_progress_line_is_rewritten_on_a_terminal_only() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, lines in ((Terminal(), 1), (io.StringIO(), 2)):
        line = progress.Line("Building", stream=stream)
        line.tick()
        line.close("done")

        assert stream.getvalue().count("\n") == lines
        assert "done after 0 s" in stream.getvalue()


def test_a_short_command_that_is_missing_fails_or_is_too_slow_returns_none() -> None:
    assert progress.ask(["/nowhere/program"]) is None
    assert progress.ask([sys.executable, "-c", "raise SystemExit(1)"]) is None
    assert progress.ask([sys.executable, "-c", "input()"]) is None
    assert progress.ask([sys.executable, "-c", "print('here')"]) == "here"


def test_a_keycloak_home_without_keycloak_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYCLOAK_HOME", str(tmp_path / "nowhere"))

    with pytest.raises(Problem, match=r"KEYCLOAK_HOME is .*nowhere"):
        keycloak_dist.check()

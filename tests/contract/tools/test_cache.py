"""The cache of builds: whole or not there, whatever happens to a build; and what a failed step shows."""

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


def test_the_cache_lies_in_the_users_cache_folder_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KZERO_SCIM_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.root() == tmp_path / "xdg" / "kzero-scim"

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.root() == tmp_path / ".cache" / "kzero-scim"


def test_a_build_takes_its_place_when_it_is_whole(root: Path) -> None:
    with cache.locked("thing"), cache.building("thing") as work:
        (work / "file").write_text("content")
        assert not (root / "thing").exists()

    assert (root / "thing" / "file").read_text() == "content"


def test_a_failed_build_leaves_nothing_and_the_former_one_in_place(root: Path) -> None:
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


def test_what_a_killed_build_left_is_removed_by_the_next(root: Path) -> None:
    (root / ".thing-dead").mkdir(parents=True)

    with cache.locked("thing"), cache.building("thing"):
        pass

    assert not (root / ".thing-dead").exists()


def test_a_failed_step_shows_the_end_of_its_log_and_where_it_is(root: Path) -> None:
    program = "for i in range(100): print('line', i)\nraise SystemExit(3)"

    with pytest.raises(Problem, match="exit code 3") as caught:
        progress.run("Doing a thing", [sys.executable, "-c", program], log="thing")

    text = str(caught.value)
    assert text.startswith("Doing a thing")
    assert str(root / "logs" / "thing.log") in text
    assert text.endswith("    line 99")
    assert text.count("\n") == progress.LAST_LINES


def test_a_terminals_line_is_rewritten_and_a_logs_lines_are_not() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, lines in ((Terminal(), 1), (io.StringIO(), 2)):
        line = progress.Line("Building", stream=stream)
        line.tick()
        line.close("done")

        assert stream.getvalue().count("\n") == lines
        assert "done after 0 s" in stream.getvalue()


def test_a_short_command_that_is_missing_fails_or_takes_too_long_gives_nothing() -> None:
    assert progress.ask(["/nowhere/program"]) is None
    assert progress.ask([sys.executable, "-c", "raise SystemExit(1)"]) is None
    assert progress.ask([sys.executable, "-c", "input()"]) is None
    assert progress.ask([sys.executable, "-c", "print('here')"]) == "here"


def test_a_keycloak_of_the_users_must_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYCLOAK_HOME", str(tmp_path / "nowhere"))

    with pytest.raises(Problem, match=r"KEYCLOAK_HOME is .*nowhere"):
        keycloak_dist.check()

"""Pages for contributors: their paths exist, their worked examples lead through files, and their layers are true."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DECISIONS = CHECKOUT / "docs" / "decisions"
PAGES = [CHECKOUT / "CONTRIBUTING.md", CHECKOUT / "docs" / "architecture.md", *sorted(DECISIONS.glob("*.md"))]
PACKAGE = CHECKOUT / "kzero_scim"

_BLOCK = re.compile(r"^```(?P<language>\S*) ?(?P<words>\S*)\n(?P<lines>.*?)^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?P<path>\.?\w[\w.*-]*(/[\w.*-]+)*/?)(:\d+)?")


def _named(page: Path) -> Iterator[str]:
    """Yield the paths that a page names: in code spans, in its layout and in its worked examples."""
    text = page.read_text(encoding="utf-8")
    for block in _BLOCK.finditer(text):
        if block["language"] in {"text", "files"}:
            yield from (line.split()[0] for line in block["lines"].splitlines() if line.strip())
    for code in _CODE.findall(_BLOCK.sub("", text)):
        found = _PATH.fullmatch(code)
        if found and "/" in code and not code.startswith(".venv"):
            yield found["path"]


def _exists(path: str) -> bool:
    """Tell whether a path leads to something in the checkout, or names a folder inside the package."""
    return any(CHECKOUT.glob(path.rstrip("/"))) or (path.endswith("/") and any(PACKAGE.rglob(path.rstrip("/"))))


def _examples() -> list[tuple[str, str]]:
    text = PAGES[0].read_text(encoding="utf-8")
    blocks = [block for block in _BLOCK.finditer(text) if block["language"] == "files"]
    return [(block["words"], line) for block in blocks for line in block["lines"].splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_path_exists(page: Path) -> None:
    """A page names no file or folder that has moved."""
    assert [path for path in _named(page) if not _exists(path)] == []


def test_there_are_three_worked_examples() -> None:
    """A setting, a resource and a sandbox operation each have a list of files."""
    assert len({words for words, _ in _examples()}) == 3


@pytest.mark.parametrize(("words", "file"), _examples())
def test_worked_examples_lead_through_the_files_they_list(words: str, file: str) -> None:
    """Each listed file mentions the example, in one of its spellings."""
    text = (CHECKOUT / file).read_text(encoding="utf-8")

    assert any(word in text for word in words.split("|"))


def test_the_layers_are_those_of_the_import_contract() -> None:
    """The table of docs/architecture.md has the rows of the contract in pyproject.toml, in its order."""
    contracts = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(contract["layers"] for contract in contracts["contracts"] if contract["type"] == "layers")
    wanted = [{module.strip().removeprefix("kzero_scim.") for module in layer.split("|")} for layer in layers]
    table = PAGES[1].read_text(encoding="utf-8").partition("| layer | contents |\n|---|---|\n")[2].partition("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines()]

    assert [{Path(path).stem for path in _CODE.findall(row)} for row in rows] == wanted


def test_the_index_lists_every_decision() -> None:
    """docs/decisions/README.md links every decision, and the numbers have no gap."""
    numbers = [file.name[:4] for file in sorted(DECISIONS.glob("0*.md"))]
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert all(file.name in index for file in DECISIONS.glob("0*.md"))

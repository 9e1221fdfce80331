"""YAML of stack files: dangerous documents are refused, and written documents are read back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kzero_scim.errors import SettingsError
from kzero_scim.stack import safe_yaml, yaml_writer

LAUGHS = "config:\n  a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"  {name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (LAUGHS, "line 2: cannot be read as YAML: anchors and aliases are not allowed; repeat the value instead"),
        ("a: *b", "line 1: cannot be read as YAML: anchors and aliases are not allowed; repeat the value instead"),
        ("a: &a [*a]", "line 1: cannot be read as YAML: anchors and aliases are not allowed; repeat the value instead"),
        (
            "a: !!python/object/apply:os.system [x]",
            "line 1: cannot be read as YAML: tags are not allowed; remove the tag",
        ),
        ("a: !!binary aGk=", "line 1: cannot be read as YAML: tags are not allowed; remove the tag"),
        ("a: 1\nb: 2\na: 3", "line 3: cannot be read as YAML: the key 'a' occurs twice; remove one"),
        ("a:\n  <<: {b: 1}", "line 2: cannot be read as YAML: a key is not a text; put it in quotes"),
        ("1: a", "line 1: cannot be read as YAML: a key is not a text; put it in quotes"),
        ("? [a, b]\n: c", "line 1: cannot be read as YAML: a key is not a text; put it in quotes"),
        ("a: " + "[" * 10_000, "line 1: cannot be read as YAML: more than 30 levels are nested; use fewer"),
        ("{a: " * 10_000, "line 1: cannot be read as YAML: more than 30 levels are nested; use fewer"),
        ("- " * 10_000, "line 1: cannot be read as YAML: more than 30 levels are nested; use fewer"),
        ("a: b\n---\nc: d", "line 2: cannot be read as YAML: but found another document"),
        ("a: .inf", "line 1: cannot be read as YAML: the number is not finite; correct it"),
        ("a: 1e999", "line 1: cannot be read as YAML: the number is not finite; correct it"),
        ("a: 'b", "line 1: cannot be read as YAML: found unexpected end of stream"),
        ("a: \x1b[2J", "f.yaml: cannot be read as YAML: special characters are not allowed"),
        ("a: " + "x" * 1024 * 1024, "f.yaml is larger than 1 MB, the limit for stack files; shorten it"),
        ("a: " + "9" * 5000, "f.yaml: cannot be read as YAML: ValueError"),
    ],
)
def test_a_dangerous_document_is_refused_in_one_line(text: str, line: str) -> None:
    """A document that expands or misleads is refused quickly, with one line that names its place."""
    started = time.monotonic()

    with pytest.raises(SettingsError) as caught:
        safe_yaml.load(text, "f.yaml")

    assert str(caught.value).removeprefix("f.yaml, ") == line
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("True", True),
        ("0o17", 15),
        ("017", 15),
        ("0x1F", 31),
        ("-1_000", -1000),
        ("08", 8.0),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("2001-01-01", "2001-01-01"),
        ("12:30:00", "12:30:00"),
        ("~", None),
        ("", None),
        ("'7'", "7"),
        ("<", "<"),
    ],
)
def test_plain_words_are_read_as_pulumi_reads_them(text: str, value: object) -> None:
    """Plain words are read by YAML 1.2, as Pulumi does: ``yes`` and dates are strings."""
    found = safe_yaml.load(f"a: {text}", "f.yaml")["a"]

    assert found == value
    assert type(found) is type(value)


def test_the_projects_own_stack_files_are_read() -> None:
    """The project's own stack files are read as PyYAML reads them."""
    for file in sorted((Path(__file__).resolve().parents[3] / "stacks").glob("*.yaml")):
        assert safe_yaml.read(file) == yaml.safe_load(file.read_text(encoding="utf-8"))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """The error for a folder or a binary file names it."""
    odd = tmp_path / "odd\x1b.yaml"
    odd.write_bytes(b"\xff\xfe\xfa")

    with pytest.raises(SettingsError, match=r"odd\\x1b\.yaml cannot be read: it is not UTF-8; save it as UTF-8"):
        safe_yaml.read(odd)
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        safe_yaml.read(tmp_path)
    with pytest.raises(FileNotFoundError):
        safe_yaml.read(tmp_path / "none")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["yes", "0o17", "1_000", "1e3", "2001-01-01", "~", "", "<<", "&a", "*a", "!b", "a: b", "# c"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@settings(deadline=None)
@given(JSON)
def test_a_written_document_is_read_back(document: Any) -> None:  # noqa: ANN401 - any JSON value
    """A written document is read back unchanged, by this reader and by PyYAML."""
    written = yaml_writer.dump(document)

    assert safe_yaml.load(written, "f.yaml") == document


def test_a_value_in_two_places_is_written_twice() -> None:
    """A value in two places is written twice instead of as an anchor, which is refused."""
    shared = ["a"]

    assert safe_yaml.load(yaml_writer.dump({"x": shared, "y": shared}), "f.yaml") == {"x": ["a"], "y": ["a"]}


@settings(deadline=None)
@given(st.text(max_size=200) | st.text("{}[]:&*!|>-'\"#%@`,?~<= \n\tab01._", max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    """Any text is read, or refused with a one-line error."""
    told = ""
    try:
        safe_yaml.load(text, "f.yaml")
    except SettingsError as error:
        told = str(error)
    assert told.isprintable()

"""Reads the YAML of stack files safely and as Pulumi does: no anchors, no tags, limited size and depth.

A stack file may come from a pull request. This reader refuses what no stack file needs: anchors and aliases (a few
lines can expand to gigabytes), tags (which create objects), merge keys, repeated keys and deep nesting. Pulumi itself
accepts a limited number of anchors, ignores tags, and refuses the rest. Plain words follow YAML 1.2, as in Pulumi:
``yes`` is a text, ``0o17`` is 15. Runs no command, knows no setting.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, Final

import yaml

from kzero_scim.display import plain
from kzero_scim.errors import SettingsError
from kzero_scim.regular_file import read_regular

LARGEST: Final = 1024 * 1024
"""Bytes of a file. Ten thousand users by name take a third of that."""
DEEPEST: Final = 30
"""Levels of nested lists and mappings."""
MOST_VALUES: Final = 20_000
"""Texts, numbers, lists and mappings together: ten thousand users twice. PyYAML reads so many in a second."""

_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0[0-7_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.nan")


class _Loader(yaml.SafeLoader):
    """Refuses what no stack file needs, before it builds any value."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way

    def __init__(self, text: str) -> None:
        """Begin at the top level."""
        super().__init__(text)
        self._depth = 0
        self._count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return one node, or raise an error if it is not allowed."""
        event = self.peek_event()  # type: ignore[no-untyped-call] # PyYAML's, without types
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused(event, "anchors and aliases are not allowed; repeat the value instead")
        if getattr(event, "tag", None):
            raise _refused(event, "tags are not allowed; remove the tag")
        self._count += 1
        if self._count > MOST_VALUES:
            raise _refused(event, f"more than {MOST_VALUES} values; list very many users in a usersFile")
        self._depth += 1
        if self._depth > DEEPEST:
            raise _refused(event, f"more than {DEEPEST} levels are nested; use fewer")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - PyYAML's own signature
    ) -> dict[Any, Any]:
        """Return a mapping whose keys are texts and occur once."""
        keys: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise _refused(key, "a key is not a text; put it in quotes")
            if key.value in keys:
                raise _refused(key, f"the key {plain(repr(key.value))} occurs twice; remove one")
            keys.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _integer(_: _Loader, node: yaml.ScalarNode) -> int:
    text = node.value.replace("_", "")
    return int(re.sub(r"^([-+]?)0(?=[0-7])", r"\g<1>0o", text), 0)


def _float(_: _Loader, node: yaml.ScalarNode) -> float:
    found = float(
        node.value.replace(".inf", "inf").replace(".nan", "nan").replace(".Inf", "inf").replace(".INF", "inf")
    )
    if not math.isfinite(found):
        raise _refused(node, "the number is not finite; correct it")
    return found


def _learn(kind: str, pattern: str, first: str) -> None:
    """Read plain words that match a pattern as one kind of value; ``first`` lists their possible first characters."""
    for character in first:
        resolvers = _Loader.yaml_implicit_resolvers.setdefault(character, [])
        resolvers.append((f"tag:yaml.org,2002:{kind}", re.compile(f"(?:{pattern})\\Z")))


_learn("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_learn("null", "null|Null|NULL|~|", "nN~")
_Loader.yaml_implicit_resolvers.setdefault("", []).append(("tag:yaml.org,2002:null", re.compile(r"\Z")))
_learn("int", _INTEGER.pattern, "-+0123456789")
_learn("float", _FLOAT.pattern, "-+0123456789.")
_learn("merge", "<<", "<")
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)


def load(text: str, name: str) -> Any:  # noqa: ANN401 - any YAML value
    """Return the value of YAML: texts, numbers, booleans, null, lists, and mappings with texts as keys.

    Args:
        text: The YAML.
        name: The file's name, for errors.

    Raises:
        SettingsError: The text is not YAML, or contains something that is not allowed; the message has the line.
    """
    if len(text.encode(errors="replace")) > LARGEST:
        message = f"{plain(name)} is larger than {LARGEST // 1024**2} MB, the limit for stack files; shorten it"
        raise SettingsError(message)
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        said = error.problem or error.context or "not YAML"
        message = f"{plain(name)}{line}: cannot be read as YAML: {plain(said)}"
        raise SettingsError(message) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = getattr(error, "reason", None) or type(error).__name__
        message = f"{plain(name)}: cannot be read as YAML: {plain(str(said))}"
        raise SettingsError(message) from error


def read(file: Path) -> Any:  # noqa: ANN401 - any YAML value
    """Return the value of a YAML file, as :func:`load` does.

    Raises:
        FileNotFoundError: The file does not exist.
        SettingsError: The file cannot be read, is not YAML, or contains something that is not allowed.
    """
    try:
        content = read_regular(file, LARGEST)
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8; save it as UTF-8"
        message = f"{plain(str(file))} cannot be read: {reason}"
        raise SettingsError(message) from error
    return load(text, str(file))


def _refused(place: Any, problem: str) -> yaml.MarkedYAMLError:  # noqa: ANN401 - an event or a node
    return yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark)

"""Writes YAML with ruamel.yaml: a whole document, or changes to a file that keep its comments, order and quotes.

Reads the present file with :mod:`kzero_scim.stack.safe_yaml` first. Knows no setting.
"""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.tokens import CommentToken

from kzero_scim.errors import SettingsError
from kzero_scim.stack import safe_yaml

_UNQUOTED: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.@/:-]*[A-Za-z0-9](?: [A-Za-z0-9][A-Za-z0-9_.@/-]*)*|[A-Za-z]")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_INDENT: Final = re.compile(r"^( +)[^\s#-]", re.MULTILINE)
_LIST: Final = re.compile(r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*(?:#[^\n]*)?\n)*( *)- ", re.MULTILINE)


class _Representer(RoundTripRepresenter):
    """Writes no anchors, and writes null as a word."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401 - any value
        """Return True, so that a value in two places is written twice."""
        del data
        return True


def _nothing(representer: _Representer, _: None) -> ScalarNode:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _nothing)


def dump(document: object) -> str:
    """Return a document as YAML, with its keys in their order."""
    return _written(_yaml(), _quoted(document))


def update(text: str, name: str, changes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a YAML file with changed keys in its mappings; other keys, comments, order and quotes stay.

    Entries of a list keep their comments, and a comment above a key stays above it. A value that means the same to
    Pulumi, which itself writes true as a text, stays unchanged.

    Args:
        text: The YAML.
        name: The file's name, for errors.
        changes: Key of the document to the keys and values to set in its mapping.

    Raises:
        SettingsError: The text is not YAML, or contains something that is not allowed.
    """
    held = safe_yaml.load(text, name) or {}
    needed = {
        key: {each: value for each, value in values.items() if each not in inner or _says(inner[each]) != _says(value)}
        for key, values in changes.items()
        for inner in [held.get(key) or {}]
    }
    wanted = {**held, **{key: {**(held.get(key) or {}), **values} for key, values in needed.items()}}
    try:
        written = _updated(text, needed)
        if safe_yaml.load(written, name) == wanted:
            return written
    except (YAMLError, ValueError, SettingsError):
        pass  # ruamel.yaml cannot handle it, although safe_yaml reads it
    # Correct values matter more than comments.
    return dump(wanted)


def _updated(text: str, changes: Mapping[str, Mapping[str, Any]]) -> str:
    yaml = _yaml(text)
    document = yaml.load(text)
    if not isinstance(document, CommentedMap):
        return f"{text.rstrip()}\n{dump(changes)}"  # only comments
    _attach_comments(document)
    for key, values in changes.items():
        mapping = document.get(key)
        if not isinstance(mapping, CommentedMap):
            document[key] = mapping = CommentedMap()
        _attach_comments(mapping)
        below = _taken(mapping, next(reversed(mapping))) if mapping else ""
        for name, value in values.items():
            mapping[name] = _changed(mapping.get(name), value)
        if below:
            _put_below(mapping, below)
    return _written(yaml, document)


def _yaml(text: str = "") -> YAML:
    """Return a writer with the indentation of a file."""
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.preserve_quotes = True
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # declared as None
    yaml.width = 1_000_000
    mapping, sequence = _INDENT.search(text), _LIST.search(text)
    offset = len(sequence[2]) - len(sequence[1]) if sequence else 2
    yaml.indent(mapping=len(mapping[1]) if mapping else 2, sequence=offset + 2, offset=offset)
    return yaml


def _written(yaml: YAML, document: object) -> str:
    buffer = io.StringIO()
    yaml.dump(document, buffer)
    return buffer.getvalue()


def _changed(old: Any, new: Any) -> Any:  # noqa: ANN401 - any value of a YAML file
    """Return the new value, with the unchanged parts of the old one."""
    if old is not None and _json(old) == _json(new):
        return old
    if isinstance(old, CommentedMap) and isinstance(new, Mapping) and set(old) <= set(new):
        _attach_comments(old)
        for key, value in new.items():
            old[key] = _changed(old.get(key), value)
        return old
    if isinstance(old, CommentedSeq) and isinstance(new, list) and not old.fa.flow_style():
        return _changed_list(old, new)
    return _quoted(new)


def _quoted(value: Any) -> Any:  # noqa: ANN401 - any value of a YAML file
    """Return a new value, with quotes around every text that a reader could read as another type."""
    if isinstance(value, str):
        is_plain = _UNQUOTED.fullmatch(value) and value.casefold() not in _WORDS
        return value if is_plain else DoubleQuotedScalarString(value)
    if isinstance(value, Mapping):
        return CommentedMap({_quoted(key): _quoted(item) for key, item in value.items()})
    return CommentedSeq(map(_quoted, value)) if isinstance(value, list) else value


def _changed_list(old: CommentedSeq, new: list[Any]) -> CommentedSeq:
    _attach_comments(old)
    places = {_json(item): place for place, item in reversed(list(enumerate(old)))}
    changed = CommentedSeq()
    for item in new:
        place = places.get(_json(item))
        changed.append(_quoted(item) if place is None else old[place])
        if place is not None and place in old.ca.items:
            changed.ca.items[len(changed) - 1] = old.ca.items[place]
    changed.ca.comment = old.ca.comment
    return changed


def _says(value: Any) -> str:  # noqa: ANN401 - any value of a YAML file
    """Return a setting's value as Pulumi reads it."""
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:  # noqa: ANN401 - any value of a YAML file
    return json.dumps(value, sort_keys=True, default=str)


def _attach_comments(container: CommentedMap | CommentedSeq) -> None:
    """Attach the lines above a key or entry to it. ruamel.yaml stores them at the end of the previous value."""
    keys: list[Any] = list(container) if isinstance(container, CommentedMap) else list(range(len(container)))
    for key, following in itertools.pairwise(keys):
        if above := _taken(container, key):
            token = CommentToken(above, start_mark=CommentMark(0))
            slots = container.ca.items.setdefault(following, [None, None, None, None])
            slots[1] = [token, *(slots[1] or [])]


def _last(container: CommentedMap | CommentedSeq, key: Any) -> tuple[CommentedMap | CommentedSeq, Any, int]:  # noqa: ANN401 - a key or a place
    """Return where ruamel.yaml stores the comment at the end of a value: container, key, and index."""
    value = container[key]
    if isinstance(value, CommentedMap | CommentedSeq) and value and not value.fa.flow_style():
        return _last(value, next(reversed(value)) if isinstance(value, CommentedMap) else len(value) - 1)
    return container, key, 2 if isinstance(container, CommentedMap) else 0


def _taken(container: CommentedMap | CommentedSeq, key: Any) -> str:  # noqa: ANN401 - a key or a place
    """Remove the lines below a value from the comment at its end, and return them."""
    owner, last, slot = _last(container, key)
    slots = owner.ca.items.get(last)
    if not slots or slots[slot] is None:
        return ""
    beside, _, below = slots[slot].value.partition("\n")
    slots[slot].value = f"{beside}\n"
    if not beside:
        slots[slot] = None
    return str(below)


def _put_below(mapping: CommentedMap, lines: str) -> None:
    """Add lines below the last value of a mapping."""
    owner, last, slot = _last(mapping, next(reversed(mapping)))
    slots = owner.ca.items.setdefault(last, [None, None, None, None])
    beside = slots[slot].value if slots[slot] is not None else "\n"
    slots[slot] = CommentToken(f"{beside}{lines}", start_mark=CommentMark(0))

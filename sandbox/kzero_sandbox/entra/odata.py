"""Microsoft Graph's OData: parse $filter into a tree and evaluate it over JSON objects; apply $select.

Covers what learn.microsoft.com/graph/aad-advanced-queries documents for directory objects in basic queries, and the
limits that matter to a client: 15 alternatives in one filter, and `endsWith` in advanced queries only.
Must not know HTTP or the directory.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .graph_errors import GraphError

Json = dict[str, Any]
Value = str | int | bool | None
MAXIMUM_ALTERNATIVES = 15


@dataclass(frozen=True)
class Comparison:
    """`name operator value`."""

    name: str
    operator: str
    value: Value


@dataclass(frozen=True)
class Membership:
    """`name in (value, ...)`."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Call:
    """`startswith(name,value)`, `endswith` or `contains`."""

    function: str
    name: str
    value: str


@dataclass(frozen=True)
class Junction:
    """`left and right` or `left or right`."""

    operator: str
    left: "Filter"
    right: "Filter"


@dataclass(frozen=True)
class Negation:
    """`not (filter)`."""

    operand: "Filter"


@dataclass(frozen=True)
class Exists:
    """`name/any(x:x/property operator value)`: at least one object of a collection meets the comparison."""

    name: str
    operand: Comparison


Filter = Comparison | Membership | Call | Junction | Negation | Exists

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?![\w-]))|(?P<word>[A-Za-z0-9_@.:/$-]+)|(?P<mark>[(),]))"
)
_OPERATORS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_FUNCTIONS = frozenset({"startswith", "endswith", "contains"})
_LITERALS: Mapping[str, Value] = {"true": True, "false": False, "null": None}


def quote(value: str) -> str:
    """Return an OData string literal."""
    return "'" + value.replace("'", "''") + "'"


def format_filter(tree: Filter) -> str:
    """Return a filter tree's text; `parse_filter` reads the text."""
    match tree:
        case Comparison(name, operator, value):
            return f"{name} {operator} {_format_value(value)}"
        case Membership(name, values):
            return f"{name} in ({', '.join(_format_value(value) for value in values)})"
        case Call(function, name, value):
            return f"{function}({name},{quote(value)})"
        case Junction(operator, left, right):
            return f"({format_filter(left)}) {operator} ({format_filter(right)})"
        case Negation(operand):
            return f"not ({format_filter(operand)})"
        case Exists(name, Comparison(inner, operator, value)):
            return f"{name}/any(x:x/{inner} {operator} {_format_value(value)})"


def _format_value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return quote(value) if isinstance(value, str) else str(value)


def parse_filter(text: str) -> Filter:
    """Return the tree of a $filter.

    Raises:
        GraphError: 400, if the text is not a supported filter.
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise self._error(position)
            self._tokens.append((match.lastgroup, match.group(match.lastgroup)))
            position = match.end()
        self._next = 0

    def whole(self) -> Filter:
        tree = self._either()
        if self._next != len(self._tokens):
            raise self._error(self._next)
        return tree

    def _error(self, position: int) -> GraphError:
        return GraphError(400, "BadRequest", f"Invalid filter clause: Syntax error at position {position}.")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def _take(self, kind: str | None = None, text: str | None = None) -> str:
        found_kind, found = self._peek()
        if found_kind == "end" or (kind and kind != found_kind) or (text and text != found):
            raise self._error(self._next)
        self._next += 1
        return found

    def _either(self) -> Filter:
        tree = self._both()
        while self._peek() == ("word", "or"):
            self._take()
            tree = Junction("or", tree, self._both())
        return tree

    def _both(self) -> Filter:
        tree = self._single()
        while self._peek() == ("word", "and"):
            self._take()
            tree = Junction("and", tree, self._single())
        return tree

    def _single(self) -> Filter:
        if self._peek() == ("mark", "("):
            return self._parenthesised()
        word = self._take("word")
        if word == "not":
            return Negation(self._single())
        if word.lower() in _FUNCTIONS:
            return self._call(word.lower())
        if word.endswith("/any"):
            return self._exists(word.removesuffix("/any"))
        return self._comparison(word)

    def _parenthesised(self) -> Filter:
        self._take("mark", "(")
        tree = self._either()
        self._take("mark", ")")
        return tree

    def _call(self, function: str) -> Filter:
        self._take("mark", "(")
        name = self._take("word")
        self._take("mark", ",")
        value = self._value()
        self._take("mark", ")")
        if not isinstance(value, str):
            raise self._error(self._next)
        return Call(function, name, value)

    def _exists(self, collection: str) -> Filter:
        self._take("mark", "(")
        variable, colon, name = self._take("word").partition(":")
        name = name or self._take("word")
        operand = self._comparison(name.removeprefix(f"{variable}/"))
        self._take("mark", ")")
        if not colon or not name.startswith(f"{variable}/") or not isinstance(operand, Comparison):
            raise self._error(self._next)
        return Exists(collection, operand)

    def _comparison(self, name: str) -> Filter:
        operator = self._take("word")
        if operator == "in":
            return Membership(name, self._values())
        if operator not in _OPERATORS:
            raise self._error(self._next)
        return Comparison(name, operator, self._value())

    def _values(self) -> tuple[Value, ...]:
        self._take("mark", "(")
        values = [self._value()]
        while self._peek() == ("mark", ","):
            self._take()
            values.append(self._value())
        self._take("mark", ")")
        return tuple(values)

    def _value(self) -> Value:
        kind, text = self._peek()
        self._take()
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return int(text)
        if kind == "word":
            return _LITERALS.get(text, text)
        raise self._error(self._next)


def names(tree: Filter) -> set[str]:
    """Return the property names in a filter."""
    match tree:
        case Junction(_, left, right):
            return names(left) | names(right)
        case Negation(operand):
            return names(operand)
        case _:
            return {tree.name}


def alternatives(tree: Filter) -> int:
    """Return the number of a filter's alternatives, as Graph counts them for its limit."""
    match tree:
        case Junction("or", left, right):
            return alternatives(left) + alternatives(right)
        case Junction(_, left, right):
            return max(alternatives(left), alternatives(right))
        case Negation(operand):
            return alternatives(operand)
        case Membership(_, values):
            return len(values)
        case _:
            return 1


def needs_advanced_query(tree: Filter) -> bool:
    """Return whether Graph requires `ConsistencyLevel: eventual` and `$count=true` for this filter."""
    match tree:
        case Junction(_, left, right):
            return needs_advanced_query(left) or needs_advanced_query(right)
        case Negation() | Call("endswith" | "contains"):
            return True
        case Comparison(_, "ne"):
            return True
        case _:
            return False


def matches(tree: Filter, item: Json) -> bool:
    """Return whether one object meets a filter; like Graph's directory objects, strings are compared ignoring case."""
    match tree:
        case Junction("and", left, right):
            return matches(left, item) and matches(right, item)
        case Junction(_, left, right):
            return matches(left, item) or matches(right, item)
        case Negation(operand):
            return not matches(operand, item)
        case Membership(name, values):
            return _fold(_value_of(item, name)) in {_fold(value) for value in values}
        case Call(function, name, value):
            return _call(function, _value_of(item, name), value)
        case Exists(name, operand):
            return any(matches(operand, inner) for inner in _value_of(item, name) or [])
        case Comparison(name, operator, value):
            return _compare(operator, _value_of(item, name), value)


def _value_of(item: Json, name: str) -> Any:  # noqa: ANN401 - a JSON value
    value: Any = item
    for part in name.split("/"):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _fold(value: Any) -> Any:  # noqa: ANN401 - a JSON value
    return value.casefold() if isinstance(value, str) else value


def _call(function: str, actual: Any, wanted: str) -> bool:  # noqa: ANN401 - a JSON value
    if not isinstance(actual, str):
        return False
    tests: dict[str, Callable[[str, str], bool]] = {
        "startswith": str.startswith,
        "endswith": str.endswith,
        "contains": str.__contains__,
    }
    return tests[function](actual.casefold(), wanted.casefold())


def _compare(operator: str, actual: Any, literal: Value) -> bool:  # noqa: ANN401 - a JSON value
    actual, wanted = _fold(actual), _fold(literal)
    if isinstance(actual, list):
        actual = wanted if wanted in [_fold(entry) for entry in actual] else None
    if operator == "eq":
        return bool(actual == wanted)
    if operator == "ne":
        return bool(actual != wanted)
    if actual is None or wanted is None or type(actual) is not type(wanted):
        return False
    ordered = {"gt": actual > wanted, "ge": actual >= wanted, "lt": actual < wanted, "le": actual <= wanted}
    return bool(ordered[operator])


def select(item: Json, properties: Iterable[str] | None) -> Json:
    """Return the object with only the selected properties; None selects all."""
    if properties is None:
        return item
    wanted = list(properties)
    chosen = {name: item.get(name) for name in wanted}
    if "@odata.type" in item:
        chosen = {"@odata.type": item["@odata.type"], **chosen}
    return chosen

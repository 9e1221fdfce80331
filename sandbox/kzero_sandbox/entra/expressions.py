"""Expressions of attribute mappings: convert text to an attributeMappingSource tree and back, and evaluate the tree.

Follows learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data and, for the
tree, learn.microsoft.com/graph/api/resources/synchronization-attributemappingsource. Parameter keys of Replace and Not
are documented. Microsoft publishes no tree of the other functions, so their keys are the parameter names of the
functions' page. Must not know the directory or SCIM.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Value = str | list[str] | None

_TOKEN = re.compile(
    r"""\s*(?:(?P<attribute>\[[^\[\]]+\])|(?P<constant>"(?:[^"\\]|\\.)*")|(?P<name>[A-Za-z_]\w*(?=\s*\())"""
    r"""|(?P<number>-?\d+)|(?P<mark>[(),]))"""
)


class ExpressionError(ValueError):
    """A text that is not a valid expression, or a tree that cannot be evaluated."""


@dataclass(frozen=True)
class FunctionDefinition:
    """The name and parameters of a function."""

    name: str
    parameters: tuple[str, ...]
    required: int
    """How many of the parameters are required."""
    repeated: tuple[str, ...] = ()
    """Parameters that may follow any number of times, each with a number appended."""

    def keys(self, count: int) -> Iterator[str]:
        """Yield the parameter keys of this many arguments."""
        yield from self.parameters[:count]
        rest = count - len(self.parameters)
        numbered = (f"{name}{number}" for number in itertools.count(1) for name in self.repeated)
        yield from itertools.islice(numbered, max(rest, 0))


FUNCTIONS: Mapping[str, FunctionDefinition] = {
    definition.name: definition
    for definition in (
        FunctionDefinition("Append", ("source", "suffix"), 2),
        FunctionDefinition("Coalesce", (), 1, ("source",)),
        FunctionDefinition("Join", ("separator",), 2, ("source",)),
        FunctionDefinition("Mid", ("source", "start", "length"), 3),
        FunctionDefinition("Not", ("source",), 1),
        FunctionDefinition(
            "Replace",
            ("source", "Find", "RegexPattern", "RegexGroupName", "Replacement", "ReplacementAttribute", "Template"),
            1,
        ),
        FunctionDefinition("SingleAppRoleAssignment", ("source",), 1),
        FunctionDefinition("StripSpaces", ("source",), 1),
        FunctionDefinition("Switch", ("source", "defaultValue"), 4, ("key", "value")),
        FunctionDefinition("ToLower", ("source", "culture"), 1),
        FunctionDefinition("ToUpper", ("source", "culture"), 1),
        FunctionDefinition("Trim", ("source",), 1),
    )
}


def attribute(name: str) -> Json:
    """Return the source that reads one attribute."""
    return {"expression": f"[{name}]", "name": name, "type": "Attribute", "parameters": []}


def constant(value: str) -> Json:
    """Return the source that always has this value."""
    return {"expression": _quoted(value), "name": value, "type": "Constant", "parameters": []}


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse(text: str) -> Json:
    """Return the tree of an expression.

    Raises:
        ExpressionError: The text is not a valid expression.
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
                message = f"Unexpected text at position {position} of expression {text!r}."
                raise ExpressionError(message)
            self._tokens.append((match.lastgroup, match.group(match.lastgroup)))
            position = match.end()
        self._next = 0

    def whole(self) -> Json:
        tree = self._single()
        if self._next != len(self._tokens):
            self._fail()
        return tree

    def _fail(self) -> None:
        message = f"Expression {self._text!r} is incomplete or has unexpected text after part {self._next}."
        raise ExpressionError(message)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def _single(self) -> Json:
        kind, text = self._peek()
        self._next += 1
        if kind == "attribute":
            return attribute(text[1:-1])
        if kind == "constant":
            return constant(re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL))
        if kind == "number":
            return {"expression": text, "name": text, "type": "Constant", "parameters": []}
        if kind == "name":
            return self._function(text)
        self._next -= 1
        self._fail()
        raise AssertionError  # _fail always raises

    def _function(self, name: str) -> Json:
        definition = FUNCTIONS.get(name)
        if definition is None:
            message = f"Function '{name}' is not supported."
            raise ExpressionError(message)
        arguments = self._arguments()
        maximum = len(arguments) if definition.repeated else len(definition.parameters)
        if not definition.required <= len(arguments) <= maximum:
            message = f"Function '{name}' does not take {len(arguments)} parameters."
            raise ExpressionError(message)
        return _call(definition, arguments)

    def _arguments(self) -> list[Json | None]:
        self._next += 1  # the parenthesis, which the name's pattern requires to follow
        arguments: list[Json | None] = []
        while True:
            if self._peek() in {("mark", ","), ("mark", ")")}:
                arguments.append(None)
            else:
                arguments.append(self._single())
            mark = self._peek()
            self._next += 1
            if mark == ("mark", ")"):
                return arguments
            if mark != ("mark", ","):
                self._next -= 1
                self._fail()


def _call(definition: FunctionDefinition, arguments: list[Json | None]) -> Json:
    keys = definition.keys(len(arguments))
    written = ", ".join(argument["expression"] if argument else "" for argument in arguments)
    return {
        "expression": f"{definition.name}({written})",
        "name": definition.name,
        "type": "Function",
        "parameters": [
            {"key": key, "value": argument} for key, argument in zip(keys, arguments, strict=True) if argument
        ],
    }


def call(name: str, *arguments: Json | None) -> Json:
    """Return the source that calls a function; None omits an argument."""
    return _call(FUNCTIONS[name], list(arguments))


def format_source(source: Json) -> str:
    """Return a tree's text, from its structure and not from its `expression` members; `parse` reads the text."""
    if source["type"] == "Attribute":
        return f"[{source['name']}]"
    if source["type"] == "Constant":
        return source["expression"] if source["expression"] == source["name"] else _quoted(source["name"])
    definition = FUNCTIONS[source["name"]]
    given = {parameter["key"]: parameter["value"] for parameter in source["parameters"]}
    count = 0
    found = 0
    while found < len(given):
        count += 1
        found = sum(key in given for key in definition.keys(count))
    count = max(count, definition.required)
    written = [format_source(given[key]) if key in given else "" for key in definition.keys(count)]
    return f"{source['name']}({', '.join(written)})"


def attribute_names(source: Json) -> set[str]:
    """Return the names of the attributes that a source reads."""
    if source.get("type") == "Attribute":
        return {str(source.get("name"))}
    return set().union(*(attribute_names(parameter["value"]) for parameter in source.get("parameters") or []))


def evaluate(source: Json, entry: Mapping[str, Value]) -> Value:
    """Return the value of a source for the attributes of an object.

    Raises:
        ExpressionError: The source is malformed.
    """
    if source["type"] == "Attribute":
        return entry.get(source["name"])
    if source["type"] == "Constant":
        return str(source["name"])
    function = _EVALUATORS.get(source["name"])
    if function is None:
        message = f"Function '{source['name']}' is not supported."
        raise ExpressionError(message)
    return function({item["key"]: evaluate(item["value"], entry) for item in source["parameters"]})


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _numbered(arguments: Mapping[str, Value], name: str) -> Iterator[Value]:
    for number in itertools.count(1):
        if f"{name}{number}" not in arguments:
            return
        yield arguments[f"{name}{number}"]


def _switch(arguments: Mapping[str, Value]) -> Value:
    pairs = zip(_numbered(arguments, "key"), _numbered(arguments, "value"), strict=False)
    return next((value for key, value in pairs if key == arguments["source"]), arguments.get("defaultValue"))


def _join(arguments: Mapping[str, Value]) -> Value:
    parts: list[str] = []
    for value in _numbered(arguments, "source"):
        parts += value if isinstance(value, list) else [value] if value else []
    return _text(arguments.get("separator")).join(parts) or None


def _replace(arguments: Mapping[str, Value]) -> Value:
    source, find, pattern = arguments.get("source"), arguments.get("Find"), arguments.get("RegexPattern")
    replacement = _text(arguments.get("Replacement"))
    if not isinstance(source, str):
        return None
    if isinstance(find, str):
        return source.replace(find, replacement)
    return re.sub(pattern, replacement, source) if isinstance(pattern, str) else source


def _mid(arguments: Mapping[str, Value]) -> Value:
    start = int(_text(arguments["start"])) - 1
    return _text(arguments["source"])[start : start + int(_text(arguments["length"]))] or None


def _of_text(change: Callable[[str], str]) -> Callable[[Mapping[str, Value]], Value]:
    def function(arguments: Mapping[str, Value]) -> Value:
        source = arguments.get("source")
        return change(source) if isinstance(source, str) else None

    return function


_EVALUATORS: Mapping[str, Callable[[Mapping[str, Value]], Value]] = {
    "Append": lambda arguments: (_text(arguments["source"]) + _text(arguments["suffix"])) or None,
    "Coalesce": lambda arguments: next((value for value in _numbered(arguments, "source") if value), None),
    "Join": _join,
    "Mid": _mid,
    "Not": _of_text(lambda text: "False" if text.lower() == "true" else "True"),
    "Replace": _replace,
    "SingleAppRoleAssignment": lambda arguments: (
        arguments["source"][0] if isinstance(arguments["source"], list) and arguments["source"] else None
    ),
    "StripSpaces": _of_text(lambda text: text.replace(" ", "")),
    "Switch": _switch,
    "ToLower": _of_text(str.lower),
    "ToUpper": _of_text(str.upper),
    "Trim": _of_text(str.strip),
}

"""Evaluate a SCIM filter against a flattened resource, and find the equalities that a search index can answer.

Pure; must not know HTTP or Keycloak.
"""

from collections.abc import Callable, Mapping
from typing import Any

from scim2_models import ScimFilter
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from kzero_sandbox.kzero.paths import key

CASE_EXACT = frozenset({"id", "externalid"})


class SameKeys:
    """The keys of a flattened resource that an attribute of a filter refers to.

    Args:
        aliases: Additional keys by key: for example, `email` also refers to `emails[type eq "work"].value`.
    """

    def __init__(self, aliases: Mapping[str, tuple[str, ...]]) -> None:
        """Keep the aliases."""
        self._aliases = aliases

    def of(self, attribute: str) -> tuple[str, ...]:
        """Return the keys, the attribute's own first."""
        return (attribute, *self._aliases.get(attribute, ()))


def parse(text: str) -> FilterNode:
    """Return a filter's tree.

    Raises:
        InvalidFilterException: The text is not a valid filter.
    """
    return ScimFilter(text).ast


def equalities(node: FilterNode) -> dict[str, Any]:
    """Return by key the values that every match must have, from the `eq` terms that the whole filter requires."""
    if isinstance(node, Comparison) and node.op == CompareOperator.eq:
        return {key(str(node.attr_path)): node.value}
    if isinstance(node, LogicalExpr) and node.op == LogicalOperator.and_:
        found: dict[str, Any] = {}
        for term in node.terms:
            found.update(equalities(term))
        return found
    if isinstance(node, ValuePath):
        return _value_path_equality(node)
    return {}


def matches(node: FilterNode, resource: Mapping[str, Any], same: SameKeys) -> bool:
    """Return whether a flattened resource matches a filter."""
    return _Evaluator(resource, same).visit(node)


def _value_path_equality(node: ValuePath) -> dict[str, Any]:
    """Return the equality in `a[type eq "x" and value eq "y"]`, into which `a[type eq "x"].value eq "y"` is parsed."""
    kind, value = None, None
    terms = node.val_filter.terms if isinstance(node.val_filter, LogicalExpr) else ()
    for term in terms:
        if isinstance(term, Comparison) and term.op == CompareOperator.eq:
            if term.attr_path.attr.lower() == "type":
                kind = term.value
            elif term.attr_path.attr.lower() == "value":
                value = term.value
    return {key(f'{node.attr_path}[type eq "{kind}"].value'): value} if kind and value is not None else {}


class _Evaluator(FilterVisitor[bool]):
    def __init__(self, resource: Mapping[str, Any], same: SameKeys) -> None:
        self._resource = resource
        self._same = same

    def visit_comparison(self, node: Comparison) -> bool:
        attribute = key(str(node.attr_path))
        exact = attribute in CASE_EXACT
        found = [_holds(value, node.op, node.value, exact=exact) for value in self._values(node.attr_path)]
        if node.op == CompareOperator.ne:
            return all(found)
        return any(found)

    def visit_present(self, node: Present) -> bool:
        return any(value not in (None, "", []) for value in self._values(node.attr_path))

    def visit_not(self, node: Not) -> bool:
        return not self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> bool:
        found = (self.visit(term) for term in node.terms)
        return all(found) if node.op == LogicalOperator.and_ else any(found)

    def visit_value_path(self, node: ValuePath) -> bool:
        return any(_Evaluator(entry, self._same).visit(node.val_filter) for entry in self._entries(str(node.attr_path)))

    def _values(self, path: AttrPath) -> list[Any]:
        values: list[Any] = []
        for wanted in self._same.of(key(str(path))):
            for name, value in self._resource.items():
                # `emails.value` refers to the value of every entry; a complex attribute alone refers to its value.
                bare = _without_conditions(name)
                if wanted in {name, bare} or f"{wanted}.value" in {name, bare}:
                    values += value if isinstance(value, list) else [value]
        return values

    def _entries(self, attribute: str) -> list[dict[str, Any]]:
        entries: dict[str, dict[str, Any]] = {}
        prefix = f"{key(attribute)}["
        for name, value in self._resource.items():
            if name.startswith(prefix):
                condition, _, sub = name.removeprefix(prefix).partition("].")
                entry = entries.setdefault(condition, {})
                kind, _, operand = condition.partition(" eq ")
                entry[kind] = operand.strip('"')
                entry[sub or "value"] = value
        plain = self._resource.get(f"{key(attribute)}.value", [])
        values = plain if isinstance(plain, list) else [plain]
        return [*entries.values(), *({"value": value} for value in values)]


def _without_conditions(name: str) -> str:
    head, bracket, rest = name.partition("[")
    return head + rest.partition("]")[2] if bracket else name


_OPERATORS: dict[CompareOperator, Callable[[Any, Any], bool]] = {
    CompareOperator.eq: lambda left, right: bool(left == right),
    CompareOperator.ne: lambda left, right: bool(left != right),
    CompareOperator.co: lambda left, right: right in left,
    CompareOperator.sw: lambda left, right: bool(left.startswith(right)),
    CompareOperator.ew: lambda left, right: bool(left.endswith(right)),
    CompareOperator.gt: lambda left, right: bool(left > right),
    CompareOperator.ge: lambda left, right: bool(left >= right),
    CompareOperator.lt: lambda left, right: bool(left < right),
    CompareOperator.le: lambda left, right: bool(left <= right),
}


def _holds(actual: object, op: CompareOperator, wanted: object, *, exact: bool) -> bool:
    if isinstance(actual, bool) and isinstance(wanted, str):
        # Entra writes booleans as strings.
        wanted = {"true": True, "false": False}.get(wanted.lower(), wanted)
    left, right = _comparable(actual, exact=exact), _comparable(wanted, exact=exact)
    try:
        return _OPERATORS[op](left, right)
    except (TypeError, AttributeError):
        return op == CompareOperator.ne  # values of different types are unequal and have no order


def _comparable(value: object, *, exact: bool) -> object:
    return value.lower() if isinstance(value, str) and not exact else value

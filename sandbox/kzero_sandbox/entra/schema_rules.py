"""The rules that a synchronization schema must meet to be accepted by PUT.

Microsoft documents the rules (learn.microsoft.com/graph/synchronization-configure-with-custom-target-attributes and
entra/identity/app-provisioning/customize-application-attributes) but not the error messages, which are this module's.
Must not know jobs or the directory.
"""

import re
from typing import Any

from .expressions import FUNCTIONS, attribute_names
from .graph_errors import refuse

Json = dict[str, Any]

_CUSTOM_URN = re.compile(r"urn:ietf:params:scim:schemas:extension:[A-Za-z][\w-]*:2\.0:(User|Group):[A-Za-z][\w.$-]*")
_FLOW_TYPES = frozenset({"Always", "ObjectAddOnly", "MultiValueAddOnly", "ValueAddOnly", "AttributeAddOnly"})
_FLOW_BEHAVIORS = frozenset({"FlowWhenChanged", "FlowAlways"})
_TYPES = frozenset({"String", "Integer", "Reference", "Binary", "Boolean", "DateTime"})


def check_schema(schema: Any) -> None:  # noqa: ANN401 - any JSON from a client
    """Refuse a schema that Entra would not accept.

    Raises:
        GraphError: 400, naming the invalid member.
    """
    _require(isinstance(schema, dict), "the request body must be a synchronizationSchema")
    directories, rules = schema.get("directories"), schema.get("synchronizationRules")
    _require(isinstance(directories, list) and bool(directories), "'directories' must be a list that is not empty")
    _require(isinstance(rules, list) and bool(rules), "'synchronizationRules' must be a list that is not empty")
    objects: dict[tuple[str, str], dict[str, Json]] = {}
    for directory in directories:
        for item in _list(directory, "objects"):
            objects[_name(directory), _name(item)] = _attributes(_list(item, "attributes"), _name(item))
    for rule in rules:
        _check_rule(rule, objects)


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 - a condition, like assert's
    if not condition:
        refuse(f"Invalid synchronization schema: {message}.")


def _list(item: Any, name: str) -> list[Any]:  # noqa: ANN401 - as above
    _require(isinstance(item, dict) and isinstance(item.get(name), list), f"'{name}' must be a list")
    return list(item[name])


def _name(item: Json) -> str:
    _require(isinstance(item.get("name"), str) and bool(item["name"]), "every object needs a 'name'")
    return str(item["name"])


def _attributes(attributes: list[Any], owner: str) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for item in attributes:
        _require(isinstance(item, dict), f"the attributes of '{owner}' must be attributeDefinition objects")
        name = _name(item)
        _require(name not in found, f"attribute '{name}' is defined twice in object '{owner}'")
        _require(item.get("type", "String") in _TYPES, f"attribute '{name}' has the unknown type '{item.get('type')}'")
        if name.lower().startswith("urn:"):
            _require(
                _CUSTOM_URN.fullmatch(name) is not None,
                f"attribute name '{name}' is not of the form "
                "urn:ietf:params:scim:schemas:extension:<Name>:2.0:User:<attribute>",
            )
            standard = ":extension:enterprise:2.0:" in name
            _require(
                standard or not (item.get("multivalued") or item.get("type") == "Reference"),
                f"custom attribute '{name}' can be neither multi-valued nor a reference",
            )
        found[name] = item
    return found


def _check_rule(rule: Any, objects: dict[tuple[str, str], dict[str, Json]]) -> None:  # noqa: ANN401 - as above
    _require(isinstance(rule, dict) and isinstance(rule.get("id"), str), "every synchronizationRule needs an 'id'")
    for mapping in _list(rule, "objectMappings"):
        _require(isinstance(mapping, dict), "'objectMappings' must hold objectMapping objects")
        names = (mapping.get("sourceObjectName"), mapping.get("targetObjectName"))
        source = objects.get((str(rule.get("sourceDirectoryName")), str(names[0])))
        target = objects.get((str(rule.get("targetDirectoryName")), str(names[1])))
        _require(
            source is not None,
            f"source object '{names[0]}' is not defined in directory '{rule.get('sourceDirectoryName')}'",
        )
        _require(
            target is not None,
            f"target object '{names[1]}' is not defined in directory '{rule.get('targetDirectoryName')}'",
        )
        _require(
            isinstance(mapping.get("enabled"), bool), f"'enabled' of mapping '{mapping.get('name')}' must be Boolean"
        )
        if names[0] == "User":
            _require(mapping["enabled"], f"mapping '{mapping.get('name')}' of users cannot be disabled")
        _check_rows(_list(mapping, "attributeMappings"), source or {}, target or {})


def _check_rows(rows: list[Any], source: dict[str, Json], target: dict[str, Json]) -> None:
    seen: set[str] = set()
    for row in rows:
        _require(isinstance(row, dict), "'attributeMappings' must hold attributeMapping objects")
        name = row.get("targetAttributeName")
        _require(isinstance(name, str), "every attributeMapping needs a 'targetAttributeName'")
        _require(name in target, f"target attribute '{name}' is not defined in the target directory")
        _require(target[name].get("mutability") != "ReadOnly", f"target attribute '{name}' is read-only")
        _require(name not in seen, f"target attribute '{name}' is mapped more than once")
        seen.add(name)
        _require(row.get("flowType", "Always") in _FLOW_TYPES, f"row '{name}' has flowType '{row.get('flowType')}'")
        behavior = row.get("flowBehavior", "FlowWhenChanged")
        _require(behavior in _FLOW_BEHAVIORS, f"row '{name}' has flowBehavior '{behavior}'")
        priority = row.get("matchingPriority", 0)
        _require(type(priority) is int and priority >= 0, f"row '{name}' has matchingPriority '{priority}'")
        _check_source(row.get("source"), str(name))
        for used in sorted(attribute_names(row["source"])):
            _require(
                used in source, f"source attribute '{used}' of row '{name}' is not defined in the source directory"
            )
    _require(
        any(row.get("matchingPriority", 0) > 0 for row in rows), "no attributeMapping has a matchingPriority above 0"
    )


def _check_source(source: Any, row: str) -> None:  # noqa: ANN401 - as above
    _require(isinstance(source, dict), f"row '{row}' has no source")
    kind, name = source.get("type"), source.get("name")
    _require(kind in {"Attribute", "Constant", "Function"}, f"the source of row '{row}' has the unknown type '{kind}'")
    _require(isinstance(name, str), f"the source of row '{row}' has no name")
    parameters = source.get("parameters") or []
    _require(isinstance(parameters, list), f"the parameters of row '{row}' must be a list")
    _require(kind == "Function" or not parameters, f"the source of row '{row}' is not a function but has parameters")
    if kind == "Function":
        _require(name in FUNCTIONS, f"row '{row}' calls the unknown function '{name}'")
        _require(bool(parameters), f"row '{row}' calls '{name}' without parameters")
        for parameter in parameters:
            _require(
                isinstance(parameter, dict) and isinstance(parameter.get("key"), str),
                f"a parameter of row '{row}' has no key",
            )
            _check_source(parameter.get("value"), row)

"""Writes docs/fleet-run.schema.json, the JSON schema of a fleet run's document, from the model and its docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from enum import Enum
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from kzero_scim.fleet import model
from kzero_scim.tenant.drift import Difference

FILE: Final = Path(__file__).parents[1] / "docs" / "fleet-run.schema.json"
_RECORDS: Final = (model.FleetRun, model.TenantResult, model.ResourceChange, model.PropertyChange, Difference)


def document() -> dict[str, Any]:
    """Return the schema of the document that :meth:`FleetRun.document` writes, with a description for each field."""
    schema = TypeAdapter(model.FleetRun).json_schema(mode="serialization")
    definitions = schema.setdefault("$defs", {})
    for kind in _RECORDS:
        found = schema if kind is model.FleetRun else definitions[kind.__name__]
        found["description"] = _first_line(kind)
        described = _attributes(kind)
        for field in dataclasses.fields(kind):
            place = found["properties"][field.name]
            place.pop("title", None)
            # Drafts since 2019-09 allow a description beside a reference.
            place["description"] = described[field.name]
    for words in (model.Command, model.Outcome):
        definitions[words.__name__]["description"] = _enumerated(words)
    schema["$defs"] = dict(sorted(definitions.items()))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Run over many tenants, version {model.VERSION}",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or "").split("\n", 1)[0]


def _attributes(kind: type) -> dict[str, str]:
    section = (inspect.getdoc(kind) or "").partition("Attributes:\n")[2]
    found = re.findall(r"^    (\w+): (.+(?:\n {6,}.+)*)", section, re.MULTILINE)
    return {name: _plain(text) for name, text in found}


def _enumerated(kind: type[Enum]) -> str:
    """Return a description of the values, from the docstrings below them in the source."""
    source = inspect.getsource(kind)
    texts = dict(re.findall(r'= "([\w-]+)"\n    """(.+?)"""', source))
    described = [f"{item.value}: {_plain(texts[item.value])}" for item in kind if item.value in texts]
    return " ".join([_first_line(kind), *described])


def _plain(text: str) -> str:
    return re.sub(r"\bNone\b", "null", " ".join(text.replace("``", "`").split()))


def text() -> str:
    """Return the file's content."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")

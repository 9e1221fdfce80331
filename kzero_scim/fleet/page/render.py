"""Renders the page from templates, with its data as JSON and a policy that lets it load and run nothing else.

All text from services and files is data: it reaches the page as escaped JSON, which the script inserts as text, and as
escaped text in the plain table for browsers without JavaScript.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

from kzero_scim.display import one_line, several_lines
from kzero_scim.fleet.model import FleetRun
from kzero_scim.fleet.page.alike import alike_tenants
from kzero_scim.fleet.page.tenants import WORDS, Look, State, TenantView, merge
from kzero_scim.resource.model import as_plain
from kzero_scim.tenant.status import StatusReport

MOST_ROWS: Final = 100
"""How many differences, changes, users in error and warnings of one tenant the page contains; it counts the rest."""
MOST_CYCLES: Final = 30
MOST_CHARACTERS: Final = 2000
"""Longest value, in characters."""
_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")
_IN_SCRIPT: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""Characters that could open or close an HTML element. JSON has them only inside strings."""


def render_page(runs: Sequence[FleetRun]) -> str:
    """Return one self-contained HTML page.

    The page loads nothing. Its Content-Security-Policy allows only its own style and script, by their hashes.

    Args:
        runs: Runs of any commands. The page merges them per tenant: each fact comes from the newest run that has it.

    Returns:
        The document, to be written as UTF-8.
    """
    tenants = merge(runs)
    project = one_line(runs[0].project) if runs else ""
    style, script = _template("page.css"), _template("page.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "img-src data:",  # for the empty icon, so that the browser requests none
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    counted = Counter(state for tenant in tenants for state in tenant.states)
    heading = f"Fleet {one_line(project)}".strip()
    parts = {
        "policy": policy,
        "title": escape(f"{_summary(counted)} · {heading}"),
        "heading": escape(heading),
        "style": style,
        "script": script,
        "data": json.dumps(_shown(_document(project, runs, tenants)), separators=(",", ":")).translate(_IN_SCRIPT),
        "plain": _plain_table(tenants),
    }
    # One pass, so that inserted text is not searched again.
    return _PLACE.sub(lambda found: parts[found[1]], _template("page.html"))


def _template(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _summary(counted: Counter[State]) -> str:
    found = [f"{counted[state]} {WORDS[state].lower()}" for state in State if counted[state]]
    bad = [state for state in State if counted[state] and state not in {State.UNCHANGED, State.HEALTHY}]
    return ", ".join(found[: min(3, len(bad))] or found) or f"0 {WORDS[State.HEALTHY].lower()}"


def _document(project: str, runs: Sequence[FleetRun], tenants: Sequence[TenantView]) -> dict[str, Any]:
    places = {tenant.name: place for place, tenant in enumerate(tenants)}
    return {
        "project": project,
        "states": WORDS,
        "runs": [
            {
                "command": run.command,
                "began": run.began,
                "ended": run.ended,
                "commit": run.commit,
                "tenants": len(run.results),
                "counts": {outcome: number for outcome, number in run.counts.items() if number},
            }
            for run in runs
        ],
        "tenants": [_tenant(tenant) for tenant in tenants],
        "alike": [
            {"state": group.state, "text": group.text, "tenants": [places[name] for name in group.tenants]}
            for group in alike_tenants(tenants)[:MOST_ROWS]
        ],
    }


def _tenant(tenant: TenantView) -> dict[str, Any]:
    """Return a tenant's data for the page, without empty parts, because there may be thousands of tenants."""
    status = tenant.status or StatusReport()
    parts = {
        "name": tenant.name,
        "tags": tenant.tags,
        "states": tenant.states,
        "why": tenant.why,
        "looks": [_look(look) for look in tenant.looks],
        "failures": [look.run for look in tenant.failures],
        "changes": len(tenant.pending),
        "pending": [asdict(change) for change in tenant.pending[:MOST_ROWS]],
        "pendingRun": _run(tenant.pending_look),
        "differences": len(tenant.drift),
        "drift": [asdict(difference) for difference in tenant.drift[:MOST_ROWS]],
        "driftRun": _run(tenant.drift_look),
        "appliedSince": tenant.applied_since,
        "statusRun": _run(tenant.status_look),
        "word": status.status,
        "quarantine": as_plain(status.quarantine),
        "lastCycle": as_plain(status.last_cycle),
        "cycles": as_plain(tenant.cycles[-MOST_CYCLES:]),
        "entries": status.synchronized_entries,
        "note": status.note,
        "users": len(status.in_error),
        "inError": as_plain(status.in_error[:MOST_ROWS]),
        "checklist": as_plain(tenant.checklist),
        "checklistRun": _run(tenant.checklist_look),
        "portals": {label: address for label, address in tenant.portals.items() if _is_safe(address)},
    }
    # A run's index may be 0, which is not empty.
    return {name: value for name, value in parts.items() if value not in (None, "", [], {}) and value is not False}


def _look(look: Look) -> dict[str, Any]:
    result = look.result
    parts = {
        "run": look.run,
        "outcome": result.outcome,
        "seconds": round(result.seconds, 1),
        "error": result.error,
        "warnings": result.warnings[:MOST_ROWS],
        "log": result.log,
    }
    return {name: value for name, value in parts.items() if value not in ("", [])}


def _run(look: Look | None) -> int | None:
    return None if look is None else look.run


def _is_safe(address: str) -> bool:
    """Return whether an address may become a link: only https leads to a page and runs nothing."""
    try:
        return urlsplit(address).scheme == "https"
    except ValueError:
        return False


def _shown(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Escape invisible and bidirectional control characters in every text, and limit its length."""
    if isinstance(value, str):
        cut = value if len(value) <= MOST_CHARACTERS else f"{value[:MOST_CHARACTERS]} … ({len(value)} characters)"
        return several_lines(cut)
    if isinstance(value, dict):
        return {one_line(str(name)): _shown(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(part) for part in value]
    return value


def _plain_table(tenants: Sequence[TenantView]) -> str:
    rows = []
    for tenant in tenants:
        states = ", ".join(WORDS[state] for state in tenant.states)
        cells = (states, tenant.why, str(len(tenant.pending)), str(len(tenant.drift)), tenant.looks[0].ended)
        row = "".join(f"<td>{escape(one_line(cell))}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row">{escape(one_line(tenant.name))}</th>{row}</tr>')
    return "\n".join(rows)

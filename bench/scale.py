"""Calculates what 1,000, 10,000 and 100,000 tenants need from measurements, and writes the tables of docs/scale.md.

Run it as `python -m bench.scale`. It only calculates with `bench/scale.json`, which `python -m bench.tenant_cost` and
`make bench-fleet ARGS="--keep"` write. The constants below are assumptions, each with its reason.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import limits
from bench.tenant_cost import INPUTS
from kzero_scim.clients.graph.write_limit import least_seconds

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "scale.md"
TENANTS: Final = (1_000, 10_000, 100_000)
MACHINES: Final = (1, 16, 256)

PRICE: Final = 0.006
"""Dollars per minute of a Linux machine with 2 cores, the list price of GitHub's standard runners since January 2026:
https://docs.github.com/en/billing/reference/actions-runner-pricing. Each job's time is rounded up to whole minutes."""
START_SECONDS: Final = 60
"""Assumption from a job's start to its first tenant: checkout, Python packages from a cache."""
UPS_A_YEAR: Final = 12
"""Assumption per tenant, changed or not: one new version per month, applied to all."""
UTILISATION: Final = 0.5
"""Assumed usable share of a limit: others use the same application and server, and limits vary with load."""

_NAMES: Final = {
    "up": "first `up`",
    "up again": "`up` without changes",
    "preview": "preview without changes",
    "refresh": "preview with refresh",
    "drift": "`kzero-scim drift`",
    "status": "`kzero-scim status`",
    "destroy": "`destroy`",
}

Inputs = Mapping[str, Any]


def measured(inputs: Inputs) -> str:
    """Return the table of the fleet's measured seconds and memory."""
    fleet = inputs["fleet"]
    rows = [
        [
            f"`{name}`",
            _count(fleet["tenants"]),
            str(run["workers"]),
            f"{run['seconds']:.2f}",
            f"{run['megabytes']:,}",
            fleet["machine"].partition(";")[0],
        ]
        for name, run in fleet["runs"].items()
    ]
    return _table(["without changes", "tenants", "in parallel", "seconds per tenant", "MB in total", "machine"], rows)


def _requests(inputs: Inputs) -> dict[str, Mapping[str, float]]:
    one = {_NAMES[name]: counted for name, counted in inputs["tenant"]["requests"].items()}
    return one | {f"`{name}`": run["requests"] for name, run in inputs["fleet"]["runs"].items()}


def requests(inputs: Inputs) -> str:
    """Return the table of measured requests per command, for one tenant."""
    kinds = ("sign_ins", "units", "writes", "reports", "grants", "keycloak")
    rows = [[name, *(f"{counted[kind]:g}" for kind in kinds)] for name, counted in _requests(inputs).items()]
    heads = ["one tenant", "sign-ins to Entra", "Graph units", "of these, writes", "log requests", "KZero tokens"]
    return _table([*heads, "other requests to KZero"], rows)


def graph(inputs: Inputs) -> str:
    """Return the table of minimum times that Graph's limits allow if one application serves all tenants."""
    rows = []
    for name, counted in _requests(inputs).items():
        least = {
            "units": counted["units"] / limits.APPLICATION_UNITS,
            "writes": counted["writes"] / limits.APPLICATION_WRITES,
            "log requests": counted["reports"] / limits.APPLICATION_REPORTS,
        }
        binding = max(least, key=lambda key: least[key])
        seconds = least[binding] / UTILISATION
        rows.append([name, binding, *(duration(seconds * tenants) for tenants in TENANTS)])
    return _table(["all tenants, one application", "limited by", *map(_count, TENANTS)], rows)


def assignments(inputs: Inputs) -> str:
    """Return the table of the least time for many assignments of one tenant, which kzero-scim waits for itself."""
    del inputs
    waits = [duration(seconds) if (seconds := least_seconds(count)) else "no wait" for count in TENANTS]
    rows = [["first `up` or `destroy`, at least", *waits]]
    return _table(["users and groups assigned in one tenant", *map(_count, TENANTS)], rows)


def keycloak(inputs: Inputs) -> str:
    """Return the table of times that the sandbox's Keycloak needs for all tenants' requests."""
    rates = inputs["tenant"]["keycloak"]
    rows = []
    for name, counted in _requests(inputs).items():
        seconds = counted["grants"] / rates["grants_a_second"] + counted["keycloak"] / rates["reads_a_second"]
        if seconds:
            rows.append([name, *(duration(seconds * tenants) for tenants in TENANTS)])
    rate = f"{rates['grants_a_second']:.0f} tokens and {rates['reads_a_second']:.0f} reads per second"
    return _table([f"all tenants, one Keycloak: {rate}", *map(_count, TENANTS)], rows)


def state(inputs: Inputs) -> str:
    """Return the table of sizes of a self-managed backend."""
    sizes = inputs["tenant"]["bytes"]
    rows = [
        ["state and its predecessor", *(size(sizes["state"] * tenants) for tenants in TENANTS)],
        [f"{UPS_A_YEAR} `up`s per year", *(size(sizes["left_by_an_up"] * UPS_A_YEAR * n) for n in TENANTS)],
        ["the same, compressed", *(size(sizes["left_by_a_compressed_up"] * UPS_A_YEAR * n) for n in TENANTS)],
        ["one `up` per night, for a year", *(size(sizes["left_by_an_up"] * 365 * n) for n in TENANTS)],
    ]
    return _table(["self-managed backend", *map(_count, TENANTS)], rows)


def page(inputs: Inputs) -> str:
    """Return the table of sizes of the fleet's page."""
    sizes = inputs["tenant"]["bytes"]
    each = (sizes["page_of_2000"] - sizes["page"]) / 2000
    return _table(
        ["page, one tenant in ten drifted", *map(_count, TENANTS)],
        [["file", *(size(sizes["page"] + each * tenants) for tenants in TENANTS)]],
    )


def time(inputs: Inputs) -> str:
    """Return the table of times and costs of a run over all tenants, by number of machines."""
    rows = []
    for name, run in inputs["fleet"]["runs"].items():
        for machines in MACHINES:
            cells = []
            for tenants in TENANTS:
                each = START_SECONDS + math.ceil(tenants / machines) * run["seconds"]
                cells.append(f"{duration(each)}, ${machines * math.ceil(each / 60) * PRICE:,.2f}")
            rows.append([f"`{name}`" if machines == MACHINES[0] else "", str(machines), *cells])
    return _table(["all tenants", "machines", *map(_count, TENANTS)], rows)


TABLES: Final[Mapping[str, Callable[[Inputs], str]]] = {
    "measured": measured,
    "requests": requests,
    "graph": graph,
    "assignments": assignments,
    "keycloak": keycloak,
    "time": time,
    "state": state,
    "page": page,
}


def filled(document: str, inputs: Inputs) -> str:
    """Return the document with each table written between ``<!-- table: NAME -->`` and ``<!-- end -->``."""

    def table(found: re.Match[str]) -> str:
        return f"<!-- table: {found[1]} -->\n{TABLES[found[1]](inputs)}\n<!-- end -->"

    return re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end -->", table, document, flags=re.DOTALL)


def duration(seconds: float) -> str:
    """Return a time as text: ``40 s``, ``12 min``, ``3.5 h``, ``2.1 days``."""
    if seconds < 90:  # noqa: PLR2004 - up to where seconds say more than minutes
        return f"{max(1, round(seconds))} s"
    for unit, length, most in (("min", 60, 90), ("h", 3600, 48)):
        if seconds / length < most:
            return f"{seconds / length:.1f} {unit}" if seconds / length < 10 else f"{seconds / length:.0f} {unit}"  # noqa: PLR2004
    return f"{seconds / 86400:.1f} days"


def size(number: float) -> str:
    """Return a size in bytes as text: ``79 kB``, ``1.6 GB``."""
    for unit, length in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if number >= length:
            return f"{number / length:.1f} {unit}" if number < 10 * length else f"{number / length:.0f} {unit}"
    return f"{number / 1000:.0f} kB"


def _count(number: int) -> str:
    return f"{number:,}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Write the tables into docs/scale.md."""
    inputs = json.loads(INPUTS.read_text(encoding="utf-8"))
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8"), inputs), encoding="utf-8")


if __name__ == "__main__":
    main()

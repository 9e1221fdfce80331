"""The arithmetic of docs/scale.md is right, and the document has the tables that it gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench import limits, scale
from bench.fleet import FleetSample, Part, aims, kept
from bench.limits import Counted
from bench.memory import Memory
from bench.tenant_cost import INPUTS

AGENT = "kzero-scim/0.1.0"


def entra(method: str, path: str, query: str = "") -> dict[str, Any]:
    return {"method": method, "path": path, "query": query, "batch": False, "userAgent": AGENT}


def sample(part: Part, tenants: int, seconds: float, *, workers: int = 2, whole: float = 100) -> FleetSample:
    memory = Memory(engine=50, provider=0, others=0, whole=whole)
    return FleetSample(part=part, tenants=tenants, workers=workers, seconds=seconds, memory=memory, requests=Counted())


def test_the_document_has_the_measured_tables() -> None:
    """`python -m bench.scale` writes the document's tables, and nothing in them was changed by hand."""
    document = scale.DOCUMENT.read_text(encoding="utf-8")

    assert scale.filled(document, json.loads(INPUTS.read_text(encoding="utf-8"))) == document
    assert all(f"<!-- table: {name} -->\n| " in document for name in scale.TABLES)


@pytest.mark.parametrize(
    ("method", "path", "query", "units"),
    [
        ("GET", "servicePrincipals/1/synchronization/jobs", "", 1),
        ("GET", "users", "$filter=startswith(x,'y')", 2),
        ("GET", "users", "$filter=x&$select=id", 1),
        ("GET", "users/1", "$select=id", 1),
        ("GET", "groups/1/members", "$expand=x", 4),
        ("GET", "groups/1/members", "$top=5", 2),
        ("GET", "groups/1/members", "$top=999", 3),
        ("POST", "users", "", 1),
    ],
)
def test_a_request_has_the_cost_that_microsoft_documents(method: str, path: str, query: str, units: int) -> None:
    assert limits.cost(method, path, query) == units


def test_requests_are_counted_by_limit() -> None:
    """A batch costs what it contains, logs have their own limit, and Entra's own requests to KZero do not count."""
    entra_log = [
        entra("GET", "/tenant/v2.0/.well-known/openid-configuration"),
        entra("POST", "/tenant/oauth2/v2.0/token"),
        entra("POST", "/v1.0/$batch"),
        entra("POST", "/v1.0/servicePrincipals/1/appRoleAssignedTo") | {"batch": True},
        entra("GET", "/beta/users", "%24select=id"),
        entra("GET", "/v1.0/auditLogs/provisioning"),
    ]
    kzero_log = [
        {"method": "POST", "path": "/realms/a/protocol/openid-connect/token", "user_agent": AGENT},
        {"method": "GET", "path": "/admin/realms/a/clients", "user_agent": AGENT},
        {"method": "GET", "path": "/realms/a/scim/v2/Users", "user_agent": "Entra"},
    ]

    found = limits.count(entra_log, kzero_log)

    assert found == Counted(sign_ins=2, units=2, writes=1, reports=1, grants=1, keycloak=1)


def test_the_limit_that_takes_longest_is_the_binding_one() -> None:
    """10 log requests for each of 1,000 tenants take longest, at half of the allowed 12.2 per second."""
    inputs = {"tenant": {"requests": {"up": {"units": 7, "writes": 0, "reports": 10}}}, "fleet": {"runs": {}}}

    assert scale.graph(inputs).splitlines()[-1] == "| first `up` | log requests | 27 min | 4.6 h | 46 h |"


def test_each_machine_has_a_start_time_and_is_billed_by_the_minute() -> None:
    """1,000 tenants of 2 s take 2,060 s on one machine, billed as 35 minutes, and 186 s on 16, billed as 4 each."""
    found = scale.time({"fleet": {"runs": {"fleet preview": {"seconds": 2.0}}}}).splitlines()

    assert found[2].split(" | ")[2] == "34 min, $0.21"
    assert found[3].split(" | ")[2] == "3.1 min, $0.38"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (89, "89 s"), (120, "2.0 min"), (3000, "50 min"), (7200, "2.0 h"), (259_200, "3.0 days")],
)
def test_a_duration_as_text_has_a_suitable_unit(seconds: float, words: str) -> None:
    assert scale.duration(seconds) == words


@pytest.mark.parametrize(("size", "words"), [(78_800, "79 kB"), (1.6e9, "1.6 GB"), (5.9e12, "5.9 TB"), (3e8, "300 MB")])
def test_a_size_as_text_has_a_suitable_unit(size: float, words: str) -> None:
    assert scale.size(size) == words


def test_the_fleets_aims_are_computed_from_its_samples() -> None:
    """The aims are throughput compared with the loop, drift's speed and memory, and a constant cost per tenant."""
    samples = [
        sample("loop", 20, 40, workers=1),
        sample("loop", 200, 400, workers=1),
        sample("preview", 20, 10),
        sample("preview", 200, 100),
        sample("drift", 20, 1, workers=16),
        sample("drift", 200, 20, workers=16, whole=600),
    ]

    found = {aim.name: (aim.measured, aim.met) for aim in aims(samples)}

    assert found == {
        "fleet preview, times the loop's throughput: at least": (4.0, True),
        "fleet drift, tenants per second: at least": (10.0, False),
        "fleet drift of 200, memory": (600, False),
        "loop: cost per tenant at 200, times that at 20": (1.0, True),
        "preview: cost per tenant at 200, times that at 20": (1.0, True),
        "drift: cost per tenant at 200, times that at 20": (2.0, False),
    }


def test_the_scale_uses_the_fastest_run_with_the_most_tenants() -> None:
    samples = [
        sample("preview", 2, 1),
        sample("preview", 10, 9, workers=1),
        sample("preview", 10, 5),
        sample("drift", 10, 1, workers=16),
    ]

    found = kept("here", samples)["runs"]

    assert {name: (run["workers"], run["seconds"]) for name, run in found.items()} == {
        "fleet preview": (2, 0.5),
        "fleet drift": (16, 0.1),
    }

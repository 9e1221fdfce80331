"""Tests of how tenants are grouped, ordered and described."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.fleet.model import Command, FleetRun, Outcome, PropertyChange, ResourceChange, TenantResult
from kzero_scim.fleet.report.grouping import GroupedRun, Risk
from kzero_scim.fleet.report.wording import summary_of
from kzero_scim.tenant.drift import Difference


def change(
    resource: str, *properties: PropertyChange, operation: str = "update", name: str = "tenant"
) -> ResourceChange:
    return ResourceChange(resource=resource, name=name, operation=operation, properties=list(properties))


def prop(path: str, was: object = None, now: object = None, kind: str = "") -> PropertyChange:
    guessed = "add" if was is None else "delete" if now is None else "update"
    return PropertyChange(property=path, kind=kind or guessed, was=was, now=now)


def run_of(*results: TenantResult) -> FleetRun:
    return FleetRun(command=Command.PREVIEW, project="kzero-scim", began="", ended="", results=list(results))


def changed(tenant: str, *changes: ResourceChange, names: tuple[str, ...] = ()) -> TenantResult:
    return TenantResult(tenant=tenant, outcome=Outcome.CHANGED, changes=list(changes), names=list(names))


ON, OFF = True, False
TAG = {"claim": "urn:ietf:params:scim:schemas:extension:kzero:2.0:User.tag", "userAttribute": "tag"}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (change("MapperSet", prop("mappers.tag", None, TAG)), "mapper `tag` added"),
        (change("MapperSet", prop("mappers.tag.claim", "a", "b"), prop("mappers.tag.x", "a")), "mapper `tag` changed"),
        (
            change("MapperSet", prop("mappers.a", None, 1), prop("mappers.b", None, 1), prop("mappers.c", 1)),
            "mapper `c` removed, mappers `a`, `b` added",
        ),
        (
            change("MapperSet", *(prop(f"mappers.m{number}", None, 1) for number in range(4))),
            "4 mappers added",
        ),
        (change("MapperSet", prop("unmanaged[0]", "x"), prop("exclusive", OFF, ON)),
         "1 mapper made elsewhere removed, mappers: `exclusive` changed"),
        (change("AttributeMappings", prop('rows["name.givenName"].source', "a", "b")),
         "mapping `name.givenName` changed"),
        (
            change("AppRoleAssignments", *(prop(f"users[{n}]", None, "u") for n in range(3)), prop("users[7]", "v")),
            "3 users assigned, 1 unassigned",
        ),
        (change("AppRoleAssignments", prop("groups[0]", "Sales")), "1 group unassigned"),
        (change("SynchronizationCredentials", prop("notificationEmail", "a@x", "b@x")), "notification email changed"),
        (change("SynchronizationCredentials", prop("scope", "assigned", "all")), "scope widened to all users"),
        (change("ProvisioningStatus", prop("enabled", ON, OFF)), "provisioning turned off"),
        (change("ProvisioningStatus", prop("triggers.mappings", "1", "2")), "checks whether provisioning must restart"),
        (change("ApplicationFromTemplate", prop("templateId", "a", "b", "replace"), operation="replace"),
         "application replaced"),
        (change("SynchronizationJob", operation="delete"), "provisioning job deleted"),
        (change("Novelty\n", prop("a.b", 1, 2)), "`Novelty`: `a` changed"),
        (change("Group", operation="delete", name="admins"), "`Group` `admins` deleted"),
        (change("MapperSet", prop("mappers[broken", 1, 2)), "mappers: `mappers[broken` changed"),
    ],
)  # fmt: skip
def test_a_change_is_told_in_words(told: ResourceChange, words: str) -> None:
    """A change is described in one line, with names in backticks and counts for many items."""
    assert summary_of(told) == words


def test_tenants_that_differ_in_their_own_names_and_ids_alone_are_one_group() -> None:
    """Tenants that differ only in their own names, IDs and fingerprints form one group."""

    def moved(tenant: str, realm: str, domain: str, own: tuple[str, str], server: str) -> TenantResult:
        principal, mark = own
        return changed(
            tenant,
            change(
                "AppRoleAssignments",
                prop("servicePrincipalId", principal, "(not known yet)", "replace"),
                prop("users[4]", None, f"alex@{domain}"),
                operation="replace",
            ),
            change(
                "SynchronizationCredentials",
                prop("tenantUrl", f"https://old.example/realms/{realm}/scim/v2", f"{server}/realms/{realm}/scim/v2"),
            ),
            change("ProvisioningStatus", prop("triggers.credentials", mark, "(not known yet)")),
            names=(realm, domain),
        )

    one = "2fa1d8f0-0000-4000-8000-00000000000a"
    two = "2fa1d8f0-0000-4000-8000-00000000000b"
    run = run_of(
        moved("contoso", "Contoso", "contoso.example", (one, "ab" * 32), "https://new.example"),
        moved("fabrikam-eu", "FabrikamEU", "fabrikam.test", (two, "cd" * 32), "https://new.example"),
        moved("litware", "Litware", "litware.test", (two, "ef" * 32), "https://other.example"),
    )

    alike, apart = GroupedRun(run).changed

    assert alike.tenants == ["contoso", "fabrikam-eu"]
    assert alike.headline == "assignments replaced, Tenant URL changed"
    assert alike.risk is Risk.DESTROYS
    assert json.dumps([item.now for item in alike.changes[1].properties]) == (
        '["https://new.example/realms/<tenant>/scim/v2"]'
    )
    assert [item.now for item in alike.changes[0].properties] == ["(not known yet)", "alex@<tenant>"]
    assert apart.tenants == ["litware"]
    assert apart.changes[0].properties[0].was == two, "a group of one shows its own values"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (prop("users[0]", None, "11111111-0000-4000-8000-00000000000a"),
         prop("users[0]", None, "11111111-0000-4000-8000-00000000000b")),
        (prop("users[0]", None, "alex@a.example"), prop("users[0]", None, "alex@b.example")),
        (prop("roleName", "User", "a"), prop("roleName", "User", "<tenant>")),
        (prop("roleName", "User", "one"), prop("roleName", "User", "One")),
        (prop("unassignMaxUsers", 1, 2), prop("unassignMaxUsers", 1, "2")),
        (prop("unassignMaxUsers", 1, 2), prop("unassignMaxUsers", None, 2)),
    ],
)  # fmt: skip
def test_different_changes_are_apart(one: PropertyChange, other: PropertyChange) -> None:
    """Different users are never grouped because they look alike, and a forged placeholder is not one."""
    run = run_of(
        changed("one", change("AppRoleAssignments", one)), changed("other", change("AppRoleAssignments", other))
    )

    assert len(GroupedRun(run).changed) == 2


def test_a_name_of_the_tenant_that_takes_the_place_of_another_is_shown() -> None:
    """A realm whose case is corrected shows both values, not one placeholder."""
    fix = change("ScimEndpoint", prop("realm", "contoso", "Contoso", "replace"), operation="replace")
    run = run_of(changed("contoso", fix, names=("Contoso",)), changed("fabrikam", fix))

    (group,) = GroupedRun(run).changed

    assert (group.changes[0].properties[0].was, group.changes[0].properties[0].now) == ("contoso", "Contoso")


def test_the_place_of_an_entry_in_a_list_says_nothing() -> None:
    """Positions in lists are ignored, because lists are sets."""
    run = run_of(
        changed("one", change("AppRoleAssignments", prop("users[0]", None, "a"), prop("users[9]", None, "b"))),
        changed("two", change("AppRoleAssignments", prop("users[3]", None, "b"), prop("users[4]", None, "a"))),
    )

    assert [group.tenants for group in GroupedRun(run).changed] == [["one", "two"]]


def test_the_riskiest_group_comes_first_then_the_largest() -> None:
    """Deletions come first, then lost access, then larger groups; a repeated test is no risk."""
    mapper = change("MapperSet", prop("mappers.tag", None, TAG))
    email = change("SynchronizationCredentials", prop("notificationEmail", "a", "b"))
    run = run_of(
        changed("a", email),
        changed("b", mapper),
        changed("c", mapper),
        changed("d", change("AppRoleAssignments", prop("users[0]", "kim@x"))),
        changed("e", change("ApplicationFromTemplate", operation="delete")),
        changed("f", change("ConnectionTest", prop("jobId", "a", "b", "replace"), operation="replace"), email),
        changed("g", change("ProvisioningStatus", prop("enabled", ON, OFF))),
    )

    groups = GroupedRun(run).changed

    assert [group.tenants for group in groups] == [["e"], ["d"], ["g"], ["b", "c"], ["a"], ["f"]]
    assert [group.risk for group in groups] == [Risk.DESTROYS, *[Risk.ACCESS] * 2, *[Risk.ORDINARY] * 3]


def test_consequences_are_not_in_the_headline() -> None:
    """The headline has the changed mapping, not the restart and the test that follow from it."""
    run = run_of(
        changed(
            "a",
            change("ConnectionTest", prop("triggers.endpoint", "1", "2")),
            change("AttributeMappings", prop("rows.tag", None, TAG)),
            change("ProvisioningStatus", prop("triggers.mappings", "1", "2")),
        ),
        changed("b", change("ConnectionTest", prop("triggers.endpoint", "1", "2"))),
        changed("c"),
        changed("d", *(change(kind, operation="create") for kind in ("MapperSet", "A", "B", "C", "D"))),
    )

    assert [group.headline for group in GroupedRun(run).changed] == [
        "connection tested again",
        "mapping `tag` added",
        "set up for the first time, 5 resources",
        "stack outputs changed",
    ]


def test_drift_is_told_as_what_somebody_did() -> None:
    """Drift is described as what someone did: an extra item was added, a missing one removed."""

    def drifted(tenant: str, who: str, *differences: tuple[str, str, object, object]) -> TenantResult:
        drift = [
            Difference(resource=resource, property=path, was=was, now=now, who=who)
            for resource, path, was, now in differences
        ]
        return TenantResult(tenant=tenant, outcome=Outcome.DRIFTED, drift=drift)

    run = run_of(
        drifted("a", "kim", ("MapperSet", "mappers.tag", TAG, None), ("ProvisioningStatus", "enabled", ON, OFF)),
        drifted("b", "lee", ("MapperSet", "mappers.tag", TAG, None), ("ProvisioningStatus", "enabled", ON, OFF)),
        drifted("c", "", ("SynchronizationJob", "", "exists", None)),
    )

    assert [(group.tenants, group.headline) for group in GroupedRun(run).drifted] == [
        (["c"], "provisioning job deleted"),
        (["a", "b"], "provisioning turned off, mapper `tag` removed"),
    ]


def test_failures_with_the_same_reason_are_one_group() -> None:
    """Failures with the same reason form one group, even if the error contains the tenant's name."""
    run = run_of(
        TenantResult(tenant="a", outcome=Outcome.FAILED, error="realm a: 401 at 2026-11-24T03:00:00Z"),
        TenantResult(tenant="b", outcome=Outcome.FAILED, error="realm b: 401 at 2026-11-24T03:00:07Z"),
        TenantResult(tenant="c", outcome=Outcome.FAILED, error="realm c: 403"),
        TenantResult(tenant="x-1", outcome=Outcome.FAILED, error="set KZERO_SCIM_CONFIRM__X_1=scope=all"),
        TenantResult(tenant="x-2", outcome=Outcome.FAILED, error="set KZERO_SCIM_CONFIRM__X_2=scope=all"),
        TenantResult(tenant="d", outcome=Outcome.TIMED_OUT, error="stopped after 600 s"),
        TenantResult(tenant="e", outcome=Outcome.UNCHANGED, warnings=["look", "look"]),
        TenantResult(tenant="f", outcome=Outcome.UNCHANGED, warnings=["see", "look"]),
    )

    grouped = GroupedRun(run)

    assert [(alike.tenants, alike.text) for alike in grouped.failed] == [
        (["a", "b"], "realm <tenant>: 401 at <time>"),
        (["x-1", "x-2"], "set KZERO_SCIM_CONFIRM__<tenant>=scope=all"),
        (["c"], "realm c: 403"),
    ]
    assert [(alike.tenants, alike.text) for alike in grouped.timed_out] == [(["d"], "stopped after 600 s")]
    assert [(alike.tenants, alike.text) for alike in grouped.warnings] == [(["e", "f"], "look"), (["f"], "see")]


_TEXT = st.text(max_size=6)
_VALUES = st.none() | st.booleans() | _TEXT | st.lists(_TEXT, max_size=2) | st.dictionaries(_TEXT, _TEXT, max_size=2)
_CHANGES = st.lists(
    st.builds(
        ResourceChange,
        resource=st.sampled_from(["MapperSet", "AppRoleAssignments", "ConnectionTest", "Other"]) | _TEXT,
        name=_TEXT,
        operation=st.sampled_from(["create", "update", "replace", "delete", "import"]) | _TEXT,
        properties=st.lists(
            st.builds(
                PropertyChange,
                property=st.sampled_from(["mappers.tag", "users[1]", "users[2]", "triggers.x"]) | _TEXT,
                kind=st.sampled_from(["add", "update", "delete", "replace"]) | _TEXT,
                was=_VALUES,
                now=_VALUES,
            ),
            max_size=3,
        ),
    ),
    max_size=3,
    unique_by=lambda item: (item.resource, item.name, item.operation),
)


@given(st.lists(_CHANGES, max_size=5))
def test_every_changed_tenant_is_in_one_group(changes: list[list[ResourceChange]]) -> None:
    """Every changed tenant is in exactly one group, and each headline is one line with text."""
    run = run_of(*(changed(f"tenant-{number}", *own) for number, own in enumerate(changes)))

    groups = GroupedRun(run).changed

    assert sorted(tenant for group in groups for tenant in group.tenants) == [item.tenant for item in run.results]
    assert all(group.headline and len(group.headline.splitlines()) == 1 for group in groups)


@given(_CHANGES, st.randoms())
def test_a_tenants_name_and_the_order_of_its_changes_do_not_tell_tenants_apart(
    changes: list[ResourceChange], random: Random
) -> None:
    """Names and the order of engine events do not affect groups."""
    document = run_of(changed("QQcontosoQQ", *changes)).document()
    for place in ("resource", "name", "operation"):
        for item in document["results"][0]["changes"]:
            item[place] += " QQcontosoQQ" if place == "name" else ""
    text = json.dumps(document)
    one = FleetRun.from_document(json.loads(text), "one").results[0]
    other = FleetRun.from_document(json.loads(text.replace("QQcontosoQQ", "QQfabrikamQQ")), "other").results[0]
    random.shuffle(other.changes)

    assert [group.tenants for group in GroupedRun(run_of(one, other)).changed] == [["QQcontosoQQ", "QQfabrikamQQ"]]


_ENTRA = (
    "cannot read the job: Microsoft Graph answered 503 ServiceUnavailable: try later, Trace ID: {guid} Correlation ID: "
    "{guid} Timestamp: {stamp} (request id {guid}) [tried {tries} times, and Graph asks to wait {wait} s]"
)


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (
            _ENTRA,
            {
                "guid": ("2fa1d8f0-0000-4000-8000-00000000000a", "2fa1d8f0-0000-4000-8000-00000000000b"),
                "stamp": ("2026-11-28 12:00:01Z", "2026-11-28 12:07:44Z"),
                "tries": ("2", "5"),
                "wait": ("7", "31"),
            },
        ),
        ("refused at {}", {"": ("Sat, 28 Nov 2026 12:00:00 GMT", "Sun, 29 Nov 2026 01:02:03 GMT")}),
        ("refused at {}", {"": ("11/28/2026 12:00:00 PM", "11/29/2026 1:02:03 AM")}),
        ("refused at {}", {"": ("2026-11-28T12:00:00.123+01:00", "2026-11-28T12:00:01Z")}),
        ("refused at {}", {"": ("12:00:00", "13:07:09.25")}),
        ("refused at {}", {"": ("1795867200", "1795867313456")}),
        ("secret expired on {}", {"": ("2026-11-28", "2026-10-01")}),
        ("request-id: {}", {"": ("0HN7QK2:00000001", "0HN7QK9:0000000A")}),
        ("x-ms-request-id={}", {"": ("a1b2", "c3d4")}),
        ('{{"traceId": "{}"}}', {"": ("4bf92f3577b34da6", "00f067aa0ba902b7")}),
        ("Ray ID {}", {"": ("8f2c1a7d9e3b4c5d", "7a1b2c3d4e5f6a7b")}),
        ("span {}", {"": ("00f067aa0ba902b7", "53995c3f42cd8ad8")}),
        ("no answer after {}", {"": ("3.2 s", "1523 ms")}),
        ("no answer after {}", {"": ("30 seconds", "2 minutes")}),
        ("no answer within {}", {"": ("PT30S", "PT1M30S")}),
        ("cannot connect to 127.0.0.1:{}", {"": ("43211", "8443")}),
        ("cannot connect to localhost:{}", {"": ("80", "8443")}),
        ("cannot connect from kzero.example:{}", {"": ("40001", "61234")}),
        ("cannot bind port {}", {"": ("40001", "8443")}),
        ("the process ended, pid {}", {"": ("17", "40001")}),
        ("gave up after {} attempts", {"": ("2", "5")}),
        ("SCIM endpoint https://kzero.example/realms/{}/scim/v2 fails", {"": ("Z%C3%BCrich%20Nord", "Bern")}),
    ],
)
def test_details_of_one_request_do_not_tell_failures_apart(line: str, values: dict[str, tuple[str, str]]) -> None:
    """The same failure in two tenants is one group, whatever its time, IDs, duration, port and attempts."""

    def failed(tenant: str, place: int, realm: str) -> TenantResult:
        given = {name: pair[place] for name, pair in values.items()}
        error = line.format(given.pop("", ""), **given)
        return TenantResult(tenant=tenant, outcome=Outcome.FAILED, error=error, names=[realm])

    one, other = failed("contoso", 0, "Zürich Nord"), failed("fabrikam", 1, "Bern")
    assert one.error != other.error

    [alike] = GroupedRun(run_of(one, other)).failed

    assert alike.tenants == ["contoso", "fabrikam"]
    assert not any(pair[0] in alike.text for pair in values.values())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('user "alex@contoso.example" does not exist', 'user "kim@contoso.example" does not exist'),
        ("Microsoft Graph answered 403", "Microsoft Graph answered 404"),
        ("SCIM endpoint https://kzero.example:8443 fails", "SCIM endpoint https://kzero.example:9443 fails"),
        ("mapper tag has claim a", "mapper tag has claim b"),
        ("31 users would lose access", "32 users would lose access"),
        ("the request was refused: idle", "the request was refused: busy"),
    ],
)
def test_the_subject_of_a_failure_tells_failures_apart(one: str, other: str) -> None:
    """Users, statuses, configured ports and numbers of users are what a failure is about."""
    results = [
        TenantResult(tenant=name, outcome=Outcome.FAILED, error=error)
        for name, error in (("contoso", one), ("fabrikam", other))
    ]

    assert {alike.text for alike in GroupedRun(run_of(*results)).failed} == {one, other}


def test_equal_lines_are_shown_as_they_are() -> None:
    """A line that is the same in all tenants keeps its values."""
    error = "stopped after 300 s (request id 17)"
    results = [TenantResult(tenant=name, outcome=Outcome.TIMED_OUT, error=error) for name in ("contoso", "fabrikam")]

    assert [alike.text for alike in GroupedRun(run_of(*results)).timed_out] == [error]


def test_durations_and_ports_in_values_are_values() -> None:
    """Changes that set different durations, ports or times are different."""
    for was, one, other in (("0 s", "30 s", "60 s"), ("", "https://k.example:40001", "https://k.example:40002")):
        results = [changed(name, change("X", prop("p", was, now))) for name, now in (("a", one), ("b", other))]

        assert len(GroupedRun(run_of(*results)).changed) == 2

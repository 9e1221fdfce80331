"""The fleet's page in a real Chromium works with mouse, keyboard and screen reader."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from kzero_scim.entra.cycle_history import PastCycle
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.page import render_page
from kzero_scim.guide.checklist import Item
from kzero_scim.tenant.drift import Difference
from kzero_scim.tenant.status import StatusReport
from tools import fleet_sample
from tools.browser_driver import DESKTOP, PHONE, Chromium

EVERYTHING = fleet_sample.name_of(20)
"""The sample's tenant that has drifted, is in quarantine and has pending changes."""
OPEN = f"open={EVERYTHING}&open={fleet_sample.name_of(15)}&open={fleet_sample.name_of(10)}"


@pytest.fixture(scope="module")
def mixed() -> str:
    """Return the page of forty tenants in all states."""
    return render_page(fleet_sample.mixed_fleet(40))


def names(chromium: Chromium) -> list[str]:
    """Return the names of the visible tenants, in order."""
    return chromium.texts("#rows .name")


def test_the_page_shows_the_worst_tenants_first_with_their_details(chromium: Chromium, mixed: str) -> None:
    """The worst tenant comes first, and details have reason, remedy, drift, changes, checklist, cycles and portals."""
    chromium.open(mixed)

    assert chromium.texts("#glance button") == [
        "2\nFailed", "2\nQuarantine", "1\nUsers in error", "3\nDrifted", "13\nChanges pending", "1\nSkipped",
        "22\nHealthy",
    ]  # fmt: skip
    assert names(chromium)[0] == fleet_sample.name_of(10)
    button = next(item for item in chromium.all("#rows .name") if item.text == EVERYTHING)
    button.click()
    details = chromium.one("#rows tr.details").text
    for part in (
        "Provisioning is in quarantine\nfrom status, 12 minutes ago",
        "2 days ago (2026-03-10 03:30 UTC)",
        "in 3 hours (2026-03-12 10:30 UTC)",
        "fix the cause, then run `pulumi up --refresh` to test the connection",
        "Drift: 1 difference\nfrom drift, 5 hours ago",
        f"admin@{EVERYTHING}.example",
        "Changes pending: 1 resource\nfrom preview, 1 hour ago",
        "Checklist: 6 of 7 passed",
        "13 cycles: 5 succeeded, 2 with users in error, 6 failed",
        "KZero advanced console",
        f".kzero-scim/logs/{EVERYTHING}.log",
    ):
        assert part in details
    assert chromium.texts(".details .inner td code")[:2] == ["emails[0].value", "email"]
    assert chromium.complaints() == []


def test_search_filter_and_sort_order_are_in_the_address(chromium: Chromium, mixed: str) -> None:
    """A selection filters the list at once, is announced to screen readers, and can be opened from the address."""
    chromium.open(mixed)

    chromium.one("#search").send_keys("manage-clients")
    assert names(chromium) == [fleet_sample.name_of(10)]
    assert chromium.one("#count").text == "1 of 40 tenants"
    assert chromium.one("#count").get_attribute("role") == "status"
    chromium.one("#clear").click()
    chromium.one("#glance .drifted").click()
    chromium.one("#glance .quarantine").click()
    assert len(names(chromium)) == 4
    chromium.run(
        "const tag = document.getElementById('tag'); tag.value = 'emea'; tag.dispatchEvent(new Event('change'))"
    )
    chromium.all("#columns button")[0].click()
    chosen = chromium.hash
    seen = names(chromium)
    assert len(seen) == 1
    assert chosen == "state=drifted&state=quarantine&tag=emea&sort=name"

    chromium.open(mixed, chosen)
    assert names(chromium) == seen
    assert chromium.one("#glance .drifted").get_attribute("aria-pressed") == "true"
    assert chromium.one("#columns [aria-sort]").text.startswith("Tenant")


def test_a_group_of_tenants_filters_the_list(chromium: Chromium) -> None:
    """A problem of several tenants appears once, and a click or its address shows only these tenants."""
    html = render_page(fleet_sample.mixed_fleet(2000))
    chromium.open(html)

    groups = chromium.texts("#same button")
    assert groups[0].startswith("Failed\n50 tenants\nMapperSet scim-endpoint: cannot read the realm")
    assert chromium.texts("#same summary") == ["2 more groups"]
    chromium.all("#same button")[2].click()
    assert chromium.one("#count").text == "100 of 2,000 tenants"
    chosen = chromium.hash
    chromium.open(html, chosen)
    assert chromium.one("#count").text == "100 of 2,000 tenants"
    assert chromium.all("#same button")[2].get_attribute("aria-pressed") == "true"


def test_everything_works_by_keyboard(chromium: Chromium, mixed: str) -> None:
    """Tab reaches the search, arrows select a tenant, Enter opens it, Escape closes it, and the focus is visible."""
    chromium.open(mixed)

    chromium.press(Keys.TAB)
    assert chromium.focused.text == "Skip to tenants"
    chromium.press(Keys.ENTER, Keys.TAB)
    assert chromium.focused.text.startswith("Tenant")
    for _ in range(6):
        chromium.press(Keys.TAB)
    first, second = names(chromium)[:2]
    assert chromium.focused.text == first
    chromium.press(Keys.ARROW_DOWN)
    assert chromium.focused.text == second
    assert chromium.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    chromium.press(Keys.ENTER)
    assert chromium.focused.get_attribute("aria-expanded") == "true"
    assert chromium.hash == f"open={second}"
    chromium.press(Keys.TAB)
    assert chromium.focused.text == f"Close\n{second}"
    chromium.press(Keys.ESCAPE)
    assert chromium.focused.text == second
    assert chromium.all("#rows tr.details") == []
    chromium.press(Keys.END)
    assert chromium.focused.text == names(chromium)[-1]
    chromium.press(Keys.HOME)
    assert chromium.focused.text == first


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_axe_reports_no_violation(
    chromium: Chromium, axe: Path, mixed: str, size: tuple[int, int], *, dark: bool
) -> None:
    """The page breaks no rule of axe-core, including contrast, in light and dark, with open details and filters."""
    chromium.set_view(size, dark=dark, still=True)
    chromium.open(mixed, f"state=failed&state=quarantine&state=errors&{OPEN}")
    # The debugger runs the script, because the page's content security policy blocks scripts.
    chromium.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": axe.read_text(encoding="utf-8")})

    found: dict[str, Any] = chromium.driver.execute_async_script(
        "const done = arguments[arguments.length - 1]; axe.run(document, {resultTypes: ['violations']}).then(done)"
    )

    broken = [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found["violations"]]
    assert json.dumps(broken, indent=1) == "[]"
    assert "color-contrast" in {rule["id"] for rule in found["passes"]}


@pytest.mark.parametrize("width", [320, 360, 800, 1280])
def test_nothing_scrolls_sideways(chromium: Chromium, mixed: str, width: int) -> None:
    """No width from phone to desktop needs horizontal scrolling, even with open details."""
    chromium.set_view((width, 740))
    chromium.open(mixed, OPEN)

    assert chromium.run("return document.documentElement.scrollWidth") == width


def test_the_page_follows_the_systems_colour_scheme(chromium: Chromium, mixed: str) -> None:
    """The page uses the system's light or dark scheme, and prints in light colours."""

    def background() -> str:
        return str(chromium.run("return getComputedStyle(document.body).backgroundColor"))

    chromium.open(mixed)
    assert background() == "rgb(245, 246, 248)"
    chromium.set_view(dark=True)
    assert background() == "rgb(14, 18, 23)"
    chromium.set_view(dark=True, media="print")
    assert background() == "rgb(255, 255, 255)"


def test_the_page_sends_no_requests(chromium: Chromium, mixed: str) -> None:
    """The browser reads one file and requests nothing else, and the page's policy blocks added content."""
    chromium.open(mixed, OPEN)
    assert [(url.rpartition("/")[2], refused) for url, refused in chromium.requests()] == [("fleet.html", "")]
    assert chromium.complaints() == []

    chromium.run(
        "const image = document.createElement('img'); image.src = 'https://kzero.example/x.png';"
        "const script = document.createElement('script'); script.textContent = 'document.title = \"owned\"';"
        "document.body.append(image, script)"
    )

    assert "owned" not in chromium.driver.title
    assert chromium.requests() == [("https://kzero.example/x.png", "csp")]
    assert any("Content Security Policy" in line for line in chromium.complaints())


HOSTILE = (
    "</script><script>document.title='owned'</script>",
    "<!--<script>",
    "]]><img src=x onerror=\"document.title='owned'\">",
    "{{script}}&lt;b&gt;",
    "line\u2028paragraph\u2029end\r\n\x00\x1b[31m",
    "\u202egpj.exe",
    "' onmouseover='document.title=1",
    "__proto__",
)


def test_hostile_names_stay_text(chromium: Chromium) -> None:
    """Names from services and files are shown letter by letter, and never run or interpreted."""
    runs = [
        FleetRun(
            command=Command.DRIFT,
            project=HOSTILE[0],
            began=HOSTILE[1],
            ended=HOSTILE[0],
            commit=HOSTILE[0],
            results=[
                TenantResult(
                    tenant=f"{number} {text}",
                    outcome=Outcome.DRIFTED,
                    drift=[Difference(resource=text, property=text, was=text, now={text: [text]}, who=text, when=text)],
                    error=text,
                    warnings=[text],
                    tags=[text],
                    log=text,
                    status=StatusReport(
                        status=text,
                        note=text,
                        cycles=[PastCycle(ended=text, state=text, exported=0, escrowed=0)],
                    ),
                    checklist=[Item(text, passed=False, evidence=text)],
                    portals={text: f"javascript:document.title='owned'//{text}", "good": f"https://x.example/{text}"},
                )
                for number, text in enumerate(HOSTILE)
            ],
        )
    ]
    chromium.open(render_page(runs))

    for button in chromium.all("#rows .name"):
        button.click()

    assert len(names(chromium)) == len(HOSTILE)
    assert names(chromium)[0] == f"0 {HOSTILE[0]}"
    assert names(chromium)[5] == "5 \\u202egpj.exe"
    assert "owned" not in chromium.driver.title.replace(HOSTILE[0], "")
    assert chromium.run("return document.querySelectorAll('#app img, #app script, #app [onmouseover]').length") == 0
    links = chromium.run("return [...document.querySelectorAll('#app a')].map((link) => link.protocol)")
    assert set(links) == {"https:"}
    assert chromium.complaints() == []


def test_two_thousand_tenants(chromium: Chromium) -> None:
    """The list starts with the worst hundred tenants, but search finds all of them and printing shows all."""
    chromium.open(render_page(fleet_sample.mixed_fleet(2000)))

    assert chromium.run("return document.querySelectorAll('#rows tr').length") == 100
    assert chromium.one("#more").text == "Show 1,900 more"
    chromium.one("#search").send_keys("-2000")
    assert names(chromium) == [fleet_sample.name_of(1999)]
    chromium.one("#clear").click()
    chromium.run("dispatchEvent(new Event('beforeprint'))")
    assert chromium.run("return document.querySelectorAll('#rows tr').length") == 2000
    chromium.run("dispatchEvent(new Event('afterprint'))")
    chromium.one("#more").click()
    assert chromium.focused.get_attribute("class") == "name"


def test_without_script_there_is_a_plain_table(chromium: Chromium, mixed: str) -> None:
    """Without scripts, a table lists the tenants with state and reason."""
    chromium.set_view(script=False)
    chromium.open(mixed)

    source = chromium.driver.execute_cdp_cmd("DOM.getDocument", {"depth": -1})
    text = json.dumps(source)
    assert chromium.all("#app") == []
    assert len(chromium.all("noscript tbody tr")) == 40
    assert "EncounteredQuarantineException" in text


def test_an_empty_fleet_says_so(chromium: Chromium) -> None:
    """A page without runs or tenants says so."""
    for runs in ([], fleet_sample.healthy_fleet(0)):
        chromium.open(render_page(runs))
        assert chromium.one("#count").text == "No tenants: the runs contain none."
    assert chromium.complaints() == []


def test_without_a_list_of_cycles_the_last_ones_are_shown(chromium: Chromium) -> None:
    """Without a list, the page shows Entra's last cycle, last successful cycle, and last cycle with exports."""
    (run,) = fleet_sample.healthy_fleet(1)
    (result,) = run.results
    assert result.status is not None
    status = replace(result.status, cycles=[])
    chromium.open(render_page([replace(run, results=[replace(result, status=status)])]), f"open={result.tenant}")

    assert "Last cycle\nSucceeded, 40 minutes ago" in chromium.one("#rows tr.details").text
    assert chromium.one("svg.chart").get_attribute("aria-label") == "1 cycle: 1 succeeded"
    assert chromium.complaints() == []

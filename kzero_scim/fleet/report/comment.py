"""Renders a fleet run as the Markdown comment of a pull request, most important first, within a size limit.

Uses only Markdown that GitHub, GitLab and Azure DevOps share: ``<details>``, code and ``diff`` blocks. Puts all text
from outside in code (``markdown.py``). Pure function of a run's document.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from kzero_scim.display import one_line, plain
from kzero_scim.errors import SettingsError
from kzero_scim.exit_codes import ExitCode
from kzero_scim.fleet.model import Command, FleetRun, Outcome, PropertyChange, ResourceChange, TenantResult
from kzero_scim.fleet.report.grouping import Alike, Group, GroupedRun, Risk, costs_of
from kzero_scim.fleet.report.markdown import fenced, shortened, span, tagged
from kzero_scim.fleet.report.truncation import Entry, Parts, Section, counted, fit
from kzero_scim.fleet.report.wording import Name, Sentence, is_consequence, joined, summary_of, word_of

LIMITS: Final = {"github": 64_000, "gitlab": 1_000_000, "azure": 150_000}
"""Largest comment per platform, in characters, with room for text that a pipeline adds."""
LEAST: Final = 2_000
"""Smallest limit, in characters: headline and counts need some room."""

_ERRORS: Final = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.UNHEALTHY, Outcome.UNKNOWN, Outcome.NOT_RUN})
_SIGNS: Final = {"add": "+", "delete": "-"}
_MARKERS: Final = frozenset({"(secret)", "(not known yet)"})
_FEW: Final = 3
"""How many tenants a headline names."""
_FOLDED: Final = 10
"""How many names a list shows before it is folded."""
_MOST_VALUE: Final = 400
"""Longest value in a diff, in characters."""
_MOST_ERROR: Final = 2_000
"""Longest error, in characters."""
_BRIEF_ERROR: Final = 160
"""Longest error if the comment is shortened, in characters."""
_BUNDLED: Final = 4
"""How many groups with the same headline and different values make one entry."""
_MOST_LINES: Final = 60
"""Longest diff of one resource, in lines."""
_OWN: Final = re.compile(r"<(?:tenant|time|(?:id|fingerprint) \d+)>|&lt;tenant&gt;")
_LINK: Final = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&*+,;=%-]{1,500}")


def render_comment(run: FleetRun, limit: int = LIMITS["github"], *, link: str = "") -> str:
    """Return the comment of a run.

    Args:
        run: The run.
        limit: Largest size in UTF-16 code units, which no platform's own count exceeds; at least :data:`LEAST`.
        link: Address of the full run: the pipeline's page or artifact.

    Returns:
        Markdown. Its first line is :func:`marker_of` the run.

    Raises:
        SettingsError: The limit is too small, or the link is not a web address.
    """
    check_limits(limit, link)
    return fit(_sections(run), limit, whole=lambda text, cut: _whole(run, text, cut, limit, link), size=_size)


def check_limits(limit: int, link: str) -> None:
    """Check the options of :func:`render_comment` before a run.

    Raises:
        SettingsError: The limit is too small, or the link is not a web address.
    """
    if limit < LEAST:
        message = f"--limit: {limit:,} characters are too few for a comment; give {LEAST:,} or more"
        raise SettingsError(message)
    if link and not _LINK.fullmatch(link):
        message = f"--link: {one_line(link)!r} is not a web address; give one like https://ci.example/run/1"
        raise SettingsError(message)


def marker_of(run: FleetRun) -> str:
    """Return the hidden line by which a pipeline finds its comment. It differs per project and command."""
    name = run.project
    if not re.fullmatch(r"(?:[A-Za-z0-9._]|-(?!-)){1,100}", name) or name.endswith("-"):
        name = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"<!-- kzero-scim fleet {run.command.value}: {name} -->"


def headline_of_run(run: FleetRun) -> str:
    """Return a run's counts in one plain line, worst first: ``2 failed, 37 would change, 961 unchanged``."""
    if not run.results:
        return "no tenant selected"
    counts = run.counts
    if counts[Outcome.UNCHANGED] == len(run.results):
        return f"{_nothing(run.command)} in {counted(len(run.results), 'tenant')}"
    return ", ".join(f"{counts[outcome]:,} {word_of(run.command, outcome)}" for outcome in Outcome if counts[outcome])


def _nothing(command: Command) -> str:
    if command is Command.DRIFT:
        return "no drift"
    return "no problems" if command is Command.STATUS else "no changes"


def _size(text: str) -> int:
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def _whole(run: FleetRun, text: str, cut: int, limit: int, link: str) -> str:
    blocks = [marker_of(run), f"### {_icon(run)} {run.command.value.capitalize()}: {headline_of_run(run)}", _facts(run)]
    where = f"[the full run]({link})" if link else "the run's document and logs, in the pipeline's artifacts"
    if cut:
        lack = f"{counted(cut, 'entry' if cut == 1 else 'entrie')} {'lacks' if cut == 1 else 'lack'}"
        blocks.append(f"**Shortened to {limit:,} characters:** {lack} details. See {where}.")
    blocks.append(text)
    if _OWN.search(text):
        blocks.append(f"<sub>{tagged('<tenant>')}, {tagged('<id 1>')} etc. differ per tenant.</sub>")
    if link and not cut:
        blocks.append(f"<sub>[Full run]({link})</sub>")
    return "\n\n".join(block for block in blocks if block) + "\n"


def _icon(run: FleetRun) -> str:
    if any(run.counts[outcome] for outcome in _ERRORS):
        return "❌"
    if run.counts[Outcome.DRIFTED]:
        return "⚠️"
    return "🔷" if run.exit_code is ExitCode.ACTION_NEEDED else "✅"


def _facts(run: FleetRun) -> str:
    facts = [span(shortened(one_line(run.project), 100))]
    if run.commit:
        facts.append(f"commit {span(run.commit[:12] + ('+' if run.commit.endswith('+') else ''))}")
    began, ended = _time(run.began), _time(run.ended)
    if began is not None:
        facts.append(f"{began:%Y-%m-%d %H:%M} UTC")
    tenants = counted(len(run.results), "tenant")
    if began is not None and ended is not None and ended >= began:
        tenants += f" in {_lasted((ended - began).total_seconds())}"
    return " · ".join([*facts, tenants])


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _lasted(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{whole} s"
    if whole < 3600:  # noqa: PLR2004 - an hour
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _sections(run: FleetRun) -> list[Section]:
    grouped = GroupedRun(run)
    changed = word_of(run.command, Outcome.CHANGED).capitalize()
    again = f"To run only these again: `kzero-scim fleet {run.command.value} --failed`"
    stopped = bool(run.counts[Outcome.TIMED_OUT])
    sections = [
        _reasons("Failed", grouped.failed, "" if stopped else again),
        _reasons("Timed out", grouped.timed_out, again),
        _reasons("Skipped", grouped.not_run),
        _reasons("Unhealthy", grouped.unhealthy),
        _reasons("Unknown", grouped.unknown),
        _changes("Drifted", grouped.drifted, drift=True),
        _changes(changed, grouped.changed),
        _changes("What the next `up` restores", grouped.changed_and_drifted),
        _changes("Applied before the failure", grouped.changed_before_failure),
        _warnings(run, grouped.warnings),
    ]
    return [section for section in sections if section.entries]


def _heading(word: str, alike: Sequence[Alike | Group], extra: str = "") -> str:
    tenants = sum(len(group.results) for group in alike)
    return f"#### {word}: {counted(tenants, 'tenant')}{extra}"


def _reasons(word: str, found: Sequence[Alike], after: str = "") -> Section:
    return Section(heading=_heading(word, found), entries=[*map(_reason, found)], noun="reason", after=after)


def _reason(alike: Alike) -> Entry:
    """Return the entry of tenants with the same reason."""
    text = one_line(alike.text) or "no reason given"
    logs = [result.log for result in alike.results if result.log]
    log = ""
    if logs:
        log = f"  \n  log: {span(logs[0])}" + (f" and {counted(len(logs) - 1, 'other')}" if len(logs) > 1 else "")
    start, brief = f"- {_who(alike.results)}: ", span(shortened(text, _BRIEF_ERROR))
    return Entry(
        full=f"{start}{span(shortened(text, _MOST_ERROR))}{log}{_list(alike.results, indent='  ')}",
        brief=f"{start}{brief}",
        tenants=len(alike.results),
        parts=_names(f"{start}{brief}  \n  ", alike.results),
    )


def _names(opening: str, results: Sequence[TenantResult]) -> Parts | None:
    if len(results) <= _FEW:
        return None
    names = [span(result.tenant) for result in results]
    return Parts(opening=opening, parts=names, joint=", ", rest=" and {} more")


def _who(results: Sequence[TenantResult]) -> str:
    if len(results) > _FEW:
        return f"**{counted(len(results), 'tenant')}**"
    return ", ".join(span(result.tenant) for result in results)


def _list(results: Sequence[TenantResult], *, indent: str) -> str:
    """Return the names of tenants if a headline does not name them; fold long lists."""
    if len(results) <= _FEW:
        return ""
    names = ", ".join(span(result.tenant) for result in results)
    if len(results) <= _FOLDED:
        return f"  \n{indent}{names}"
    fold = f"<details><summary>the {counted(len(results), 'tenant')}</summary>\n\n{names}\n\n</details>"
    return "\n\n" + "\n".join(f"{indent}{line}" if line else "" for line in fold.split("\n"))


def _changes(word: str, groups: list[Group], *, drift: bool = False) -> Section:
    costs = Counter(cost for group in groups for cost in costs_of(group.changes) for _ in group.results)
    risky = ", ".join(f"{cost} in {counted(number, 'tenant')}" for cost, number in costs.items())
    heading = _heading(word, groups)
    if risky:
        heading += f"\n\n🛑 {risky}"
    alike: dict[tuple[Risk, str], list[Group]] = {}
    for group in groups:
        alike.setdefault((group.risk, group.headline), []).append(group)
    bundles = [
        bundle for own in alike.values() for bundle in ([own] if len(own) >= _BUNDLED else [[group] for group in own])
    ]
    bundles.sort(key=lambda own: (own[0].risk, -sum(len(group.results) for group in own)))
    entries = [_change(own[0], drift=drift) if len(own) == 1 else _bundle(own, drift=drift) for own in bundles]
    return Section(heading=heading, entries=entries)


def _bundle(groups: Sequence[Group], *, drift: bool) -> Entry:
    """Return one entry for groups with the same headline and different values."""
    risk, sentences = _sign(groups[0]), groups[0].sentences
    number = sum(len(group.results) for group in groups)
    tenants = counted(number, "tenant")
    each = ["\n\n".join([_listed(group.results), *_body(group, drift=drift)]) for group in groups]
    summary = f"{risk}<b>{tenants}</b>, with different values: {_html(sentences)}"
    opening, closing = _details(summary, ["\0"]).split("\0")
    rest = "\n\n… and {} more groups with other values"
    return Entry(
        full=_details(summary, each),
        parts=Parts(opening=opening, parts=each, joint="\n\n", rest=rest, closing=closing),
        brief=f"{risk}**{tenants}**, with different values: {_markdown(sentences)}",
        tenants=number,
    )


def _sign(group: Group) -> str:
    return "" if group.risk is Risk.ORDINARY else "🛑 "


def _listed(results: Sequence[TenantResult]) -> str:
    word = "Tenant" if len(results) == 1 else "Tenants"
    return f"{word}: {', '.join(span(result.tenant) for result in results)}"


def _body(group: Group, *, drift: bool) -> list[str]:
    return [fenced(_diff(group.changes, drift=drift), "diff"), *_traces(group)]


def _change(group: Group, *, drift: bool) -> Entry:
    risk = _sign(group)
    who = f"<b>{counted(len(group.results), 'tenant')}</b>"
    if len(group.results) <= _FEW:
        who = ", ".join(tagged(result.tenant) for result in group.results)
    names = [] if len(group.results) <= _FEW else [_listed(group.results)]
    return Entry(
        full=_details(f"{risk}{who}: {_html(group.sentences)}", [*_body(group, drift=drift), *names]),
        brief=f"{risk}{_who(group.results)}: {_markdown(group.sentences)}",
        tenants=len(group.results),
    )


def _details(summary: str, body: Iterable[str]) -> str:
    inside = "\n\n".join(body)
    return f"<details><summary>{summary}</summary>\n\n{inside}\n\n</details>"


def _html(sentences: Sequence[Sentence]) -> str:
    return joined(sentences, lambda piece: tagged(shortened(piece, 100)) if isinstance(piece, Name) else piece)


def _markdown(sentences: Sequence[Sentence]) -> str:
    return joined(sentences, lambda piece: span(shortened(piece, 100)) if isinstance(piece, Name) else piece)


def _diff(changes: Sequence[ResourceChange], *, drift: bool) -> list[str]:
    """Return changes as lines of a colored diff: old values red, new values green."""
    if not changes:
        return ["! only stack outputs"]
    lines = []
    for change in sorted(changes, key=is_consequence):
        named = f" {one_line(change.name)}" if change.name else ""
        if is_consequence(change):
            lines.append(f"! {one_line(change.resource)}{named}: {summary_of(change)}")
            continue
        done = one_line(change.operation)
        if drift:
            done = "gone" if change.operation == "delete" else "changed by hand"
        sign = {"create": "+ ", "delete": "- ", "import": "+ "}.get(change.operation, "")
        head = f"{one_line(change.resource)}{named}: {done}"
        lines.append(f"{sign}{head}" if sign else f"@@ {head} @@")
        own = [line for item in change.properties for line in _property(item)]
        lines += own[:_MOST_LINES]
        if len(own) > _MOST_LINES:
            lines.append(f"! and {len(own) - _MOST_LINES:,} more lines")
    return lines


def _property(item: PropertyChange) -> list[str]:
    path = one_line(item.property)
    if item.kind in _SIGNS:
        value = item.now if item.kind == "add" else item.was
        # The position in a list has no meaning.
        return _valued(_SIGNS[item.kind], re.sub(r"\[\d+\]$", "", path), value)
    replaces = "   (replaces the resource)" if item.kind == "replace" else ""
    return [f"- {path}: {_value(item.was)}", f"+ {path}: {_value(item.now)}{replaces}"]


def _valued(sign: str, path: str, value: Any) -> list[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict) and value:
        return [f"{sign} {path}:", *(f"{sign}   {one_line(str(key))}: {_value(own)}" for key, own in value.items())]
    return [f"{sign} {path}" if value is None else f"{sign} {path}: {_value(value)}"]


def _value(value: Any) -> str:  # noqa: ANN401 - any JSON
    if value is None:
        return "(none)"
    if isinstance(value, str) and value in _MARKERS:
        return value
    return shortened(plain(json.dumps(value, ensure_ascii=False)), _MOST_VALUE)


def _traces(group: Group) -> list[str]:
    """Return who made the changes by hand, if known; at most a few lines."""
    lines = [
        one_line(f"{result.tenant}: {item.resource} {item.property or '(whole)'} by {item.who} {item.when}")
        for result in group.results
        for item in result.drift
        if item.who
    ]
    more = [f"and {len(lines) - _FOLDED:,} more"] if len(lines) > _FOLDED else []
    return ["Changed by:\n" + fenced([*lines[:_FOLDED], *more])] if lines else []


def _warnings(run: FleetRun, found: Sequence[Alike]) -> Section:
    entries = []
    for alike in found:
        text = span(shortened(alike.text, _MOST_ERROR))
        everybody = len(alike.results) == len(run.results) > _FEW
        who = f"**all {counted(len(alike.results), 'tenant')}**" if everybody else _who(alike.results)
        names = "" if everybody else _list(alike.results, indent="  ")
        entries.append(Entry(full=f"- {who}: {text}{names}", brief=f"- {who}: {text}", tenants=len(alike.results)))
    return Section(heading=f"#### Warnings: {len(found):,}", entries=entries, noun="warning")

"""Tests of ``kzero-scim fleet report``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from kzero_scim.commands.main import app
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.page import render_page
from kzero_scim.fleet.report.comment import render_comment
from kzero_scim.fleet.report.junit import render_junit
from kzero_scim.fleet.report.merging import merged, read_run
from kzero_scim.fleet.report.reports import ReportOptions, write_reports
from tools import comment_gallery, run_schema

_TYPICAL = comment_gallery.EXAMPLES["typical"].run


def written(folder: Path, name: str, run: FleetRun) -> Path:
    """Write a run's document."""
    file = folder / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(run.document()))
    return file


def shards(run: FleetRun, number: int) -> list[FleetRun]:
    """Split a run's tenants into this many jobs, which end one after the other."""
    return [
        replace(run, began=f"2026-11-24T03:00:0{place}Z", ended=f"2026-11-24T03:1{place}:00Z", results=part)
        for place, part in enumerate([run.results[start::number] for start in range(number)])
    ]


def report(*arguments: str | Path) -> str:
    """Run the command and return its output."""
    done = CliRunner().invoke(app, ["fleet", "report", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_parts_of_a_run_make_one_comment(tmp_path: Path) -> None:
    """Documents of three jobs become one comment with the groups of all."""
    files = [written(tmp_path, f"shard-{n}", part) for n, part in enumerate(shards(_TYPICAL, 3))]

    comment = report(*reversed(files), "--comment", "-")

    whole = replace(_TYPICAL, began="2026-11-24T03:00:00Z", ended="2026-11-24T03:12:00Z")
    assert comment == render_comment(whole)
    assert "37 tenants" in comment


def test_a_part_that_ran_again_takes_the_place_of_its_first_try(tmp_path: Path) -> None:
    """A repeated part replaces its first try, in any order of documents."""
    first = replace(_TYPICAL, results=[TenantResult(tenant="a", outcome=Outcome.FAILED, error="502")])
    again = replace(_TYPICAL, ended="2026-11-24T04:00:00Z", results=[TenantResult(tenant="a", outcome=Outcome.CHANGED)])

    for order in ([first, again], [again, first]):
        assert merged(order).results == again.results
    assert read_run(written(tmp_path, "a", merged([again, first]))).ended == again.ended


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"command": Command.UP}, r"different commands \(preview, up\)"),
        ({"project": "other"}, r"different projects \(kzero-scim, other\)"),
        ({"commit": "0" * 40}, r"different commits \(5d3c1f"),
    ],
)
def test_runs_that_are_no_parts_of_one_are_refused(other: dict[str, str], error: str) -> None:
    """Runs of different commits are refused, because one comment cannot cover them."""
    with pytest.raises(SettingsError, match=error):
        merged([_TYPICAL, replace(_TYPICAL, **other)])  # type: ignore[arg-type]


def test_every_report_of_the_last_runs(tmp_path: Path) -> None:
    """Without documents, the comment covers the latest run, and page and summary cover all last runs."""
    drift = replace(comment_gallery.EXAMPLES["drift"].run, ended="2026-11-25T03:00:00Z")
    for run in (_TYPICAL, drift):
        written(tmp_path / ".kzero-scim" / "runs", run.command.value, run)
    files = {name: tmp_path / name for name in ("comment.md", "junit.xml", "page.html")}

    printed = report(
        "--project", tmp_path, "--comment", files["comment.md"], "--junit", files["junit.xml"],
        "--html", files["page.html"], "--link", "https://ci.example/1", "--summary",
    )  # fmt: skip

    assert files["comment.md"].read_text() == render_comment(drift, link="https://ci.example/1")
    assert files["junit.xml"].read_text() == render_junit(drift)
    assert files["page.html"].read_text() == render_page([_TYPICAL, drift])
    summary = json.loads(printed)
    assert summary["text"] == (
        "kzero-scim preview: 1 failed, 39 would change, 20 unchanged; "
        "kzero-scim drift: 1 failed, 7 drifted, 22 unchanged"
    )
    assert [(run["exitCode"], run["counts"]["drifted"], run["tenants"]) for run in summary["runs"]] == [
        (1, 0, 60),
        (1, 7, 30),
    ]
    assert json.loads(report("--project", tmp_path, "--of", "preview", "--json")) == _TYPICAL.document()
    assert report("--project", tmp_path).splitlines() == [
        "kzero-scim preview, 2026-11-24T03:03:12Z: 1 failed, 39 would change, 20 unchanged",
        "kzero-scim drift, 2026-11-25T03:00:00Z: 1 failed, 7 drifted, 22 unchanged",
    ]


def test_a_limit_is_a_platforms_or_a_number(tmp_path: Path) -> None:
    """A limit is a platform's name or a number."""
    run = comment_gallery.EXAMPLES["thousand"].run

    for limit, most in (("github", 64_000), ("azure", 150_000), ("3000", 3_000)):
        write_reports(run, ReportOptions(comment=str(tmp_path / "c.md"), limit=limit))
        assert (tmp_path / "c.md").read_text() == render_comment(run, most)
    with pytest.raises(SettingsError, match="--limit '4k' is neither"):
        write_reports(run, ReportOptions(comment="-", limit="4k"))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (ReportOptions(limit="1"), "1 characters are too few for a comment"),
        (ReportOptions(limit="bitbucket"), "--limit 'bitbucket' is neither"),
        (ReportOptions(link="ci"), "'ci' is not a web address"),
        (ReportOptions(junit="no/such/folder/j.xml"), "its folder does not exist; create it first"),
    ],
)
def test_what_a_report_would_fail_of_is_refused_before_the_run(options: ReportOptions, error: str) -> None:
    """Wrong report options are refused before the run."""
    with pytest.raises(SettingsError, match=error):
        options.check()
    ReportOptions(comment="-", junit="here.xml", limit="gitlab", link="https://ci.example/1").check()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "contains no run; run `kzero-scim fleet preview` first"),
        (["--of", "up"], "contains no run of up; run `kzero-scim fleet up` first"),
        (["--of", "sing"], "--of 'sing' is not a command with runs; give one of preview, up, refresh, drift, status"),
        (["missing.json"], "missing.json: No such file or directory"),
        (["none.json"], "none.json is not JSON ("),
        (["deep.json"], "deep.json is nested too deeply"),
        (["list.json"], "list.json is not a document of a fleet run"),
        (
            ["newer.json"],
            "newer.json has version 2, but this kzero-scim reads up to 1; use the kzero-scim that wrote it",
        ),
        (
            ["preview.json", "drift.json", "--comment", "-"],
            "from several commands (preview, drift); choose one with --of",
        ),
        (["preview.json", "--of", "up"], "the documents contain no run of up"),
        (["preview.json", "--comment", "no/such/folder"], "could not write the report to no/such/folder: No such"),
    ],
)
def test_what_cannot_be_reported_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], error: str
) -> None:
    """The error is one line with the file and the remedy."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "preview", _TYPICAL)
    written(tmp_path, "drift", comment_gallery.EXAMPLES["drift"].run)
    Path("none.json").write_text("# no JSON")
    Path("deep.json").write_text("[" * 200_000)
    Path("list.json").write_text("[]")
    Path("newer.json").write_text(json.dumps(_TYPICAL.document() | {"version": 2}))

    with pytest.raises(SettingsError) as refused:
        CliRunner().invoke(app, ["fleet", "report", *arguments], catch_exceptions=False)

    assert error in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_the_schema_is_what_the_model_says() -> None:
    """The schema equals the output of `make generate`, and every field has a description."""
    assert run_schema.FILE.read_text(encoding="utf-8") == run_schema.text()


@pytest.mark.parametrize("name", sorted(comment_gallery.EXAMPLES))
def test_a_document_holds_to_its_schema(name: str) -> None:
    """Every example's document is valid, and one with an unknown outcome is not."""
    schema = json.loads(run_schema.FILE.read_text(encoding="utf-8"))
    document = comment_gallery.EXAMPLES[name].run.document()

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    for result in document["results"][:1]:
        result["outcome"] = "sung"
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, schema)

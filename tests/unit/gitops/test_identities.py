"""The lines of the pipelines on which docs/gitops.md relies against attacks are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

GITOPS = Path(__file__).parents[3] / "gitops"
PIPELINES = sorted(GITOPS.glob("*/*.yml"))
Json = dict[Any, Any]


def document(name: str) -> Json:
    """Return a pipeline file. YAML 1.1 reads the key `on` as true."""
    found: Json = yaml.safe_load((GITOPS / name).read_text())
    return found


def github_environments(name: str) -> list[str | None]:
    """Return the environment of each job of a workflow that may request an ID token."""
    jobs = document(f"github/{name}.yml")["jobs"].values()
    return [job.get("environment") for job in jobs if job["permissions"].get("id-token") == "write"]


def azure_groups(name: str) -> list[str]:
    """Return the variable groups of a pipeline."""
    return [entry["group"] for entry in document(f"azure-devops/{name}.yml").get("variables", []) if "group" in entry]


@pytest.mark.parametrize("file", PIPELINES, ids=lambda file: f"{file.parent.name}-{file.name}")
def test_no_pipeline_uses_a_cache_or_a_branch_of_the_pull_request(file: Path) -> None:
    text = file.read_text()

    assert not re.search(r"cache@|\bcache:|Cache@", text)
    assert not re.search(r"head_ref|head\.ref\b|ref_name|SOURCE_BRANCH|SOURCEBRANCH|sourceBranch", text)


def test_each_purpose_has_an_identity_of_its_own_on_github() -> None:
    assert github_environments("preview") == ["kzero-preview"]
    assert github_environments("preview-code") == ["kzero-preview-code"]
    assert github_environments("apply") == ["kzero-canary", "kzero-production"]
    assert github_environments("drift") == ["kzero-drift"]


def test_github_takes_workflow_and_code_of_a_preview_from_main() -> None:
    preview = document("github/preview.yml")
    steps = [step for job in preview["jobs"].values() for step in job["steps"]]
    checkouts = [step["with"] for step in steps if step.get("uses", "").startswith("actions/checkout@")]

    assert preview[True] == {"pull_request_target": {"branches": ["main"]}}
    assert len(checkouts) == 3
    assert all(set(options) == {"fetch-depth", "persist-credentials"} for options in checkouts)
    assert preview["env"]["STACKS_FROM"] == "${{ github.event.pull_request.head.sha }}"
    assert "head.repo.full_name == github.repository" in preview["jobs"]["tenants"]["if"]


@pytest.mark.parametrize("name", ["apply", "drift"])
def test_no_pull_request_starts_a_job_that_changes_something_on_github(name: str) -> None:
    workflow = document(f"github/{name}.yml")

    assert set(workflow[True]) <= {"push", "schedule", "workflow_dispatch"}
    assert "download-artifact" not in (GITOPS / "github" / f"{name}.yml").read_text()


def test_each_purpose_has_an_identity_of_its_own_on_gitlab() -> None:
    pipeline = document("gitlab/gitlab-ci.yml")
    environments = {name: job["environment"] for name, job in pipeline.items() if "environment" in job}

    assert {
        name: environment["name"] if isinstance(environment, dict) else environment
        for name, environment in environments.items()
    } == {
        "preview": "kzero-preview",
        "preview-code": "kzero-preview-code",
        "comment": "kzero-comment",
        "canary": "kzero-canary",
        "production": "kzero-production",
        "drift": "kzero-drift",
    }
    assert pipeline["preview"]["variables"]["STACKS_FROM"] == "$CI_COMMIT_SHA"
    assert pipeline["comment"]["variables"]["STACKS_FROM"] == "$CI_COMMIT_SHA"
    for name in ("preview", "comment", "preview-code"):
        [rule] = pipeline[name]["rules"]
        assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in rule["if"]


def test_gitlab_takes_the_base_branch_before_it_installs() -> None:
    commands = document("gitlab/gitlab-ci.yml")[".fleet"]["before_script"]

    assert commands[-1] == "gitops/install.sh"
    assert "refs/remotes/origin/$CI_DEFAULT_BRANCH" in commands[-2]


def test_each_purpose_has_an_identity_of_its_own_on_azure_devops() -> None:
    assert azure_groups("preview") == ["kzero-preview"]
    assert azure_groups("preview-code") == ["kzero-preview-code"]
    assert azure_groups("apply") == ["kzero-production"]
    assert azure_groups("drift") == ["kzero-drift"]


def test_what_a_pull_request_can_change_on_azure_devops_has_no_credentials() -> None:
    pipeline = document("azure-devops/pull-request.yml")
    [job] = pipeline["jobs"]
    [checkout, step] = job["steps"]

    assert "variables" not in pipeline
    assert "resources" not in pipeline
    assert checkout == {"checkout": "none"}
    assert step["env"] == {"SYSTEM_ACCESSTOKEN": "$(System.AccessToken)"}
    assert '"refs/heads/main"' in step["bash"]
    for name in ("preview", "apply", "drift"):
        assert document(f"azure-devops/{name}.yml")["pr"] == "none"

"""The pipelines of gitops/ work: their commands run unchanged against the sandbox, in a repository of three tenants."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from kzero_sandbox import defects
from kzero_sandbox.defects import Defect
from kzero_sandbox.fleet import FleetTenant, fleet
from kzero_sandbox.layout import PASSPHRASE, write_private
from kzero_sandbox.organisation import PARTNER
from kzero_sandbox.running import RunningSandbox
from kzero_sandbox.serving import Certificates, ServerThread

from tests.e2e.cli_project import CHECKOUT, CliProject, install_azuread, search_path
from tests.e2e.forge_double import TOKEN, Forge
from tests.e2e.pipeline_jobs import REPLACED, AzureRun, GitHubRun, GitLabRun, JobFailedError, Pipeline, git

SUBJECT = "repo:contoso/tenants:environment:kzero-production"
TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NO_PROXY", "no_proxy", "PULUMI_SKIP_UPDATE_CHECK")


@dataclass
class Repository:
    """The provider's repository on a platform, and what its pipelines need to run here."""

    sandbox: RunningSandbox
    tenants: list[FleetTenant]
    origin: Path
    work: Path
    forge: Forge
    url: str
    machine: dict[str, str]
    secrets: dict[str, str]
    runs: int = 0

    def branch(self, name: str, files: Mapping[str, str] | None = None, **settings: Any) -> str:  # noqa: ANN401 - any YAML
        """Push a commit to a branch and return its id.

        Args:
            name: The branch.
            files: New content of files by path.
            settings: Changed settings by tenant.
        """
        copy = self.work / "copy"
        if not copy.exists():
            git(self.work, "clone", "--quiet", str(self.origin), str(copy))
        git(copy, "checkout", "--quiet", "-B", name, f"origin/{name}" if name in git(copy, "branch", "-r") else "main")
        for tenant, changed in settings.items():
            file = copy / "stacks" / f"Pulumi.{tenant.replace('_', '-')}.yaml"
            document = yaml.safe_load(file.read_text())
            document["config"] |= changed
            file.write_text(yaml.safe_dump(document, sort_keys=False))
        for path, text in (files or {}).items():
            file = copy / path
            file.unlink(missing_ok=True)  # a link to the real program
            file.write_text(text)
            file.chmod(0o755)
        git(copy, "add", "--all")
        git(copy, "commit", "--quiet", "--message", "Change settings")
        git(copy, "push", "--quiet", "origin", name)
        return git(copy, "rev-parse", "HEAD")

    def merge(self, name: str) -> str:
        """Merge a branch into main and return the merge commit."""
        copy = self.work / "copy"
        git(copy, "checkout", "--quiet", "main")
        git(copy, "merge", "--quiet", "--no-ff", "--no-edit", f"origin/{name}")
        git(copy, "push", "--quiet", "origin", "main")
        return git(copy, "rev-parse", "HEAD")

    def job(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - options of Pipeline
        """Return the options that every run of a pipeline needs."""
        self.runs += 1
        return {
            "origin": self.origin,
            "work": self.work / f"run-{self.runs}",
            "machine": self.machine,
            "secrets": self.secrets,
            **more,
        }

    def on_github(self, name: str, commit: str) -> Pipeline:
        """Run a workflow of GitHub Actions."""
        secrets = self.secrets | {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/github/id-token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": TOKEN,
        }
        platform = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": f"{self.url}/github",
            "GITHUB_REPOSITORY": "contoso/tenants",
            "GITHUB_WORKFLOW_REF": f"contoso/tenants/.github/workflows/{name}.yml@refs/heads/main",
            "GITHUB_REF_NAME": "main",
        }
        # pull_request_target checks out main, and names the pull request's commit.
        head = commit
        commit = git(self.origin, "rev-parse", "main") if name == "preview" else commit
        run = GitHubRun(
            **self.job(file=CHECKOUT / "gitops" / "github" / f"{name}.yml", commit=commit, platform=platform)
            | {"secrets": secrets}
        )
        repository = "contoso/tenants"
        pull_request = {"number": 7, "head": {"sha": head, "repo": {"full_name": repository}}}
        run.github = {
            "event": {"pull_request": pull_request},
            "repository": repository,
            "server_url": "https://github.example",
            "run_id": "1",
            "token": TOKEN,
        }
        return run.run()

    def on_gitlab(self, name: str, commit: str) -> Pipeline:
        """Run GitLab's pipeline for the event of that name."""
        source = {"apply": "push", "drift": "schedule"}.get(name, "merge_request_event")
        platform = {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": f"{self.url}/gitlab/api/v4",
            "CI_PROJECT_ID": "5",
            "CI_PIPELINE_SOURCE": source,
            "CI_PIPELINE_URL": "https://gitlab.example/-/pipelines/1",
            "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_SHA": commit,
            "ID_TOKEN": self.forge.id_token(),
        }
        if name.startswith("preview"):
            platform |= {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
            platform |= {"CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "5"}
            platform["CI_MERGE_REQUEST_DIFF_BASE_SHA"] = git(self.origin, "merge-base", "main", commit)
        else:
            platform["CI_COMMIT_BRANCH"] = "main"
        file = CHECKOUT / "gitops" / "gitlab" / "gitlab-ci.yml"
        only = name if name == "preview-code" else ""
        run = GitLabRun(**self.job(file=file, commit=commit, platform=platform, only=only))
        run.secrets = self.secrets | {"GITLAB_TOKEN": TOKEN}
        return run.run()

    def on_azure(self, name: str, commit: str) -> Pipeline:
        """Run a pipeline of Azure DevOps."""
        platform = {
            "TF_BUILD": "True",
            "SYSTEM_COLLECTIONURI": f"{self.url}/azure/",
            "SYSTEM_TEAMPROJECT": "Contoso tenants",
            "SYSTEM_TEAMPROJECTID": "00000000-0000-0000-0000-00000000000c",
            "SYSTEM_ACCESSTOKEN": TOKEN,
            "SYSTEM_OIDCREQUESTURI": f"{self.url}/azure/id-token",
            "SYSTEM_DEFINITIONID": "3",
            "SYSTEM_JOBATTEMPT": "1",
            "SYSTEM_PULLREQUEST_PULLREQUESTID": "7",
            "BUILD_BUILDID": "1",
            "BUILD_REPOSITORY_ID": "tenants",
            "BUILD_SOURCEBRANCH": "refs/heads/main",
            "AGENT_TEMPDIRECTORY": str(self.work / f"temporary-{self.runs}"),
        }
        file = CHECKOUT / "gitops" / "azure-devops" / f"{name}.yml"
        parameters: dict[str, str] = {}
        if name == "preview":
            # The pull request's own pipeline gets no secret. It starts the preview on main.
            starter = file.with_name("pull-request.yml")
            AzureRun(**self.job(file=starter, commit=commit, platform=platform) | {"secrets": {}}).run()
            started = self.forge.started.pop()
            assert started["resources"] == {"repositories": {"self": {"refName": "refs/heads/main"}}}
            parameters = started["templateParameters"]
            self.forge.head = commit
            commit = git(self.origin, "rev-parse", "main")
            del platform["SYSTEM_PULLREQUEST_PULLREQUESTID"]
        run = AzureRun(**self.job(file=file, commit=commit, platform=platform, parameters=parameters))
        run.secrets = self.secrets | {"SERVICE_CONNECTION_ID": "connection-1"}
        return run.run()

    def run(self, platform: str, name: str, commit: str) -> Pipeline:
        """Run a platform's pipeline, and check that its output contains no secret."""
        run: Pipeline = getattr(self, f"on_{platform}")(name, commit)
        for secret in (PASSPHRASE, *(tenant.credentials.client_secret for tenant in self.tenants)):
            assert secret not in run.output
        return run

    def commands(self) -> CliProject:
        """Return an operator's checkout of main."""
        folder = self.work / "operator"
        git(self.work, "clone", "--quiet", str(self.origin), str(folder))
        for name in ("components", "kzero_scim", "plugin", ".venv"):
            (folder / name).symlink_to(CHECKOUT / name)
        signed_in = {"ARM_CLIENT_ID": PARTNER.client_id, "ARM_CLIENT_SECRET": PARTNER.secret}
        return CliProject(
            folder, {"PATH": search_path(), "HOME": str(self.work), **self.machine, **self.secrets, **signed_in}
        )


@contextmanager
def repository(sandbox: RunningSandbox, work: Path) -> Iterator[Repository]:
    """Yield a repository of three tenants before the first `up`. No tenant has a secret for Entra."""
    project = work / "fleet"
    with fleet(sandbox, 3, project) as tenants, sandbox.entra() as entra:
        for tenant in tenants:
            control = f"/sandbox/of/{tenant.organisation.tenant_id}/clients/{PARTNER.name}"
            entra.patch(control, json={"federatedSubject": SUBJECT}).raise_for_status()
            own = project / "credentials" / f"{tenant.name}.env"
            kept = [line for line in own.read_text().splitlines() if not line.startswith("ARM_")]
            write_private(own, "\n".join(kept) + "\n")
        forge = Forge(lambda: _id_token(sandbox))
        shutil.copytree(CHECKOUT / "gitops", project / "gitops")
        origin = work / "origin"
        git(project, "init", "--quiet", "--initial-branch=main")
        git(project, "add", "--all")
        git(project, "commit", "--quiet", "--message", "Begin")
        git(work, "clone", "--quiet", "--bare", str(project), str(origin))
        (work / "state").mkdir()
        install_azuread(work / "pulumi")
        layout = sandbox.layout
        certificates = Certificates(
            ca_file=layout.ca_file,
            certificate_file=layout.directory / "server.pem",
            key_file=layout.directory / "server-key.pem",
        )
        with ServerThread(forge.app(), certificates=certificates) as server:
            yield Repository(
                sandbox=sandbox,
                tenants=tenants,
                origin=origin,
                work=work,
                forge=forge,
                url=f"https://localhost:{server.port}",
                machine={
                    **{name: sandbox.process.environment()[name] for name in TRUST},
                    "PULUMI_HOME": str(work / "pulumi"),
                    "KZERO_SCIM_CREDENTIALS_DIR": str(project / "credentials"),
                    "AZUREAD_STANDIN_POLL_SECONDS": "0",
                    "COLUMNS": "300",
                    "MOST_JOBS": "2",
                },
                secrets={
                    "ARM_CLIENT_ID": PARTNER.client_id,
                    "KZERO_CLIENT_ID": "kzero-scim",
                    "PULUMI_BACKEND_URL": (work / "state").as_uri(),
                    "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
                    "WEBHOOK_URL": f"https://localhost:{server.port}/webhook",
                },
            )


def _id_token(sandbox: RunningSandbox) -> str:
    with httpx.Client(base_url=sandbox.urls.entra, verify=sandbox.trust, trust_env=False) as entra:
        value: str = entra.post("/sandbox/oidc-token", json={"subject": SUBJECT}).raise_for_status().json()["value"]
        return value


@pytest.mark.parametrize("platform", ["github", "gitlab", "azure"])
def test_from_a_pull_request_to_a_repaired_drift(sandbox: RunningSandbox, tmp_path: Path, platform: str) -> None:
    """The next push edits the comment, a merge is applied, and drift opens one issue, which is closed once repaired."""
    with repository(sandbox, tmp_path) as repo:
        forge = repo.forge
        began = git(repo.origin, "rev-parse", "main")

        first = repo.run(platform, "apply", began)
        forge.applied = began

        posted = [run for summary in forge.posted for run in summary["runs"]]
        assert {run["command"] for run in posted} == {"up"}
        assert sum(run["counts"]["changed"] for run in posted) == len(repo.tenants)

        forge.comment_of_a_person("<!-- kzero-scim fleet preview: kzero-scim -->\nI am not a pipeline.")
        pushed = repo.branch("more-users", tenant_003={"kzero-scim:notificationEmail": "night@contoso.example"})
        preview = repo.run(platform, "preview", pushed)
        [comment] = forge.own
        first_text = comment["text"]

        assert first_text.startswith("<!-- kzero-scim fleet preview: kzero-scim -->\n")
        assert "1 would change" in first_text
        assert "tenant-003" in first_text

        pushed = repo.branch("more-users", tenant_002={"kzero-scim:notificationEmail": "night@contoso.example"})
        repo.run(platform, "preview", pushed)

        assert forge.own == [comment]
        assert "2 would change" in comment["text"]
        assert forge.comments[0]["text"].endswith("I am not a pipeline.")

        _try_to_run_code(repo, platform)

        merged = repo.merge("more-users")
        applied = repo.run(platform, "apply", merged)
        forge.applied = merged
        nothing = repo.run(platform, "preview", repo.branch("words", {"README.md": "Our tenants"}))

        assert "tenant-001" not in applied.output
        assert "no tenant selected" in comment["text"]

        quiet = repo.run(platform, "drift", merged)
        assert not forge.issues
        assert "open" in quiet.output
        defects.make(sandbox, Defect.DRIFT, repo.tenants[1])
        forge.posted.clear()
        repo.run(platform, "drift", merged)
        [issue] = forge.issues
        found = issue["text"]
        repo.run(platform, "drift", merged)

        assert forge.issues == [issue]
        assert issue["open"]
        assert issue["title"] == "kzero-scim fleet drift: kzero-scim"
        assert "1 drifted" in found
        assert "tenant-002" in found
        assert "1 drifted" in forge.posted[0]["text"]

        repo.commands().kzero_scim("fleet", "up", "tenant-002", "--refresh", "--yes").succeeded()
        repaired = repo.run(platform, "drift", merged)

        assert forge.issues == [issue]
        assert not issue["open"]
        replaced = set().union(*(run.replaced for run in (first, preview, nothing, repaired)))
        assert replaced <= set(REPLACED)


def _try_to_run_code(repo: Repository, platform: str) -> None:
    """Push code and hostile file names. A preview runs none of it, and code runs only after an approval."""
    evil = "echo 'code of the pull request'\n"
    program = {
        "__main__.py": "raise SystemExit('code of the pull request')\n",
        "fleet.yaml": "credentials: {command: [echo, 'code of the pull request']}\n",
        "gitops/common.sh": evil,
        "gitops/preview.sh": f"#!/bin/bash\n{evil}",
        "gitops/take_stacks.py": "print('code of the pull request')\n",
    }
    [comment] = repo.forge.own
    code = repo.branch("code", program, tenant_001={"kzero-scim:notificationEmail": "code@contoso.example"})
    state = sorted(repo.work.glob("state/**/*"))
    preview = repo.run(platform, "preview", code)

    assert "code of the pull request" not in preview.output
    assert "1 would change" in comment["text"]
    assert "code@contoso.example" in comment["text"]
    assert "also changes files outside stacks/" in comment["text"]
    assert code[:12] in comment["text"]
    assert sorted(repo.work.glob("state/**/*")) == state, "a preview writes to the state"

    assert "code of the pull request" in repo.run(platform, "preview-code", code).output

    names = repo.branch("names", {"stacks/Pulumi.x\n##vso[task.complete]\n::error::y\x1b[2J.yaml": "config: {}\n"})
    with pytest.raises(JobFailedError) as failed:
        repo.run(platform, "preview", names)
    shown = str(failed.value).splitlines()[-1]
    assert shown.startswith(r"error: the name stacks/Pulumi.x\n# #vso[task.complete]\n: :error::y\x1b[2J.yaml contains")

    if platform == "azure":
        # A printable name reaches kzero-scim, which reports that tenant.
        names = repo.branch("shell", {"stacks/Pulumi.$(touch pwned) ##[error]x ::error::y.yaml": "config: {}\n"})
        with pytest.raises(JobFailedError) as failed:
            repo.run(platform, "preview", names)
        assert "##[" not in str(failed.value)
        assert not list(repo.work.rglob("pwned"))


def test_a_tenant_that_fails_comes_first_in_the_comment_and_fails_the_job(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    """The comment names the tenant whose sign-in failed, and an error of the platform is one line."""
    with repository(sandbox, tmp_path) as repo:
        pushed = repo.branch("broken", tenant_001={"azuread:tenantId": "00000000-0000-0000-0000-000000000000"})

        with pytest.raises(JobFailedError) as failed:
            repo.run("gitlab", "preview", pushed)

    assert "1 failed" in str(failed.value)
    assert "Traceback" not in str(failed.value)

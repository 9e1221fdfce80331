"""Runs the jobs of a pipeline file as its platform would: each in a new clone and with its own environment.

The commands of the steps run unchanged. Steps that prepare a machine are replaced by their results, see
:data:`REPLACED`. Only the language features that gitops/ uses are supported; anything else is an error.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import yaml

from tests.e2e.cli_project import CHECKOUT, search_path

Json = dict[str, Any]
_LINKED: Final = ("components", "kzero_scim", "plugin", ".venv")
REPLACED: Final = {
    "actions/checkout": "a clone of the test's repository",
    "actions/setup-python": "the Python of the tests",
    "actions/upload-artifact": "a copy into a folder",
    "actions/download-artifact": "a copy from it",
    "gitops/install.sh": "links to this checkout and its environment",
    "apt-get update -qq": "the programs of this machine",
    "checkout: self": "a clone of the test's repository",
    "UsePythonVersion@0": "the Python of the tests",
    "publish": "a copy into a folder",
    "DownloadPipelineArtifact@2": "a copy from it",
    "PublishTestResults@2": "a check that the file exists",
}
"""Steps that do not run, with their replacements."""


class JobFailedError(Exception):
    """A job's command failed. The text is its output."""


@dataclass
class Pipeline(ABC):
    """One run of a pipeline file.

    Attributes:
        file: The pipeline file.
        origin: The repository to clone.
        commit: The commit to check out.
        work: An empty folder for clones and artifacts.
        machine: Environment of every machine: certificates, address of Pulumi's state.
        secrets: Variables and secrets that are stored on the platform.
        platform: Variables that the platform sets.
        replaced: Steps that were replaced.
        output: The output of all commands.
    """

    file: Path
    origin: Path
    commit: str
    work: Path
    machine: Mapping[str, str]
    secrets: Mapping[str, str]
    platform: Mapping[str, str]
    replaced: set[str] = field(default_factory=set)
    output: str = ""

    def __post_init__(self) -> None:
        """Read the pipeline file."""
        self.work.mkdir(parents=True)
        self.document: Json = yaml.safe_load(self.file.read_text())

    @abstractmethod
    def run(self) -> Self:
        """Run all jobs of this event, one after the other.

        Raises:
            JobFailedError: A job failed.
        """

    def clone(self, name: str) -> Path:
        """Return a new clone with the whole history for a job."""
        folder = self.work / re.sub(r"[^\w-]", "_", name)
        git(self.work, "clone", "--quiet", str(self.origin), str(folder))
        git(folder, "checkout", "--quiet", self.commit)
        return folder

    def install(self, folder: Path) -> None:
        """Provide what install.sh installs."""
        self.replaced.add("gitops/install.sh")
        for name in _LINKED:
            (folder / name).symlink_to(CHECKOUT / name)

    def bash(self, folder: Path, script: str, variables: Mapping[str, str]) -> str:
        """Run a step's commands and return their output.

        Raises:
            JobFailedError: The exit code is not 0.
        """
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],  # noqa: S607 - the one on PATH
            cwd=folder,
            env={"PATH": search_path(), "HOME": str(self.work), **self.machine, **self.platform, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=280,
        )
        self.output += done.stdout
        if done.returncode:
            message = f"{script}\n{done.stdout}"
            raise JobFailedError(message)
        return done.stdout

    def publish(self, name: str, path: Path, place: str = "") -> None:
        """Store an artifact.

        Args:
            name: Its name.
            path: The folder to store.
            place: The folder's place in the artifact.
        """
        if path.is_dir():
            shutil.copytree(path, self.work / "artifacts" / name / place, dirs_exist_ok=True)

    def artifacts(self) -> Iterator[Path]:
        """Yield the folders of the artifacts."""
        yield from sorted((self.work / "artifacts").glob("*"))


@dataclass
class GitHubRun(Pipeline):
    """A run of a workflow. ``platform`` has the runner's variables, ``github`` the event's values for expressions."""

    github: Json = field(default_factory=dict)

    def run(self) -> Self:
        """Run the jobs in the file's order, which respects their needs."""
        needs: Json = {}
        for name, job in self.document["jobs"].items():
            # On GitHub, a variable that is not set is an empty text.
            variables = {"CONFIRMATIONS": "", **self.secrets}
            context = {"github": self.github, "needs": needs, "secrets": self.secrets, "vars": variables}
            if not self._holds(job.get("if", "true"), context):
                needs[name] = {"result": "skipped", "outputs": {}}
                continue
            if any(needs[one]["result"] == "skipped" for one in _listed(job.get("needs"))) and "if" not in job:
                needs[name] = {"result": "skipped", "outputs": {}}
                continue
            for number, entry in enumerate(self._entries(job.get("strategy", {}).get("matrix"), context)):
                outputs = self._job(f"{name}-{number}", job, {**context, "matrix": entry})
            needs[name] = {"result": "success", "outputs": outputs}
        return self

    def _entries(self, matrix: str | Mapping[str, list[Any]] | None, context: Json) -> list[Json]:
        if matrix is None:
            return [{}]
        if isinstance(matrix, str):
            include: list[Json] = json.loads(self._value(matrix, context))["include"]
            return include
        [(key, values)] = matrix.items()
        return [{key: value} for value in values]

    def _job(self, name: str, job: Json, context: Json) -> Json:
        assert job["permissions"], "every job must declare its token's permissions"
        folder = Path()
        steps: Json = {}
        for number, step in enumerate(job["steps"]):
            context = {**context, "steps": steps}
            if "uses" in step:
                action = step["uses"].partition("@")[0]
                self.replaced.add(action)
                options = {key: self._value(value, context) for key, value in step.get("with", {}).items()}
                if action == "actions/checkout":
                    assert options["persist-credentials"] == "False"
                    folder = self.clone(name)
                elif action == "actions/upload-artifact":
                    assert options["include-hidden-files"] == "True"
                    self.publish(options["name"], folder / options["path"])
                elif action == "actions/download-artifact":
                    for found in self.artifacts():
                        shutil.copytree(found, folder / options["path"], dirs_exist_ok=True)
                else:
                    assert action in REPLACED
            elif step["run"] == "gitops/install.sh":
                self.install(folder)
            else:
                files = {key: self.work / f"{name}-{number}.{key}" for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
                for file in files.values():
                    file.touch()
                given = {**self.document.get("env", {}), **job.get("env", {}), **step.get("env", {})}
                # A job gets an id token only if its permissions allow it.
                tokens = _ID_TOKENS if job["permissions"].get("id-token") == "write" else ()
                variables = {key: self._value(value, context) for key, value in given.items()}
                variables |= {key: self.secrets[key] for key in tokens} | {
                    key: str(file) for key, file in files.items()
                }
                self.bash(folder, step["run"], variables)
                lines = files["GITHUB_OUTPUT"].read_text().splitlines()
                steps[step.get("id", number)] = {"outputs": dict(line.split("=", 1) for line in lines)}
        return {key: self._value(value, {**context, "steps": steps}) for key, value in job.get("outputs", {}).items()}

    def _value(self, text: Any, context: Json) -> str:  # noqa: ANN401 - any YAML
        def expression(found: re.Match[str]) -> str:
            return self._term(found[1].strip(), context)

        return re.sub(r"\$\{\{(.+?)\}\}", expression, str(text))

    def _term(self, text: str, context: Json) -> str:
        if text.startswith("fromJSON("):
            return self._term(text.removeprefix("fromJSON(").removesuffix(")"), context)
        if re.fullmatch(r"'[^']*'", text):
            return text[1:-1]
        value: Any = context
        for part in text.split("."):
            value = value[part]
        return str(value)

    def _holds(self, condition: str, context: Json) -> bool:
        for term in condition.split("&&"):
            one = term.strip()
            if one in {"true", "!cancelled()"}:
                continue
            left, operator, right = re.fullmatch(r"(\S+) (==|!=) (.+)", one).groups()  # type: ignore[union-attr] # fails otherwise
            if (self._term(left, context) == self._term(right, context)) != (operator == "=="):
                return False
        return True


_ID_TOKENS: Final = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")


@dataclass
class GitLabRun(Pipeline):
    """A run of a .gitlab-ci.yml. ``platform`` has the predefined variables, including CI_PIPELINE_SOURCE.

    Attributes:
        only: The only job to run, as when a person starts it. By default, all jobs except those that may fail.
    """

    only: str = ""

    def run(self) -> Self:
        """Run the jobs in the stages' order."""
        assert any(self._holds(rule) for rule in self.document["workflow"]["rules"])
        names = [name for name in self.document if not name.startswith(".") and name not in _NO_JOBS]
        for name in sorted(names, key=lambda one: self.document["stages"].index(self._merged(one)["stage"])):
            job = self._merged(name)
            optional = any(rule.get("allow_failure") for rule in job["rules"])
            if (name == self.only or not (self.only or optional)) and any(self._holds(rule) for rule in job["rules"]):
                for number in range(1, job.get("parallel", 1) + 1):
                    self._job(f"{name}-{number}", job, number)
        return self

    def _job(self, name: str, job: Json, number: int) -> None:
        folder = self.clone(name)
        for found in self.artifacts():
            shutil.copytree(found, folder, dirs_exist_ok=True)
        node = {
            "CI_NODE_INDEX": str(number),
            "CI_NODE_TOTAL": str(job.get("parallel", 1)),
            "CI_PROJECT_DIR": str(folder),
        }
        # Every job gets the stored variables. Only jobs that declare an id token get one.
        variables = {**self.secrets, **node}
        for token, options in job.get("id_tokens", {}).items():
            assert options == {"aud": "api://AzureADTokenExchange"}
            variables[token] = self.platform["ID_TOKEN"]
        for key, value in {**self.document["variables"], **job.get("variables", {})}.items():
            if key not in self.machine:
                variables[key] = self._expanded(str(value), variables)
        for script in job["before_script"]:
            if script == "gitops/install.sh":
                self.install(folder)
            elif " ".join(script.split()[:3]) in REPLACED:
                self.replaced.add(" ".join(script.split()[:3]))
            else:
                self.bash(folder, script, variables)
        self.bash(folder, "\n".join(job["script"]), variables)
        for path in job["artifacts"]["paths"]:
            self.publish(name, folder / path, path)
        for report in job["artifacts"].get("reports", {}).values():
            assert (folder / report).is_file()

    def _merged(self, name: str) -> Json:
        job = self.document[name]
        if "extends" not in job:
            return dict(job)
        merged = self._merged(job["extends"])
        for key, value in job.items():
            both = isinstance(value, dict) and isinstance(merged.get(key), dict)
            merged[key] = {**merged[key], **value} if both else value
        return merged

    def _expanded(self, text: str, variables: Mapping[str, str]) -> str:
        known = {**self.platform, **variables}
        return re.sub(r"\$([A-Z_]+)", lambda found: known.get(found[1], ""), text)

    def _holds(self, rule: Json) -> bool:
        for term in rule["if"].split("&&"):
            left, _, right = term.strip().partition(" == ")
            value = self.platform.get(left.removeprefix("$"), "")
            wanted = right[1:-1] if right.startswith('"') else self.platform.get(right.removeprefix("$"), "")
            if not value or (right and value != wanted):
                return False
        return True


_NO_JOBS: Final = {"stages", "workflow", "variables"}


@dataclass
class AzureRun(Pipeline):
    """A run of an Azure DevOps pipeline. ``platform`` has the agent's variables in upper case, as scripts see them.

    Attributes:
        parameters: Values of the pipeline's parameters.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    _outputs: dict[str, str] = field(default_factory=dict)

    def run(self) -> Self:
        """Run the stages and jobs in the file's order, which respects their dependencies."""
        for stage in self.document.get("stages", [{"jobs": self.document.get("jobs")}]):
            if self._holds(stage.get("condition", "")):
                for job in stage["jobs"]:
                    self._run(job)
        return self

    def _run(self, job: Json) -> None:
        if not self._holds(job.get("condition", "")):
            return
        name = job.get("job") or job["deployment"]
        strategy = job.get("strategy", {})
        steps = job["steps"] if "steps" in job else strategy["runOnce"]["deploy"]["steps"]
        assert ("deployment" in job) == ("environment" in job)
        known = dict(self._named())
        known |= self.secrets
        known |= {key: self._output(value) for key, value in job.get("variables", {}).items()}
        matrix = json.loads(self._output(strategy["matrix"])) if "matrix" in strategy else {"1": {}}
        for key, entry in matrix.items():
            self._job(f"{name}-{key}", name, steps, {**known, **entry})

    def _job(self, clone: str, name: str, steps: list[Json], known: Mapping[str, str]) -> None:
        folder = self.work / "none"
        folder.mkdir(exist_ok=True)
        template = yaml.safe_load((self.file.parent / "install.yml").read_text())["steps"]
        for step in [inner for outer in steps for inner in (template if "template" in outer else [outer])]:
            if "checkout" in step:
                if step["checkout"] == "self":
                    self.replaced.add("checkout: self")
                    folder = self.clone(clone)
            elif "publish" in step:
                self.replaced.add("publish")
                self.publish(self._macros(step["artifact"], known), folder / step["publish"])
            elif "task" in step:
                self._task(step, folder, known)
            elif step["bash"] == "gitops/install.sh":
                self.install(folder)
            else:
                # Every step gets the variables that are not secret. A step gets only the secrets that it names.
                variables = {**self._named(), **{key: known[key] for key in _OPEN if key in known}}
                variables |= {key: self._macros(value, known) for key, value in step.get("env", {}).items()}
                self._remember(name, step, self.bash(folder, step["bash"], variables))

    def _named(self) -> dict[str, str]:
        return {entry["name"]: entry["value"] for entry in self.document.get("variables", []) if "name" in entry}

    def _task(self, step: Json, folder: Path, known: Mapping[str, str]) -> None:
        self.replaced.add(step["task"])
        inputs = {key: self._macros(value, known) for key, value in step["inputs"].items()}
        if step["task"] == "DownloadPipelineArtifact@2":
            for found in self.artifacts():
                shutil.copytree(found, Path(inputs["targetPath"]) / found.name, dirs_exist_ok=True)
        elif step["task"] == "PublishTestResults@2":
            assert (folder / inputs["testResultsFiles"]).is_file()
        else:
            assert step["task"] in REPLACED

    def _remember(self, job: str, step: Json, printed: str) -> None:
        pattern = r"^##vso\[task\.setvariable variable=(\w+);isOutput=true\](.*)$"
        for key, value in re.findall(pattern, printed, re.MULTILINE):
            self._outputs[f"{job}.{step['name']}.{key}"] = value

    def _output(self, text: str) -> str:
        # Between stages, the job's name is inside the brackets; between jobs, it is before them.
        found = re.fullmatch(r"dependencies\.canary\.outputs\['(\w+)\.([\w.]+)'\]", text) or re.fullmatch(
            r"(?:\$\[ )?(?:dependencies|stageDependencies\.canary)\.(\w+)\.outputs\['([\w.]+)'\](?: \])?", text
        )
        assert found is not None, text
        return self._outputs[f"{found[1]}.{found[2]}"]

    def _macros(self, text: Any, known: Mapping[str, str]) -> str:  # noqa: ANN401 - any YAML
        def value(found: re.Match[str]) -> str:
            name = found[1] or found[2]
            if found[2]:
                return self.parameters[name]
            return known[name] if name in known else self.platform[name.replace(".", "_").upper()]

        return re.sub(r"\$\(([\w.]+)\)|\$\{\{ parameters\.(\w+) \}\}", value, str(text))

    def _holds(self, condition: str) -> bool:
        for operator, left, right in re.findall(r"\b(ne|eq)\(([^,]+), '([^']*)'\)", condition):
            if left.endswith(".result"):
                continue  # a failed job ends the test
            if (self._output(left) == right) != (operator == "eq"):
                return False
        return True


_OPEN: Final = ("ARM_CLIENT_ID", "KZERO_CLIENT_ID", "SERVICE_CONNECTION_ID")


def _listed(value: str | list[str] | None) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=operator", "-c", "user.email=operator@contoso.example", *arguments],  # noqa: S607
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()

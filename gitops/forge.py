#!/usr/bin/env python3
"""Writes comments and issues with the API of the platform that runs the pipeline: GitHub, GitLab or Azure DevOps.

    forge.py comment FILE          writes the pull request's comment, or edits it after the next push
    forge.py issue FILE            opens or updates the issue
    forge.py issue FILE --close    updates and closes the issue, if there is one
    forge.py base                  prints the last applied commit, or nothing
    forge.py head                  prints the commit of the pull request with the number PULL_REQUEST (Azure DevOps)

The first line of FILE is hidden and identifies comment or issue: `<!-- kzero-scim fleet preview: <project> -->`. Anyone
can write such a line, so on GitHub and GitLab only texts of the pipeline's own identity are edited.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

import httpx

from kzero_scim.clients.answers import LARGEST, read_json, too_slow
from kzero_scim.clients.body import ACCEPTED, Body, UnreadableBodyError
from kzero_scim.display import one_line
from kzero_scim.redaction import Redactor

Json = dict[str, Any]
LABEL: Final = "kzero-drift"
_MARKER: Final = re.compile(r"<!-- (?P<title>kzero-scim fleet [^\n]{1,200}) -->")
_SECONDS: Final = 60.0


class Refused(Exception):  # noqa: N818 - an answer of the platform
    """The platform refused a request. The text says in one line what was requested and why it was refused."""


class Forge(Protocol):
    """A platform."""

    def comment(self, marker: str, text: str) -> str:
        """Write the pull request's comment and return what was done."""

    def issue(self, marker: str, title: str, text: str, *, close: bool) -> str:
        """Write or close the issue and return what was done."""

    def base(self) -> str:
        """Return the commit of this pipeline's last successful run on its branch, or ""."""


class Api:
    """A signed-in client of the platform's API."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """Create the client without connecting."""
        given = {**headers, "Accept-Encoding": ACCEPTED}
        self._http = httpx.Client(base_url=url, headers=given, timeout=_SECONDS, follow_redirects=False)

    def __call__(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - any JSON
        """Send a request and return the answer's JSON.

        Raises:
            Refused: The platform refused the request, did not answer, or answered too much or too slowly.
        """
        what = f"{method} {path.partition('?')[0]}: {self._http.base_url.host}"
        try:
            with self._http.stream(method, path, **options) as answer:
                body = _whole(answer)
        except httpx.HTTPError as error:
            message = f"{what} did not answer: {error}"
            raise Refused(message) from None
        except UnreadableBodyError as error:
            message = f"{what} answered {error}"
            raise Refused(message) from None
        if not answer.is_success:
            said = Redactor.of(os.environ).shortened(body.decode(errors="replace"), 300)
            message = f"{what} answered {answer.status_code}: {said!r}"
            raise Refused(message)
        try:
            return read_json(body)
        except ValueError:
            message = f"{what} did not answer with JSON; check that the token is of this platform"
            raise Refused(message) from None

    def pages(self, path: str) -> Iterator[Json]:
        """Yield all entries of a list with pages of 100."""
        for page in range(1, 101):
            place = f"{path}{'&' if '?' in path else '?'}per_page=100&page={page}"
            found = self("GET", place)
            if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
                message = f"GET {path.partition('?')[0]}: {self._http.base_url.host} did not answer with a list"
                raise Refused(message)
            yield from found
            if len(found) < 100:  # noqa: PLR2004 - a page that is not full is the last
                return


def _whole(answer: httpx.Response) -> bytes:
    """Return the body of an answer, within limits of size and time.

    Raises:
        UnreadableBodyError: It is too large or too slow, or compressed more than once.
    """
    body, until = Body(answer.headers.get("Content-Encoding"), LARGEST), time.monotonic() + _SECONDS
    for piece in answer.iter_raw():
        body.add(piece)
        if body.is_too_large:
            break
        if time.monotonic() > until:
            raise UnreadableBodyError(too_slow(_SECONDS))
    return body.whole()


class GitHub:
    """https://docs.github.com/rest: issues, issue comments, workflow runs."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read the runner's variables. The token is the job's own."""
        self._environment = environment
        self._api = Api(
            f"{environment['GITHUB_API_URL']}/repos/{environment['GITHUB_REPOSITORY']}",
            {
                "Authorization": f"Bearer {environment['GITHUB_TOKEN']}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )

    def comment(self, marker: str, text: str) -> str:
        """Write the pull request's comment."""
        issue = f"/issues/{self._environment['PULL_REQUEST']}/comments"
        for found in self._api.pages(issue):
            if _is_own_of_github(found, marker):
                self._api("PATCH", f"/issues/comments/{found['id']}", json={"body": text})
                return f"comment {found['id']} edited"
        return f"comment {self._api('POST', issue, json={'body': text})['id']} written"

    def issue(self, marker: str, title: str, text: str, *, close: bool) -> str:
        """Write or close the issue."""
        for found in self._api.pages(f"/issues?state=open&labels={LABEL}"):
            if _is_own_of_github(found, marker):
                change = {"state": "closed", "state_reason": "completed"} if close else {}
                self._api("PATCH", f"/issues/{found['number']}", json={"body": text, **change})
                return f"issue {found['number']} {'closed' if close else 'updated'}"
        if close:
            return "no issue is open"
        made = self._api("POST", "/issues", json={"title": title, "body": text, "labels": [LABEL]})
        return f"issue {made['number']} opened"

    def base(self) -> str:
        """Return the commit of the workflow's last successful run."""
        workflow = self._environment["GITHUB_WORKFLOW_REF"].partition("@")[0].rpartition("/")[2]
        branch = quote(self._environment["GITHUB_REF_NAME"], safe="")
        runs = self._api("GET", f"/actions/workflows/{workflow}/runs?branch={branch}&status=success&per_page=1")
        return runs["workflow_runs"][0]["head_sha"] if runs["workflow_runs"] else ""


def _is_own_of_github(entry: Json, marker: str) -> bool:
    # The login of a job's own token. Other applications may quote what people write.
    return entry["user"]["login"] == "github-actions[bot]" and (entry["body"] or "").startswith(marker)


class GitLab:
    """https://docs.gitlab.com/api/: notes, issues, pipelines. GITLAB_TOKEN is a project access token, scope api."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read the runner's variables."""
        self._environment = environment
        token = {"PRIVATE-TOKEN": environment["GITLAB_TOKEN"]}
        self._user = Api(environment["CI_API_V4_URL"], token)
        self._api = Api(f"{environment['CI_API_V4_URL']}/projects/{environment['CI_PROJECT_ID']}", token)

    def comment(self, marker: str, text: str) -> str:
        """Write the merge request's note."""
        notes = f"/merge_requests/{self._environment['CI_MERGE_REQUEST_IID']}/notes"
        me = self._user("GET", "/user")["id"]
        for found in self._api.pages(notes):
            if found["author"]["id"] == me and found["body"].startswith(marker):
                self._api("PUT", f"{notes}/{found['id']}", json={"body": text})
                return f"note {found['id']} edited"
        return f"note {self._api('POST', notes, json={'body': text})['id']} written"

    def issue(self, marker: str, title: str, text: str, *, close: bool) -> str:
        """Write or close the issue."""
        me = self._user("GET", "/user")["id"]
        for found in self._api.pages(f"/issues?state=opened&labels={LABEL}&author_id={me}"):
            if (found["description"] or "").startswith(marker):
                change = {"state_event": "close"} if close else {}
                self._api("PUT", f"/issues/{found['iid']}", json={"description": text, **change})
                return f"issue {found['iid']} {'closed' if close else 'updated'}"
        if close:
            return "no issue is open"
        made = self._api("POST", "/issues", json={"title": title, "description": text, "labels": LABEL})
        return f"issue {made['iid']} opened"

    def base(self) -> str:
        """Return the commit of the branch's last successful push pipeline."""
        branch = quote(self._environment["CI_COMMIT_BRANCH"], safe="")
        found = self._api("GET", f"/pipelines?ref={branch}&status=success&source=push&per_page=1")
        return found[0]["sha"] if found else ""


class AzureDevOps:
    """https://learn.microsoft.com/rest/api/azure/devops: pull request threads, work items, builds."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read the agent's variables. The token is the job's own."""
        self._environment = environment
        project = quote(environment["SYSTEM_TEAMPROJECT"], safe="")
        self._api = Api(
            f"{environment['SYSTEM_COLLECTIONURI'].rstrip('/')}/{project}/_apis",
            {"Authorization": f"Bearer {environment['SYSTEM_ACCESSTOKEN']}"},
        )

    def comment(self, marker: str, text: str) -> str:
        """Write the pull request's thread, closed, so that it does not need to be resolved."""
        environment = self._environment
        threads = (
            f"/git/repositories/{environment['BUILD_REPOSITORY_ID']}/pullRequests/{environment['PULL_REQUEST']}/threads"
        )
        for thread in self._api("GET", f"{threads}?api-version=7.1")["value"]:
            # The marker is a property of the thread. Azure DevOps shows no properties, and would remove the comment's
            # hidden line.
            known = ((thread.get("properties") or {}).get(_PROPERTY) or {}).get("$value")
            if known == marker and not thread.get("isDeleted"):
                place = f"{threads}/{thread['id']}/comments/{thread['comments'][0]['id']}?api-version=7.1"
                self._api("PATCH", place, json={"content": text})
                return f"thread {thread['id']} edited"
        body = {
            "comments": [{"parentCommentId": 0, "content": text, "commentType": "text"}],
            "status": "closed",
            "properties": {_PROPERTY: {"$type": "System.String", "$value": marker}},
        }
        return f"thread {self._api('POST', f'{threads}?api-version=7.1', json=body)['id']} written"

    def issue(self, marker: str, title: str, text: str, *, close: bool) -> str:
        """Write or close the work item, which is identified by title and tag."""
        del marker
        kind, done = (self._environment.get(name, default) for name, default in _WORK_ITEM)
        query = (  # WIQL, which takes no parameters
            "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project "  # noqa: S608 - quoted
            f"AND [System.Tags] CONTAINS '{LABEL}' AND [System.Title] = '{_quoted(title)}' "
            f"AND [System.State] <> '{_quoted(done)}'"
        )
        open_ones = self._api("POST", "/wit/wiql?api-version=7.1", json={"query": query})["workItems"]
        fields = {"System.Title": title, "System.Tags": LABEL} | ({"System.State": done} if close else {})
        if open_ones:
            number = open_ones[0]["id"]
            self._write("PATCH", f"/wit/workitems/{number}", fields, text)
            return f"work item {number} {'closed' if close else 'updated'}"
        if close:
            return "no work item is open"
        made = self._write("POST", f"/wit/workitems/${quote(kind, safe='')}", fields, text)
        return f"work item {made['id']} opened"

    def _write(self, method: str, path: str, fields: Mapping[str, str], text: str) -> Json:
        steps = [{"op": "add", "path": f"/fields/{name}", "value": value} for name, value in fields.items()]
        steps += [
            {"op": "add", "path": "/fields/System.Description", "value": text},
            {"op": "add", "path": "/multilineFieldsFormat/System.Description", "value": "Markdown"},
        ]
        headers = {"Content-Type": "application/json-patch+json"}
        made: Json = self._api(method, f"{path}?api-version=7.1", json=steps, headers=headers)
        return made

    def base(self) -> str:
        """Return the commit of the pipeline's last successful run."""
        environment = self._environment
        branch = quote(environment["BUILD_SOURCEBRANCH"], safe="")
        query = (
            f"definitions={environment['SYSTEM_DEFINITIONID']}&branchName={branch}&statusFilter=completed"
            "&resultFilter=succeeded&queryOrder=finishTimeDescending&$top=1&api-version=7.1"
        )
        found = self._api("GET", f"/build/builds?{query}")["value"]
        return found[0]["sourceVersion"] if found else ""

    def head(self) -> str:
        """Return the last commit of an open pull request into the pipeline's own branch.

        Raises:
            Refused: It is closed, is from a fork, or has another target.
        """
        environment = self._environment
        number = environment["PULL_REQUEST"]
        found = self._api(
            "GET", f"/git/repositories/{environment['BUILD_REPOSITORY_ID']}/pullRequests/{number}?api-version=7.1"
        )
        for wrong, reason in (
            (found["status"] != "active", "is not open"),
            (found.get("forkSource"), "is from a fork, which gets no credentials"),
            (found["targetRefName"] != environment["BUILD_SOURCEBRANCH"], "has another target branch"),
        ):
            if wrong:
                message = f"pull request {number} {reason}"
                raise Refused(message)
        commit: str = found["lastMergeSourceCommit"]["commitId"]
        return commit


_PROPERTY: Final = "kzero-scim"
_WORK_ITEM: Final = (("WORK_ITEM_TYPE", "Issue"), ("WORK_ITEM_DONE", "Done"))
"""Variables and defaults. The values depend on the project's process. Basic: Issue, Done. Agile: Issue, Closed."""


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def forge_of(environment: Mapping[str, str]) -> Forge:
    """Return the client of the platform that set the environment.

    Raises:
        Refused: It is not one of the three platforms.
    """
    for variable, forge in (("GITHUB_ACTIONS", GitHub), ("GITLAB_CI", GitLab), ("TF_BUILD", AzureDevOps)):
        if environment.get(variable):
            return forge(environment)
    message = "not in a pipeline of GitHub, GitLab or Azure DevOps: none of GITHUB_ACTIONS, GITLAB_CI, TF_BUILD is set"
    raise Refused(message)


def _do(asked: argparse.Namespace) -> str:
    forge = forge_of(os.environ)
    if asked.verb == "base":
        return forge.base()
    if asked.verb == "head":
        if not isinstance(forge, AzureDevOps):
            message = "only Azure DevOps needs this; the other platforms name the commit in a variable"
            raise Refused(message)
        return forge.head()
    text = asked.file.read_text(encoding="utf-8")
    found = _MARKER.match(text)
    if found is None:
        message = f"{asked.file} does not begin with the hidden line that kzero-scim writes"
        raise Refused(message)
    if asked.verb == "comment":
        return forge.comment(found[0], text)
    return forge.issue(found[0], found["title"], text, close=asked.close)


def main() -> int:
    """Run the command on the command line and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("comment").add_argument("file", type=Path)
    issue = verbs.add_parser("issue")
    issue.add_argument("file", type=Path)
    issue.add_argument("--close", action="store_true")
    verbs.add_parser("base")
    verbs.add_parser("head")
    try:
        print(one_line(_do(parser.parse_args())))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        named = error.args[0] if isinstance(error, KeyError) else ""
        if named in os.environ or not re.fullmatch(r"[A-Z][A-Z0-9_]+", str(named)):
            print("error: the platform's answer lacks what its API documents; see docs/gitops.md", file=sys.stderr)
        else:
            print(f"error: the pipeline does not set {named}; see docs/gitops.md", file=sys.stderr)
        return 1
    except (Refused, OSError) as error:
        print(f"error: {one_line(Redactor.of(os.environ).line(str(error)))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

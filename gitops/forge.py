#!/usr/bin/env python3
"""Speaks to the platform that runs the pipeline: GitHub, GitLab or Azure DevOps, whichever set the environment.

    forge.py comment FILE          one comment of the pull request, edited in place on the next push
    forge.py issue FILE            one issue, opened or brought up to date
    forge.py issue FILE --close    the same, closed; nothing is done if there is none
    forge.py base                  the commit that was applied last, nothing if there is none

The first line of FILE is hidden and says which one it is: `<!-- kzero-scim fleet preview: <project> -->`. Only what the
pipeline's own identity wrote is edited on GitHub and GitLab: anybody may write such a line.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

import httpx

Json = dict[str, Any]
LABEL: Final = "kzero-drift"
_MARKER: Final = re.compile(r"<!-- (?P<title>kzero-scim fleet [^\n]{1,200}) -->")
_SECONDS: Final = 60.0


class Refused(Exception):  # noqa: N818 - what the platform did
    """The platform did not do what it was asked for; the text says what and why, in one line."""


class Forge(Protocol):
    """One platform."""

    def comment(self, marker: str, text: str) -> str:
        """Write the pull request's comment and say what was done."""

    def issue(self, marker: str, title: str, text: str, *, close: bool) -> str:
        """Write the issue, or close it, and say what was done."""

    def base(self) -> str:
        """Give the commit of the last run of this pipeline that succeeded on its branch."""


class Api:
    """The platform's API, signed in."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """Connect to nothing yet."""
        self._http = httpx.Client(base_url=url, headers=dict(headers), timeout=_SECONDS)

    def __call__(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - as JSON has it
        """Send a request and give the answer's JSON.

        Raises:
            Refused: The platform refused or did not answer.
        """
        what = f"{method} {path.partition('?')[0]}"
        try:
            answer = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            message = f"{what}: no answer of {self._http.base_url.host}: {error}"
            raise Refused(message) from None
        if answer.is_error:
            message = f"{what}: {self._http.base_url.host} answered {answer.status_code}: {answer.text[:300]!r}"
            raise Refused(message)
        try:
            return answer.json()
        except ValueError:
            message = f"{what}: {self._http.base_url.host} answered no JSON; is the token one of this platform?"
            raise Refused(message) from None

    def pages(self, path: str) -> Iterator[Json]:
        """Give all entries of a list that comes in pages of 100."""
        for page in range(1, 101):
            found = self("GET", f"{path}{'&' if '?' in path else '?'}per_page=100&page={page}")
            yield from found
            if len(found) < 100:  # noqa: PLR2004 - a page that is not full is the last
                return


class GitHub:
    """https://docs.github.com/rest: issues, issue comments, workflow runs."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read the runner's variables; the token is the job's own."""
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
                return f"issue {found['number']} {'closed' if close else 'brought up to date'}"
        if close:
            return "no issue is open"
        made = self._api("POST", "/issues", json={"title": title, "body": text, "labels": [LABEL]})
        return f"issue {made['number']} opened"

    def base(self) -> str:
        """Give the commit of the workflow's last successful run."""
        workflow = self._environment["GITHUB_WORKFLOW_REF"].partition("@")[0].rpartition("/")[2]
        branch = quote(self._environment["GITHUB_REF_NAME"], safe="")
        runs = self._api("GET", f"/actions/workflows/{workflow}/runs?branch={branch}&status=success&per_page=1")
        return runs["workflow_runs"][0]["head_sha"] if runs["workflow_runs"] else ""


def _is_own_of_github(entry: Json, marker: str) -> bool:
    return entry["user"]["type"] == "Bot" and (entry["body"] or "").startswith(marker)


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
                return f"issue {found['iid']} {'closed' if close else 'brought up to date'}"
        if close:
            return "no issue is open"
        made = self._api("POST", "/issues", json={"title": title, "description": text, "labels": LABEL})
        return f"issue {made['iid']} opened"

    def base(self) -> str:
        """Give the commit of the branch's last successful pipeline of a push."""
        branch = quote(self._environment["CI_COMMIT_BRANCH"], safe="")
        found = self._api("GET", f"/pipelines?ref={branch}&status=success&source=push&per_page=1")
        return found[0]["sha"] if found else ""


class AzureDevOps:
    """https://learn.microsoft.com/rest/api/azure/devops: pull request threads, work items, builds."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read the agent's variables; the token is the job's own."""
        self._environment = environment
        project = quote(environment["SYSTEM_TEAMPROJECT"], safe="")
        self._api = Api(
            f"{environment['SYSTEM_COLLECTIONURI'].rstrip('/')}/{project}/_apis",
            {"Authorization": f"Bearer {environment['SYSTEM_ACCESSTOKEN']}"},
        )

    def comment(self, marker: str, text: str) -> str:
        """Write the pull request's thread, which asks nobody to resolve it."""
        environment = self._environment
        threads = (
            f"/git/repositories/{environment['BUILD_REPOSITORY_ID']}"
            f"/pullRequests/{environment['SYSTEM_PULLREQUEST_PULLREQUESTID']}/threads"
        )
        for thread in self._api("GET", f"{threads}?api-version=7.1")["value"]:
            # A thread has properties, which nobody sees and no Markdown filter takes away.
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
        """Write or close the work item; it is known by its title and tag."""
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
            return f"work item {number} {'closed' if close else 'brought up to date'}"
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
        """Give the commit of the pipeline's last successful run."""
        environment = self._environment
        branch = quote(environment["BUILD_SOURCEBRANCH"], safe="")
        query = (
            f"definitions={environment['SYSTEM_DEFINITIONID']}&branchName={branch}&statusFilter=completed"
            "&resultFilter=succeeded&queryOrder=finishTimeDescending&$top=1&api-version=7.1"
        )
        found = self._api("GET", f"/build/builds?{query}")["value"]
        return found[0]["sourceVersion"] if found else ""


_PROPERTY: Final = "kzero-scim"
_WORK_ITEM: Final = (("WORK_ITEM_TYPE", "Issue"), ("WORK_ITEM_DONE", "Done"))
"""Of the project's process: Basic has Issue and Done, Agile Issue and Closed, Scrum Impediment and Closed."""


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def forge_of(environment: Mapping[str, str]) -> Forge:
    """Tell the platform by what its runners set.

    Raises:
        Refused: It is none of the three.
    """
    for variable, forge in (("GITHUB_ACTIONS", GitHub), ("GITLAB_CI", GitLab), ("TF_BUILD", AzureDevOps)):
        if environment.get(variable):
            return forge(environment)
    message = (
        "this is no pipeline of GitHub, GitLab or Azure DevOps: none of GITHUB_ACTIONS, GITLAB_CI, TF_BUILD is set"
    )
    raise Refused(message)


def _do(asked: argparse.Namespace) -> str:
    forge = forge_of(os.environ)
    if asked.verb == "base":
        return forge.base()
    text = asked.file.read_text(encoding="utf-8")
    found = _MARKER.match(text)
    if found is None:
        message = f"{asked.file} does not begin with the hidden line that kzero-scim writes"
        raise Refused(message)
    if asked.verb == "comment":
        return forge.comment(found[0], text)
    return forge.issue(found[0], found["title"], text, close=asked.close)


def main() -> int:
    """Do what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("comment").add_argument("file", type=Path)
    issue = verbs.add_parser("issue")
    issue.add_argument("file", type=Path)
    issue.add_argument("--close", action="store_true")
    verbs.add_parser("base")
    try:
        print(_do(parser.parse_args()))
    except KeyError as error:
        print(f"error: the pipeline does not set {error.args[0]}; see docs/gitops.md", file=sys.stderr)
        return 1
    except (Refused, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

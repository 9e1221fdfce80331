"""Answers a pipeline like GitHub, GitLab and Azure DevOps: comments, issues, last runs, and id tokens for Entra.

One store has three APIs, in the form of https://docs.github.com/rest, https://docs.gitlab.com/api and
https://learn.microsoft.com/rest/api/azure/devops. Each call must be signed in as the platform's jobs are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]
TOKEN: Final = "the-job's-own-token"
_PERSON: Final = {"id": 1, "login": "someone"}
_PIPELINE: Final = {"id": 2, "login": "github-actions[bot]"}


@dataclass
class Forge:
    """A platform's project with one pull request, number 7.

    Attributes:
        id_token: Returns the token that Entra accepts.
        comments: Comments of the pull request, oldest first: ``id``, ``text``, ``by``.
        issues: Issues in the same form, with ``title`` and ``open``.
        applied: The commit of the last successful run.
        head: The last commit of the pull request.
        started: The runs that Azure DevOps was asked to start.
        posted: What the webhook received.
    """

    id_token: Callable[[], str]
    comments: list[Json] = field(default_factory=list)
    issues: list[Json] = field(default_factory=list)
    applied: str = ""
    head: str = ""
    started: list[Json] = field(default_factory=list)
    posted: list[Json] = field(default_factory=list)

    def comment(self, text: str, *, by: Json = _PIPELINE, **more: Any) -> Json:  # noqa: ANN401 - any JSON
        """Add a comment."""
        made = {"id": 100 + len(self.comments), "text": text, "by": by, **more}
        self.comments.append(made)
        return made

    def comment_of_a_person(self, text: str) -> None:
        """Add a comment that the pipeline did not write."""
        self.comment(text, by=_PERSON)

    @property
    def own(self) -> list[Json]:
        """The pipeline's comments."""
        return [comment for comment in self.comments if comment["by"] is _PIPELINE]

    def app(self) -> Starlette:
        """Return the platforms' APIs as a web application."""
        return Starlette(routes=[*_github(self), *_gitlab(self), *_azure(self), _webhook(self)])


def _found(entries: list[Json], number: str) -> Json:
    return next(entry for entry in entries if str(entry["id"]) == number)


def _route(path: str, *methods: str) -> Callable[[Callable[[Request], Any]], Route]:
    def make(answer: Callable[[Request], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            request.state.body = await request.json() if await request.body() else None
            signed_in = {f"Bearer {TOKEN}", TOKEN}
            if not signed_in & {request.headers.get("Authorization"), request.headers.get("PRIVATE-TOKEN")}:
                return JSONResponse({"message": "401 Unauthorized"}, 401)
            return JSONResponse(answer(request))

        return Route(path, endpoint, methods=methods)

    return make


def _github(forge: Forge) -> list[Route]:
    root = "/github/repos/contoso/tenants"

    def as_comment(entry: Json) -> Json:
        return {"id": entry["id"], "body": entry["text"], "user": entry["by"]}

    @_route(f"{root}/issues/7/comments", "GET", "POST")
    def comments(request: Request) -> Any:  # noqa: ANN401 - JSON
        if request.method == "POST":
            return as_comment(forge.comment(request.state.body["body"]))
        return [as_comment(entry) for entry in forge.comments] if request.query_params["page"] == "1" else []

    @_route(f"{root}/issues/comments/{{number}}", "PATCH")
    def comment(request: Request) -> Any:  # noqa: ANN401 - JSON
        entry = _found(forge.comments, request.path_params["number"])
        entry["text"] = request.state.body["body"]
        return as_comment(entry)

    @_route(f"{root}/issues", "GET", "POST")
    def issues(request: Request) -> Any:  # noqa: ANN401 - JSON
        if request.method == "GET":
            assert (request.query_params["state"], request.query_params["labels"]) == ("open", "kzero-drift")
            found = [issue for issue in forge.issues if issue["open"]]
            return [{"number": issue["id"], "body": issue["text"], "user": _PIPELINE} for issue in found]
        body = request.state.body
        made = {"id": 1 + len(forge.issues), "title": body["title"], "text": body["body"], "open": True}
        assert body["labels"] == ["kzero-drift"]
        forge.issues.append(made)
        return {"number": made["id"]}

    @_route(f"{root}/issues/{{number:int}}", "PATCH")
    def issue(request: Request) -> Any:  # noqa: ANN401 - JSON
        entry = _found(forge.issues, str(request.path_params["number"]))
        entry["text"] = request.state.body["body"]
        entry["open"] = request.state.body.get("state") != "closed"
        return {"number": entry["id"]}

    @_route(f"{root}/actions/workflows/apply.yml/runs", "GET")
    def runs(request: Request) -> Any:  # noqa: ANN401 - JSON
        assert (request.query_params["branch"], request.query_params["status"]) == ("main", "success")
        return {"workflow_runs": [{"head_sha": forge.applied}] if forge.applied else []}

    @_route("/github/id-token", "GET")
    def id_token(request: Request) -> Any:  # noqa: ANN401 - JSON
        assert request.query_params["audience"] == "api://AzureADTokenExchange"
        return {"value": forge.id_token()}

    return [comments, comment, issues, issue, runs, id_token]


def _gitlab(forge: Forge) -> list[Route]:
    root = "/gitlab/api/v4"
    project = f"{root}/projects/5"

    def as_note(entry: Json) -> Json:
        return {"id": entry["id"], "body": entry["text"], "author": entry["by"]}

    @_route(f"{root}/user", "GET")
    def user(request: Request) -> Any:  # noqa: ANN401 - JSON
        del request
        return _PIPELINE

    @_route(f"{project}/merge_requests/7/notes", "GET", "POST")
    def notes(request: Request) -> Any:  # noqa: ANN401 - JSON
        if request.method == "POST":
            return as_note(forge.comment(request.state.body["body"]))
        return [as_note(entry) for entry in forge.comments]

    @_route(f"{project}/merge_requests/7/notes/{{number}}", "PUT")
    def note(request: Request) -> Any:  # noqa: ANN401 - JSON
        entry = _found(forge.comments, request.path_params["number"])
        entry["text"] = request.state.body["body"]
        return as_note(entry)

    @_route(f"{project}/issues", "GET", "POST")
    def issues(request: Request) -> Any:  # noqa: ANN401 - JSON
        if request.method == "GET":
            query = request.query_params
            assert (query["state"], query["labels"], query["author_id"]) == ("opened", "kzero-drift", "2")
            return [{"iid": issue["id"], "description": issue["text"]} for issue in forge.issues if issue["open"]]
        body = request.state.body
        made = {"id": 1 + len(forge.issues), "title": body["title"], "text": body["description"], "open": True}
        forge.issues.append(made)
        return {"iid": made["id"]}

    @_route(f"{project}/issues/{{number}}", "PUT")
    def issue(request: Request) -> Any:  # noqa: ANN401 - JSON
        entry = _found(forge.issues, request.path_params["number"])
        entry["text"] = request.state.body["description"]
        entry["open"] = request.state.body.get("state_event") != "close"
        return {"iid": entry["id"]}

    @_route(f"{project}/pipelines", "GET")
    def pipelines(request: Request) -> Any:  # noqa: ANN401 - JSON
        query = request.query_params
        assert (query["ref"], query["status"], query["source"]) == ("main", "success", "push")
        return [{"sha": forge.applied}] if forge.applied else []

    return [user, notes, note, issues, issue, pipelines]


def _azure(forge: Forge) -> list[Route]:  # noqa: C901 - one function per path
    root = "/azure/Contoso tenants/_apis"
    threads_path = f"{root}/git/repositories/tenants/pullRequests/7/threads"

    def as_thread(entry: Json) -> Json:
        properties = entry.get("properties")
        return {"id": entry["id"], "comments": [{"id": 1, "content": entry["text"]}], "properties": properties}

    @_route(threads_path, "GET", "POST")
    def threads(request: Request) -> Any:  # noqa: ANN401 - JSON
        if request.method == "GET":
            return {"value": [as_thread(entry) for entry in forge.comments]}
        body = request.state.body
        assert body["status"] == "closed"
        return as_thread(forge.comment(body["comments"][0]["content"], properties=body["properties"]))

    @_route(f"{threads_path}/{{number}}/comments/1", "PATCH")
    def comment(request: Request) -> Any:  # noqa: ANN401 - JSON
        entry = _found(forge.comments, request.path_params["number"])
        entry["text"] = request.state.body["content"]
        return {"id": 1}

    @_route(f"{root}/wit/wiql", "POST")
    def wiql(request: Request) -> Any:  # noqa: ANN401 - JSON
        query = request.state.body["query"]
        title = re.search(r"\[System\.Title\] = '((?:[^']|'')*)'", query)
        assert title is not None
        assert "[System.State] <> 'Done'" in query
        named = [issue for issue in forge.issues if issue["title"] == title[1].replace("''", "'")]
        return {"workItems": [{"id": issue["id"]} for issue in named if issue["open"]]}

    def write(entry: Json, steps: list[Json]) -> Json:
        fields = {step["path"]: step["value"] for step in steps}
        assert fields["/multilineFieldsFormat/System.Description"] == "Markdown"
        entry |= {"title": fields["/fields/System.Title"], "text": fields["/fields/System.Description"]}
        entry["open"] = fields.get("/fields/System.State") != "Done"
        return {"id": entry["id"]}

    @_route(f"{root}/wit/workitems/$Issue", "POST")
    def new_item(request: Request) -> Any:  # noqa: ANN401 - JSON
        assert request.headers["content-type"] == "application/json-patch+json"
        forge.issues.append({"id": 1 + len(forge.issues)})
        return write(forge.issues[-1], request.state.body)

    @_route(f"{root}/wit/workitems/{{number:int}}", "PATCH")
    def item(request: Request) -> Any:  # noqa: ANN401 - JSON
        return write(_found(forge.issues, str(request.path_params["number"])), request.state.body)

    @_route(f"{root}/build/builds", "GET")
    def builds(request: Request) -> Any:  # noqa: ANN401 - JSON
        query = request.query_params
        assert (query["definitions"], query["branchName"], query["resultFilter"]) == (
            "3",
            "refs/heads/main",
            "succeeded",
        )
        return {"value": [{"sourceVersion": forge.applied}] if forge.applied else []}

    @_route("/azure/id-token", "POST")
    def id_token(request: Request) -> Any:  # noqa: ANN401 - JSON
        assert request.query_params["serviceConnectionId"] == "connection-1"
        return {"oidcToken": forge.id_token()}

    @_route(f"{root}/git/repositories/tenants/pullRequests/7", "GET")
    def pull_request(request: Request) -> Any:  # noqa: ANN401 - JSON
        del request
        merged = {"commitId": forge.head}
        return {"status": "active", "targetRefName": "refs/heads/main", "lastMergeSourceCommit": merged}

    by_id = "/azure/00000000-0000-0000-0000-00000000000c/_apis/pipelines"

    @_route(by_id, "GET")
    def pipelines(request: Request) -> Any:  # noqa: ANN401 - JSON
        del request
        return {"value": [{"id": 1, "name": "kzero apply"}, {"id": 4, "name": "kzero preview"}]}

    @_route(f"{by_id}/4/runs", "POST")
    def start(request: Request) -> Any:  # noqa: ANN401 - JSON
        forge.started.append(request.state.body)
        return {"id": 9, "state": "inProgress"}

    @_route(f"{by_id}/4/runs/9", "GET")
    def started(request: Request) -> Any:  # noqa: ANN401 - JSON
        del request
        return {"id": 9, "state": "completed", "result": "succeeded"}

    return [threads, comment, wiql, new_item, item, builds, id_token, pull_request, pipelines, start, started]


def _webhook(forge: Forge) -> Route:
    async def receive(request: Request) -> Response:
        assert request.headers["content-type"] == "application/json"
        forge.posted.append(await request.json())
        return Response(status_code=200)

    return Route("/webhook", receive, methods=["POST"])

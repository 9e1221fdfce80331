"""gitops/forge.py reports a failure of the platform in one line, without the token."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from kzero_sandbox.serving import Certificates, ServerThread, issue_certificates
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tools.cache import CHECKOUT

MARKER = "<!-- kzero-scim fleet preview: tenants -->"
TOKEN = "the-job's-own-token"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return issue_certificates(tmp_path_factory.mktemp("certificates"))


def error_of(folder: Path, *arguments: str, text: str = MARKER, **environment: str) -> str:
    """Run forge.py, which must fail, and return its error line."""
    file = folder / "comment.md"
    file.write_text(text)
    done = subprocess.run(
        [
            sys.executable,
            CHECKOUT / "gitops" / "forge.py",
            *arguments,
            *([] if {"base", "head"} & set(arguments) else [file]),
        ],
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert TOKEN not in line
    return line


def github(url: str, certificates: Certificates) -> dict[str, str]:
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": url,
        "GITHUB_REPOSITORY": "contoso/tenants",
        "GITHUB_TOKEN": TOKEN,
        "PULL_REQUEST": "7",
        "SSL_CERT_FILE": str(certificates.ca_file),
    }


def test_outside_a_pipeline_the_error_names_the_missing_variables(tmp_path: Path) -> None:
    assert "GITHUB_ACTIONS" in error_of(tmp_path, "comment")


def test_a_missing_variable_of_the_pipeline_is_named(tmp_path: Path) -> None:
    environment = {"GITLAB_CI": "true", "CI_API_V4_URL": "https://gitlab.example/api/v4", "CI_PROJECT_ID": "5"}

    assert error_of(tmp_path, "base", **environment).startswith("error: the pipeline does not set GITLAB_TOKEN;")


def test_a_file_that_kzero_scim_did_not_write_is_refused(tmp_path: Path, certificates: Certificates) -> None:
    line = error_of(tmp_path, "issue", text="Hello", **github("https://localhost:1", certificates))

    assert "does not begin with the hidden line" in line


def test_a_platform_that_refuses_is_quoted(tmp_path: Path, certificates: Certificates) -> None:
    async def refuse(request: Request) -> Response:
        del request
        return PlainTextResponse("Resource not accessible\nby integration", 403)

    app = Starlette(routes=[Route("/{path:path}", refuse, methods=["GET", "POST"])])
    with ServerThread(app, certificates=certificates) as server:
        line = error_of(tmp_path, "comment", **github(server.url, certificates))

    assert line == ("error: GET /issues/7/comments: localhost answered 403: 'Resource not accessible\\nby integration'")


def test_a_platform_that_is_not_trusted_does_not_get_the_token(tmp_path: Path, certificates: Certificates) -> None:
    requests: list[Request] = []

    async def take(request: Request) -> Response:
        requests.append(request)
        return Response()

    app = Starlette(routes=[Route("/{path:path}", take)])
    with ServerThread(app, certificates=certificates) as server:
        line = error_of(tmp_path, "comment", **github(server.url, certificates) | {"SSL_CERT_FILE": ""})

    assert "certificate verify failed" in line
    assert not requests


@pytest.mark.parametrize("before", [0, 280])
def test_an_echoing_platform_reveals_and_commands_nothing(
    tmp_path: Path, certificates: Certificates, before: int
) -> None:
    async def echo(request: Request) -> Response:
        said = f"{'x' * before} {request.headers['authorization']} ##vso[task.complete] ::error::x"
        return PlainTextResponse(said, 403)

    app = Starlette(routes=[Route("/{path:path}", echo, methods=["GET"])])
    with ServerThread(app, certificates=certificates) as server:
        line = error_of(tmp_path, "comment", **github(server.url, certificates))

    assert "the-job" not in line
    assert "##vso[" not in line
    assert "::error::" not in line


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": "completed"}, "is not open"),
        ({"forkSource": {"name": "refs/heads/x"}}, "is from a fork, which gets no credentials"),
        ({"targetRefName": "refs/heads/attack"}, "has another target branch"),
    ],
)
def test_a_pull_request_that_must_not_be_previewed_is_refused(
    tmp_path: Path, certificates: Certificates, answer: dict[str, object], said: str
) -> None:
    pull_request = {
        "status": "active",
        "targetRefName": "refs/heads/main",
        "lastMergeSourceCommit": {"commitId": "0" * 40},
    }

    async def get(request: Request) -> Response:
        del request
        return JSONResponse(pull_request | answer)

    app = Starlette(routes=[Route("/tenants/_apis/git/repositories/r/pullRequests/7", get)])
    with ServerThread(app, certificates=certificates) as server:
        environment = {
            "TF_BUILD": "True",
            "SYSTEM_TEAMPROJECT": "tenants",
            "SYSTEM_COLLECTIONURI": server.url,
            "SYSTEM_ACCESSTOKEN": TOKEN,
            "BUILD_REPOSITORY_ID": "r",
            "BUILD_SOURCEBRANCH": "refs/heads/main",
            "PULL_REQUEST": "7",
            "SSL_CERT_FILE": str(certificates.ca_file),
        }
        line = error_of(tmp_path, "head", **environment)

    assert line == f"error: pull request 7 {said}"


def test_another_applications_comment_is_not_edited(tmp_path: Path, certificates: Certificates) -> None:
    """It may quote what a person wrote, such as the hidden line."""
    written: list[str] = []
    others = [{"id": 1, "body": MARKER, "user": {"type": "Bot", "login": "quotes[bot]"}}]

    async def comments(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse(others)
        written.append(request.method)
        return PlainTextResponse("enough", 403)

    app = Starlette(routes=[Route("/{path:path}", comments, methods=["GET", "POST", "PATCH"])])
    with ServerThread(app, certificates=certificates) as server:
        error_of(tmp_path, "comment", **github(server.url, certificates))

    assert written == ["POST"]


ANSWERS = {
    "a bomb": (gzip.compress(b" " * 200_000_000), {"content-encoding": "gzip"}, "answered more than 16 MB"),
    "two codings": (b"", {"content-encoding": "gzip, gzip"}, "answered a body with more than one Content-Encoding"),
    "lists in lists": (b"[" * 1_000_000, {}, "did not answer with JSON"),
    "no list": (b'{"message": "##vso[x]"}', {}, "did not answer with a list"),
    "entries without their fields": (b'[{"id": 1}]', {}, "lacks what its API documents"),
    "entries of another kind": (b'[{"user": 1, "body": 2}]', {}, "lacks what its API documents"),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_beyond_the_limits_is_one_line(tmp_path: Path, certificates: Certificates, what: str) -> None:
    body, headers, reason = ANSWERS[what]

    async def answer(request: Request) -> Response:
        del request
        return Response(body, headers=headers)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET"])])
    with ServerThread(app, certificates=certificates) as server:
        line = error_of(tmp_path, "comment", **github(server.url, certificates))

    assert reason in line


def test_a_redirect_is_not_followed(tmp_path: Path, certificates: Certificates) -> None:
    paths: list[str] = []

    async def redirect(request: Request) -> Response:
        paths.append(request.url.path)
        return RedirectResponse("/elsewhere")

    app = Starlette(routes=[Route("/{path:path}", redirect, methods=["GET"])])
    with ServerThread(app, certificates=certificates) as server:
        line = error_of(tmp_path, "comment", **github(server.url, certificates))

    assert "answered 307" in line
    assert len(paths) == 1

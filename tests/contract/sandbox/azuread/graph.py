"""A Graph that a test scripts, for cases that the recordings lack."""

import base64
import json
from typing import Any
from urllib.parse import unquote_plus

import httpx

BASE = "https://localhost:18443"
ME = "99999999-9999-9999-9999-999999999999"


class Script:
    """Returns scripted answers by method and path, and records the requests.

    Attributes:
        asked: The requests to Graph: method, path and query, decoded.
        bodies: The JSON bodies of the requests, in order.
        forms: The forms sent to the token endpoint.
        token_answer: The token endpoint's answer.
    """

    def __init__(self) -> None:
        """Start with only the answers for signing in."""
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.forms: list[str] = []
        self.token_answer = httpx.Response(200, json={"access_token": token(oid=ME), "expires_in": 3599})
        self._answers: dict[str, list[httpx.Response | httpx.TransportError]] = {}

    def on(self, what: str, *documents: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Answer `what` (as in `asked`) with these documents one after another; repeat the last one."""
        answers = self._answers.setdefault(what, [])
        answers += [httpx.Response(status, json=each, headers=headers) for each in documents]

    def missing(self, what: str, times: int = 1) -> None:
        """Answer that the object does not exist."""
        error = {"error": {"code": "Request_ResourceNotFound", "message": "Resource does not exist"}}
        self.on(what, *[error] * times, status=404)

    def broken(self, what: str, error: httpx.TransportError) -> None:
        """Break the connection instead of answering."""
        self._answers.setdefault(what, []).append(error)

    def done(self, what: str) -> None:
        """Answer 204 without a body."""
        self._answers.setdefault(what, []).append(httpx.Response(204))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        if request.url.path == "/metadata/endpoints":
            login = {"loginEndpoint": BASE}
            return httpx.Response(200, json={"authentication": login, "microsoftGraphResourceId": f"{BASE}/graph/"})
        if request.url.path.endswith("/oauth2/v2.0/token"):
            self.forms.append(unquote_plus(request.content.decode()))
            return self.token_answer
        what = f"{request.method} {request.url.raw_path.decode().removeprefix('/graph')}"
        what = unquote_plus(what)
        self.asked.append(what)
        if request.content:
            self.bodies.append(json.loads(request.content))
        answers = self._answers.get(what)
        if not answers:
            return httpx.Response(418, json={"error": {"code": "NotScripted", "message": what}})
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer


def token(**claimed: object) -> str:
    """Return an access token with these claims and an invalid signature, which is never checked."""
    claims = base64.urlsafe_b64encode(json.dumps(claimed).encode()).decode().rstrip("=")
    return f"e30.{claims}.sig"

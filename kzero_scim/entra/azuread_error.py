r"""Shortens what the azuread plugin and Pulumi's engine say about a failure to what happened. Contacts no service.

The official plugin reports a failure twice, once through its log (``sdk-v2/provider2.go:572: sdk.helper_schema: ...:
provider=azuread@6.11.1``) and once as its answer (``creating urn:pulumi:...: 1 error occurred:\n\t* ...``). Both become
the same text.
"""

from __future__ import annotations

import json
import re
from typing import Final

_FRAMES: Final = (
    re.compile(r"^\s*(?:sdk-v2/\S+:\d+: )?sdk\.helper_schema: "),
    re.compile(r": provider=azuread@\S+\s*$"),
    re.compile(r"\b\d+ errors? occurred:\s*\* "),
    re.compile(r"\b(?:creating|updating|deleting|reading|refreshing|importing|diffing|checking) urn:pulumi:\S+: "),
    re.compile(r"\b(?:invoke of \S+ failed|invocation of \S+ returned an error|invoking \S+|error invoking \S+): "),
    re.compile(r"\brpc error: code = \w+ desc = "),
)
_NEXT_PROBLEM: Final = re.compile(r"\s*\n\s*\* ")
_DOCUMENT: Final = re.compile(r"\{.*\}", re.DOTALL)
_DETAILS: Final = re.compile(r"\s*(?:\r|\\r|\n|Trace ID:|Correlation ID:|Timestamp:).*", re.DOTALL)
_GONE: Final = re.compile(r"\b(?:application|service principal)\b.*\bwas not found\b", re.IGNORECASE | re.DOTALL)


def without_frames(message: str) -> str:
    """Return a failure of azuread without the engine's and the plugin's frames around it.

    Of a token endpoint's JSON answer, only the description remains, without trace ID and time. Texts of other origin
    are returned as they are, as far as they have none of these frames.
    """
    before = ""
    while before != message:
        before = message
        for frame in _FRAMES:
            message = frame.sub("", message)
    message = _NEXT_PROBLEM.sub("; ", message.rstrip())
    return _DOCUMENT.sub(_description, message)


def is_gone(message: str) -> bool:
    """Return whether the failure says that Entra does not have the application or its service principal."""
    return _GONE.search(message) is not None


def _description(document: re.Match[str]) -> str:
    try:
        found = json.loads(document[0])
        description = found.get("error_description") or found["error"]["message"]
    except (ValueError, TypeError, KeyError, AttributeError):
        return document[0]
    return _DETAILS.sub("", str(description))

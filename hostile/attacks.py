"""The answers of hostile services: they echo the request, exhaust memory, stall, and lie. Knows no case."""

from __future__ import annotations

import asyncio
import base64
import gzip
import html
import json
import re
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any, Final
from urllib.parse import quote, quote_plus

from hostile.between import Asked, Attack

Form = Callable[[str], str]
FORMS: Final[dict[str, Form]] = {
    "as it is": str,
    "JSON in JSON": lambda text: json.dumps({"request": text}).replace("/", "\\/"),
    "JSON with escaped letters": lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
    "HTML": html.escape,
    "HTML with numbers": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "percent-encoded, lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "a form": quote_plus,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of its end": lambda text: base64.urlsafe_b64encode(text[-90:].encode()).decode(),
}
_MEGABYTE: Final = b" " * (1024 * 1024)
_BOMB: Final = 1500
"""Megabytes of a bomb after decompression."""


def _request(asked: Asked, form: Form) -> str:
    """Return everything that came with a request: what is secret first, because messages are shortened."""
    said = [asked.headers.get("authorization", ""), asked.body.decode(errors="replace"), asked.query]
    return form(" ".join(part for part in said if part))


def error_document(path: str, said: str) -> dict[str, Any]:
    """Return an error in the format of the service whose path this is."""
    if "/scim/" in path:
        return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "401", "detail": said}
    if path.endswith("/token"):
        return {"error": "invalid_client", "error_description": said}
    if path.startswith("/admin/"):
        return {"error": said, "errorMessage": said}
    return {"error": {"code": "Unauthorized", "message": said}}


def echo(form: str, status: int = 400, before: str = "", pieces: int = 0) -> Attack:
    """Repeat the request in the error.

    Args:
        form: The form of the repetition, a key of :data:`FORMS`.
        status: The status.
        before: Text before it.
        pieces: Bytes of each piece of the body; 0 for all at once.
    """

    async def attack(asked: Asked) -> None:
        said = before + _request(asked, FORMS[form])
        body = json.dumps(error_document(asked.path, said)).encode()
        await asked.begin(status, www_authenticate=f'Bearer error_description="{quote(said[:2000])}"')
        for start in range(0, len(body), pieces or len(body)):
            await asked.more(body[start : start + (pieces or len(body))])
        await asked.send({"type": "http.response.body", "body": b""})

    return attack


def refuse(said: str, status: int = 400) -> Attack:
    """Answer with an error whose text is this."""

    async def attack(asked: Asked) -> None:
        await asked.whole(json.dumps(error_document(asked.path, said)).encode(), status)

    return attack


def answer(body: bytes, status: int = 200, **headers: str) -> Attack:
    """Answer with this body and these headers. ``{origin}`` in either is the asked origin, ``{elsewhere}`` another."""

    async def attack(asked: Asked) -> None:
        places = {"{origin}": asked.origin, "{elsewhere}": asked.elsewhere}
        given, said = dict(headers), body
        for place, url in places.items():
            given = {name: value.replace(place, url) for name, value in given.items()}
            said = said.replace(place.encode(), url.encode())
        await asked.whole(said, status, **given)

    return attack


@cache
def _zipped(coding: str, layers: int) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS if coding == "deflate" else 16 + zlib.MAX_WBITS)
    packed = b"".join(packer.compress(_MEGABYTE) for _ in range(_BOMB)) + packer.flush()
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    return packed


def bomb(coding: str, layers: int = 1) -> Attack:
    """Answer with 1.5 GB of spaces, compressed.

    Args:
        coding: ``gzip``, ``deflate``, or one that no client accepts.
        layers: How often it is compressed.
    """

    async def attack(asked: Asked) -> None:
        await asked.whole(_zipped(coding, layers), content_encoding=", ".join([coding] * layers))

    return attack


async def endless(asked: Asked) -> None:
    """Send spaces without an end."""
    await asked.begin()
    while not asked.is_over():
        await asked.more(_MEGABYTE)
        # To a client that has left, sending returns at once.
        await asyncio.sleep(0.001)


async def endless_pages(asked: Asked) -> None:
    """Answer each page of a collection with a link to another one."""
    number = int(asked.query.rpartition("page=")[2] or 0) if "page=" in asked.query else 0
    link = f"{asked.origin}{asked.path}?page={number + 1}"
    entry = {"id": f"{number}", "principalId": f"{number}", "principalType": "User", "filler": "x" * 20_000}
    await asked.whole(json.dumps({"value": [entry] * 20, "@odata.nextLink": link}).encode())


async def silent(asked: Asked) -> None:
    """Accept the request and never answer."""
    await asked.wait()


async def after_headers(asked: Asked) -> None:
    """Send status and headers, and nothing more."""
    await asked.begin(content_length="1000")
    await asked.wait()


async def dripping(asked: Asked) -> None:
    """Send one byte per second, without an end."""
    await asked.begin()
    while not asked.is_over():
        await asked.more(b" ")
        await asked.wait(1.0)


def busy(retry_after: str, status: int = 429) -> Attack:
    """Refuse the request until later, with this Retry-After."""

    async def attack(asked: Asked) -> None:
        await asked.whole(json.dumps(error_document(asked.path, "busy")).encode(), status, retry_after=retry_after)

    return attack


def changed(change: Callable[[Any], Any]) -> Attack:
    """Answer as the real service does, with its JSON changed.

    Args:
        change: Returns the changed JSON.
    """

    async def attack(asked: Asked) -> None:
        status, headers, body = await asked.fetch()
        if body[:1] in {b"{", b"["}:
            body = json.dumps(change(json.loads(body))).encode()
        await asked.send({"type": "http.response.start", "status": status, "headers": headers})
        await asked.send({"type": "http.response.body", "body": body})

    return attack


def named(name: str, *keys: str) -> Attack:
    """Answer as the real service does, with this text as the value of these keys, wherever they are."""

    def change(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            return {
                key: name if key in keys and isinstance(inner, str) else change(inner) for key, inner in value.items()
            }
        return [change(inner) for inner in value] if isinstance(value, list) else value

    return changed(change)

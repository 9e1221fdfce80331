"""Limits on HTTP answers: compression, size, number of values and depth."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.clients import answers
from kzero_scim.clients.answers import DEEPEST, MOST_VALUES, UnacceptableAnswerError, read_json
from kzero_scim.clients.body import Body, UnreadableBodyError
from kzero_scim.clients.retries import ONCE, RetryingClient

LIMIT = 100_000


def read(coding: str | None, content: bytes, piece: int = 1000, largest: int = LIMIT) -> bytes:
    body = Body(coding, largest)
    for start in range(0, len(content), piece):
        body.add(content[start : start + piece])
        if body.is_too_large:
            break
    return body.whole()


@given(content=st.binary(max_size=5000), piece=st.integers(1, 700))
def test_one_compression_is_undone(content: bytes, piece: int) -> None:
    """Bodies of gzip and deflate are decompressed, however the body is cut into pieces."""
    assert read("gzip", gzip.compress(content), piece) == content
    assert read(" X-GZIP ", gzip.compress(content), piece) == content
    assert read("deflate", zlib.compress(content), piece) == content
    assert read("identity", content, piece) == read(None, content, piece) == content


@pytest.mark.parametrize("coding", ["gzip, gzip", "gzip,deflate", "identity, gzip", ",", "gzip, br"])
def test_more_than_one_compression_is_refused(coding: str) -> None:
    """A body that is compressed twice is not read."""
    with pytest.raises(UnreadableBodyError, match="more than one Content-Encoding"):
        Body(coding, LIMIT)


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip2", "\u0130dentity"])
def test_an_unknown_compression_is_refused(coding: str) -> None:
    """A coding that no request accepts is an error that does not quote it."""
    with pytest.raises(UnreadableBodyError, match=r"^a body with a Content-Encoding other than gzip$"):
        Body(coding, LIMIT)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{}", "cannot be decompressed"),
        (gzip.compress(b"x" * 50, mtime=0)[:-4], "without its end"),
        (gzip.compress(b"x" * (LIMIT + 1), mtime=0), "more than 97 KB"),
        (gzip.compress(b"{}", mtime=0) + b"x" * LIMIT, "more than 97 KB"),
    ],
)
def test_a_broken_or_large_compressed_body_is_refused(content: bytes, reason: str) -> None:
    """A body must be what it says, end, and be within the limit. Bytes after its end count too."""
    with pytest.raises(UnreadableBodyError, match=reason):
        read("gzip", content)


def test_an_empty_body_may_say_that_it_is_compressed() -> None:
    """Servers answer 204 and 304 with the header alone."""
    assert read("gzip", b"") == b""


def test_a_bomb_needs_no_memory_beyond_the_limit() -> None:
    """A body of 100 KB that would be 100 MB is given up at the limit of 1 MB."""
    bomb = gzip.compress(bytes(100 * 1024**2))
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableBodyError, match="more than 1 MB"):
            read("gzip", bomb, piece=len(bomb), largest=1024**2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 3 * 1024**2


class _Stream(httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


@pytest.mark.parametrize(
    ("headers", "content", "reason"),
    [
        (
            [("Content-Encoding", "gzip"), ("content-encoding", "gzip")],
            gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0),
            "one Cont",
        ),
        ([("Content-Encoding", "br")], b"{}", "other than gzip"),
        ([("Content-Encoding", "gzip")], b"{}", "cannot be decompressed"),
        ([], b" " * (answers.LARGEST + 1), "more than 16 MB"),
    ],
)
async def test_no_client_reads_such_an_answer(headers: list[tuple[str, str]], content: bytes, reason: str) -> None:
    """The shared client refuses the answer and does not repeat the request. Two headers count as two codings."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, headers=headers, stream=_Stream([content]))

    async with RetryingClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(UnacceptableAnswerError, match=reason):
            await http.get("https://service.test")

    assert [request.headers["accept-encoding"] for request in asked] == ["gzip"]


async def test_an_answer_is_decompressed_once() -> None:
    """The answer that a caller gets says nothing about compression any more."""
    stream = _Stream([gzip.compress(b'{"a": 1}')])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=stream))
    async with RetryingClient(policy=ONCE, transport=transport) as http:
        answer = await http.get("https://service.test")

    assert answer.json() == {"a": 1}
    assert "content-encoding" not in answer.headers


def dense() -> Iterator[bytes]:
    """Return documents that need far more memory than their size."""
    yield b"[" + b"[]," * MOST_VALUES + b"[]]"
    yield b"[" + b"{}," * MOST_VALUES + b"{}]"
    yield b'{"a":[' + b"0," * MOST_VALUES + b"0]}"
    yield b"{" + b",".join(b'"%d":0' % number for number in range(MOST_VALUES + 2)) + b"}"


@pytest.mark.parametrize("body", list(dense()), ids=["lists", "objects", "numbers", "keys"])
def test_too_many_values_are_refused_before_they_are_built(body: bytes) -> None:
    """Counting needs no memory."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"more than {MOST_VALUES} values"):
            read_json(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 100_000


def test_depth_is_limited() -> None:
    """64 levels are read, more are refused, and none overflows the stack."""
    assert read_json(b"[" * DEEPEST + b"]" * DEEPEST)
    for depth in (DEEPEST + 1, 900, 100_000):
        for opening, closing in ((b"[", b"]"), (b'{"a":[', b"]}")):
            with pytest.raises(ValueError, match=r"levels|nested"):
                read_json(opening * depth + closing * depth)


@pytest.mark.parametrize("body", [b"NaN", b"Infinity", b"[-Infinity]", b'{"a": 1e999}', b"-1e999", b'"\\ud800"'])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    """A number that is infinite when read breaks a later step as NaN does."""
    with pytest.raises(ValueError, match=r"not JSON|too large|surrogates"):
        read_json(body)


def test_a_large_page_is_read() -> None:
    """A page of 999 users with 100 properties each is far within the limits."""
    users = [{f"property{number}": "a, b [c] {d}" for number in range(100)} for _ in range(999)]

    assert read_json(json.dumps({"value": users}).encode())["value"] == users

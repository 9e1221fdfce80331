"""Which environment variables hold secrets, and every secret of an environment. The one list; knows no service."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote

from kzero_scim.home_folder import expanded

LARGEST: Final = 64 * 1024
"""Bytes of a file with a secret that are read."""

_SECRET: Final = re.compile(
    r"SECRET|PASSWORD|PASSWD|PASSPHRASE|TOKEN|_KEY$|_SAS$|CREDENTIAL|CERTIFICATE|ASSERTION|CONNECTION_STRING|_PAT$",
    re.IGNORECASE,
)
_NO_SECRET: Final = re.compile(r".*_(?:ID|PATH|URL|URI|FILE|DIR|EXPIRY|LIFESPAN|NAME|METHOD|ENDPOINT)", re.IGNORECASE)
_PUBLIC: Final = re.compile(
    r"REALM|USERNAME|ENVIRONMENT|HOST|REGION|ACCOUNT$|ADDR|NAMESPACE|PROJECT|CONFIRM|_USE_|_METHOD"
)
_WEBHOOK: Final = re.compile(r".*WEBHOOK.*", re.IGNORECASE)
"""Whoever knows such an address can post to it."""
_FILE: Final = re.compile(r".*(?:(?<!_ID)_FILE_PATH|CERTIFICATE_PATH|(?:TOKEN|SECRET|PASSWORD|PASSPHRASE|KEY)_FILE)")
_ADDRESS: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?[^/?#@:\s]*:(?P<password>[^/?#\s]*)@")
_BROKEN_ADDRESS: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?[^/?#@:\s]*:(?P<password>(?!\d+/)\S+)@")
"""An address whose password has characters that should have been encoded."""
_PLAIN: Final = frozenset({"true", "false"})


def is_public(name: str) -> bool:
    """Return whether a variable's value is an id, a name or an address, also in a store of secrets."""
    return not is_secret(name) and bool(_NO_SECRET.fullmatch(name) or _PUBLIC.search(name))


def is_secret(name: str) -> bool:
    """Return whether a variable's value is a secret, by its name; ``<NAME>__<TENANT>`` is as ``<NAME>``."""
    name = name.partition("__")[0] or name
    return bool(_WEBHOOK.fullmatch(name) or (_SECRET.search(name) and not _NO_SECRET.fullmatch(name)))


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a program that signs in nowhere: no secret, and no tenant's own variable."""
    return {name: value for name, value in environment.items() if "__" not in name and not is_secret(name)}


def secrets_of(environment: Mapping[str, str]) -> Iterator[str]:
    """Give every secret of an environment: values, passwords in addresses, and the contents of files."""
    for name, value in environment.items():
        if not value or value.casefold() in _PLAIN:
            continue
        if is_secret(name):
            yield value
        if _FILE.fullmatch(name.partition("__")[0]):
            yield content_of(value)
        yield from passwords_in(value, is_address=name.upper().endswith("_PROXY"))


def passwords_in(value: str, *, is_address: bool = False) -> Iterator[str]:
    """Give the passwords in an address: those of its user and of its query, as they stand and decoded.

    Args:
        value: Any text; one without ``://`` holds none,
        is_address: unless it is an address, which may lack its scheme.
    """
    if not is_address and "://" not in value:
        return
    for match in filter(None, (_ADDRESS.match(value), _BROKEN_ADDRESS.match(value))):
        yield match["password"]
        yield unquote(match["password"])
    query = value.partition("?")[2].partition("#")[0]
    for pair in query.split("&"):
        name, _, text = pair.partition("=")
        if text and (_SECRET.search(name) or name.casefold() in {"sig", "key"}):
            yield text
            yield from (decoded for _, decoded in parse_qsl(pair))


def content_of(path: str) -> str:
    """Return the text of a small regular file, ``""`` if it is none or cannot be read."""
    try:
        # A pipe would wait for its writer.
        opened = os.open(expanded(path), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(opened, "rb") as file:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                return ""
            content = file.read(LARGEST + 1)
        return content.decode() if len(content) <= LARGEST else ""
    except (OSError, ValueError):
        return ""

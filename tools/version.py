"""Parses version numbers in the output of programs."""

from __future__ import annotations

import re

Version = tuple[int, ...]

_NUMBER = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_JAVA = re.compile(r'version "(\d+)(?:\.(\d+))?')


def parse(text: str) -> Version | None:
    """Return the first version number in a text (`go version go1.25.11 linux/amd64`) as integers, or None."""
    found = _NUMBER.search(text)
    return tuple(int(part or 0) for part in found.groups()) if found else None


def java_release(text: str) -> int | None:
    """Return the feature release in `java -version`'s output (17 for `"17.0.15"`, 8 for `"1.8.0_292"`), or None."""
    found = _JAVA.search(text)
    if not found:
        return None
    first, second = found.groups()
    return int(second) if first == "1" and second else int(first)


def show(version: Version) -> str:
    """Return a version as text."""
    return ".".join(str(part) for part in version)

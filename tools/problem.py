"""What stops a set-up: one line for the person at the terminal, never a traceback."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class Problem(Exception):  # noqa: N818 - not an error of the program's, a fact about the machine
    """Something that the machine lacks or refused; its text says what, and what to do next."""


def _terminated(_number: int, _frame: FrameType | None) -> None:
    # SIGTERM's default ends Python without running a `finally`, and would leave a build running and its folder behind.
    sys.exit(128 + signal.SIGTERM)


def run_main(main: Callable[[], None]) -> None:
    """Run a script's `main`; a `Problem` becomes one line and exit code 1, an interruption one word and 130."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        main()
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)

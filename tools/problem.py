"""Reports what stops a script in one line, without a traceback."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class Problem(Exception):  # noqa: N818 - a fact about the machine, not an error of the program
    """Something that the machine lacks or refuses. The text says what it is and what to do next."""


def _terminated(_number: int, _frame: FrameType | None) -> None:
    # By default, SIGTERM ends Python without running `finally` blocks, so a build and its folder would be left behind.
    sys.exit(128 + signal.SIGTERM)


def run_main(main: Callable[[], None]) -> None:
    """Run a script's `main` function. A `Problem` ends it with one line and code 1, an interruption with code 130."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        main()
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)

"""The demo parses the sandbox's variables as a shell would."""

from __future__ import annotations

import pytest

from tools.demo import exported
from tools.problem import Problem


def test_quotes_comments_and_empty_lines_are_read_as_a_shell_reads_them() -> None:
    text = "# the sandbox\n\nexport A=1\nexport B='two words'\nexport C=\"it's\"\nexport D='a=b'\nexport E=\n"

    assert exported(text) == {"A": "1", "B": "two words", "C": "it's", "D": "a=b", "E": ""}


def test_a_line_of_another_form_is_an_error_without_the_value() -> None:
    with pytest.raises(Problem) as caught:
        exported("SECRET=hunter2\n")

    assert "SECRET" in str(caught.value)
    assert "hunter2" not in str(caught.value)

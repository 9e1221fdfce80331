"""Options of every fleet command that makes reports: the files they go to. Imports nothing that is slow to start."""

from __future__ import annotations

from typing import Annotated

import typer

CommentFile = Annotated[
    str, typer.Option("--comment", metavar="FILE", help="Write a pull request's comment, Markdown; - prints it.")
]
JunitFile = Annotated[str, typer.Option("--junit", metavar="FILE", help="Write JUnit XML; - prints it.")]
Limit = Annotated[
    str, typer.Option("--limit", metavar="PLATFORM|N", help="Longest comment: github, gitlab, azure, or characters.")
]
Link = Annotated[str, typer.Option("--link", metavar="URL", help="Where the whole run is; the comment links to it.")]

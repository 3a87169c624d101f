"""``history``: a picture of what each tag pointed at, from when to when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polly_magic.commands.command import Command, Face
from polly_magic.commands.display import utc_time
from polly_magic.commands.listing import Extent
from polly_magic.commands.names import repository
from polly_magic.commands.result import Commits
from polly_magic.references import validate_tag

if TYPE_CHECKING:
    import argparse

    import pandas as pd
    from rich.console import RenderableType

    from polly_magic.history import History

__all__ = ["COMMAND", "Drawn"]

_STYLES = {"active": "green", "inactive": "yellow", None: ""}


@dataclass(frozen=True)
class Drawn:
    """A history, which a notebook and a terminal show as a picture, and programs read as rows."""

    history: History
    columns = (*Commits.columns[:3], "replaced_at", *Commits.columns[3:])

    def notebook(self) -> History:
        """Return the picture."""
        return self.history

    def frame(self) -> pd.DataFrame:
        """Return one row a commit."""
        from polly_magic.frames import history_frame

        return history_frame(self.history.commits)

    def records(self) -> list[dict[str, Any]]:
        """Return one row a commit; ``replaced_at`` is None while it is active."""
        commits = self.history.commits
        rows = Commits(self.history.path, commits).records()
        ends = ({"replaced_at": commit.replaced_at and utc_time(commit.replaced_at)} for commit in commits)
        return [{name: (row | end)[name] for name in self.columns} for row, end in zip(rows, ends, strict=True)]

    def renderable(self) -> RenderableType:
        """Return the sketch: active commits green, inactive ones yellow."""
        from rich.console import Group
        from rich.text import Text

        lines = (((text, _STYLES[status]) for text, status in line) for line in self.history.lines())
        return Group(*(Text.assemble(*line, no_wrap=True, overflow="crop") for line in lines))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the repository, such as 16june")
    parser.add_argument("--tag", metavar="TAG", help="only this tag")


def _run(arguments: argparse.Namespace, face: Face) -> Drawn:
    from polly_magic.api import Client
    from polly_magic.history import draw

    if arguments.tag is not None:
        validate_tag(arguments.tag)
    with Client() as client:
        where = repository(arguments.name, client, note=face.note)
        commits = Extent(None).fetch(
            "commits",
            face,
            lambda limit, progress: client.commits(where.path, tag=arguments.tag, limit=limit, progress=progress),
        )
    if not commits and arguments.tag:
        face.note(f"{where.path} never had the tag {arguments.tag!r}; without --tag all tags are shown.")
    elif not commits:
        face.note(f"Nothing was pushed to {where.path} yet. Push to it: %polly_dockers push IMAGE {where.path}:latest")
    return Drawn(draw(where.repository, commits))


COMMAND = Command(
    name="history",
    summary="Draw the history of a Docker repository: which commit each tag pointed at, from when to when.",
    example="history 16june\nhistory elucidata/16june --tag latest",
    add_arguments=_add_arguments,
    run=_run,
)

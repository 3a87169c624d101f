"""``pins``: which image each notebook needs, and whether its tag has moved on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polly_magic.commands.command import Command, Face
from polly_magic.commands.display import utc_time
from polly_magic.commands.result import Rows
from polly_magic.errors import PollyError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import pandas as pd
    from rich.console import RenderableType

    from polly_magic.pinning.folder import Row

__all__ = ["COMMAND", "Pins"]


@dataclass(frozen=True)
class Pins:
    """Notebooks and their pins, in the order of their names."""

    rows: Sequence[Row]
    columns = (
        "notebook", "image", "tag", "digest", "platform", "pinned_at", "pinned_by", "state", "newer", "problem",
    )  # fmt: skip

    def frame(self) -> pd.DataFrame:
        """Return one row a notebook."""
        from polly_magic.frames import pins_frame

        return pins_frame(self.records())

    def records(self) -> list[dict[str, Any]]:
        """Return one row a notebook; times are RFC 3339 in UTC, None stands for what is not known."""
        return [dict(zip(self.columns, _values(row), strict=True)) for row in self.rows]

    def renderable(self) -> RenderableType:
        """Return a table with what a reader looks for."""
        shown = ("notebook", "image", "tag", "digest", "state", "newer", "problem")
        return Rows(shown, [[record[name] or "" for name in shown] for record in self.records()]).renderable()


def _values(row: Row) -> list[str | None]:
    pin = row.pin
    known = [pin.image, pin.tag, pin.digest, pin.platform, _when(row), pin.pinned_by] if pin else [None] * 6
    return [row.notebook, *known, row.state, row.newer, row.problem or None]


def _when(row: Row) -> str | None:
    if row.pin is None:
        return None
    # A pin that a notebook got by its cell alone knows the day.
    day = row.pin.pinned_on
    return utc_time(row.pin.pinned_at) if row.pin.pinned_at else day and f"{day}T00:00:00.000000Z"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", nargs="?", default=".", help="where to look, in all depths (here)")


def _run(arguments: argparse.Namespace, face: Face) -> Pins:
    from polly_magic.api import Client
    from polly_magic.pinning.folder import compare, find_notebooks, read_rows

    directory = Path(arguments.directory)
    notebooks = find_notebooks(directory)
    with face.progress(f"Read {len(notebooks)} notebooks") as bars:
        rows = read_rows(directory, notebooks, lambda done, total: bars.update("notebooks", done, total))
    if not rows:
        face.note(f"There are no notebooks below {directory}.")
    if any(row.pin for row in rows):
        try:
            with Client() as client:
                rows = compare(rows, client)
        except PollyError as error:
            # What the notebooks say can be listed without the service.
            rows = [replace(row, problem=row.problem or error.problem) if row.pin else row for row in rows]
    return Pins(rows)


COMMAND = Command(
    name="pins",
    summary="List all notebooks below a directory with their pins, and whether a newer commit of the tag exists.",
    example="pins\npins notebooks",
    add_arguments=_add_arguments,
    run=_run,
)

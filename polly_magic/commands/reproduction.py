"""What ``reproduce`` returns: all cells of all notebooks, and what differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polly_magic.commands.display import visible
from polly_magic.commands.result import Rows
from polly_magic.reproduce.cells import count
from polly_magic.reproduce.differences import kind_of_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from rich.console import RenderableType
    from rich.text import Text

    from polly_magic.reproduce.cells import Cell, Outcome

__all__ = ["Reproduction"]

_COLORS = {"same": "green", "different": "yellow", "error": "red", "not compared": "dim"}
_LINES = {"head": "bold", "place": "cyan", "gone": "red", "come": "green", "both": ""}
_SOURCE = 60


@dataclass(frozen=True)
class Reproduction:
    """Notebooks that were run again.

    Parameters
    ----------
    outcomes : sequence of Outcome
    failed : bool, optional
        Whether something was to be written besides, and could not be.
    """

    outcomes: Sequence[Outcome]
    failed: bool = False
    columns = ("notebook", "cell", "status", "source", "seconds", "detail", "diff")

    @property
    def exit_status(self) -> int:
        """1 where anything differs or is an error, else 0."""
        found = count(cell for _, cell in self._cells())
        return int(self.failed or found["different"] + found["error"] > 0)

    def frame(self) -> pd.DataFrame:
        """Return one row a cell."""
        from polly_magic.frames import reproduction_frame

        return reproduction_frame(self.records())

    def records(self) -> list[dict[str, Any]]:
        """Return one row a cell; ``seconds`` is None for one that did not run."""
        return [
            {
                "notebook": str(outcome.path),
                "cell": cell.number,
                "status": cell.status,
                "source": cell.source,
                "seconds": None if cell.seconds is None else round(cell.seconds, 3),
                "detail": cell.detail,
                "diff": cell.diff,
            }
            for outcome, cell in self._cells()
        ]

    def renderable(self) -> RenderableType:
        """Return the table, what differs in each cell, and the summary."""
        from rich.console import Group
        from rich.text import Text

        shown = self.columns[:-1]
        rows = [[*record.values()][:-1] for record in self.records()]
        for row in rows:
            row[3] = row[3] if len(row[3]) <= _SOURCE else f"{row[3][: _SOURCE - 3]}..."
            row[4] = "" if row[4] is None else f"{row[4]:.2f}"
        table = Rows(shown, rows, styles=[_COLORS[cell.status] for _, cell in self._cells()])
        diffs = [line for outcome, cell in self._cells() if cell.diff for line in _shown_diff(outcome, cell)]
        return Group(table.renderable(), *diffs, Text(self.summary()))

    def summary(self) -> str:
        """Return one line of counts."""
        found = count(cell for _, cell in self._cells())
        of = f" of {len(self.outcomes)} notebooks" if len(self.outcomes) > 1 else ""
        total = sum(found.values())
        words = ", ".join(f"{number} {_plural(status, number)}" for status, number in found.items())
        return f"{total} {_plural('cell', total)}{of}: {words}."

    def _cells(self) -> Iterator[tuple[Outcome, Cell]]:
        return ((outcome, cell) for outcome in self.outcomes for cell in outcome.cells)


def _plural(word: str, number: int) -> str:
    return f"{word}s" if word in ("cell", "error") and number != 1 else word


def _shown_diff(outcome: Outcome, cell: Cell) -> Iterator[Text]:
    from rich.text import Text

    yield Text(f"{visible(str(outcome.path))}, cell {cell.number}: {visible(cell.source)}", style="bold")
    for line in cell.diff.split("\n"):
        yield Text(visible(line, keep="\t"), style=_LINES[kind_of_line(line)])
    yield Text()

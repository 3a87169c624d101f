"""What was found of one code cell, and of one notebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["STATUSES", "Cell", "Outcome", "Status", "count"]

Status = Literal["same", "different", "error", "not compared"]
STATUSES: tuple[Status, ...] = ("same", "different", "error", "not compared")


@dataclass(frozen=True)
class Cell:
    """One code cell, run again.

    Parameters
    ----------
    number : int
        Among the code cells of the notebook, from 1.
    status : str
        ``same``, ``different``, ``error`` (it raised, took too long or never ran), or ``not compared`` (by its tag, or
        because the stored notebook has nothing of it).
    source : str
        Its first line that says something.
    seconds : float, optional
        How long it ran; None where it did not.
    detail : str
        Why it is an error or not compared, and what of it was not compared.
    diff : str
        Stored outputs against new ones; empty where they do not differ.
    outputs : list, optional
        The new outputs as a notebook's file has them; None where it did not run to its end.
    """

    number: int
    status: Status
    source: str
    seconds: float | None = None
    detail: str = ""
    diff: str = ""
    outputs: list[dict[str, Any]] | None = None


@dataclass(frozen=True)
class Outcome:
    """One notebook, run again.

    Parameters
    ----------
    path : pathlib.Path
    image : str
        The image that it ran in, with its digest.
    cells : sequence of Cell
        All its code cells, in their order.
    """

    path: Path
    image: str
    cells: Sequence[Cell]


def count(cells: Iterable[Cell]) -> dict[Status, int]:
    """Return how many cells there are of each status.

    Examples
    --------
    >>> count([Cell(1, "same", "1 + 1"), Cell(2, "error", "1 / 0")])
    {'same': 1, 'different': 0, 'error': 1, 'not compared': 0}
    """
    found = [cell.status for cell in cells]
    return {status: found.count(status) for status in STATUSES}

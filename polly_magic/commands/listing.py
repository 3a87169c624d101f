"""How many rows a listing shows: ``--all``, ``--latest N`` or ``--oldest N``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from polly_magic.commands.command import Face

__all__ = ["Extent", "add_extent", "extent"]

T = TypeVar("T")

_UNASKED = 20


@dataclass(frozen=True)
class Extent:
    """What part of a listing is wanted.

    Parameters
    ----------
    count : int, optional
        How many; all of them where it is left out.
    oldest_first : bool
    asked : bool
        Whether the user said so; if not, a note says what is left out.
    """

    count: int | None
    oldest_first: bool = False
    asked: bool = True

    def fetch(
        self, what: str, face: Face, call: Callable[[int | None, Callable[[int, int | None], None]], list[T]]
    ) -> list[T]:
        """Get the rows by `call` (with a limit and a progress callback), and say so where more exist than are shown."""
        with face.progress(f"Listing {what}") as bars:
            # One more than is shown tells whether there are more.
            limit = self.count if self.asked or self.count is None else self.count + 1
            rows = call(limit, lambda done, total: bars.update(what, done, total))
        if self.count is None or len(rows) <= self.count:
            return rows
        face.note(f"These are the latest {self.count} {what}; --all shows all.")
        return rows[: self.count]


def add_extent(parser: argparse.ArgumentParser, what: str) -> None:
    """Declare the flags on a parser."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--all", action="store_true", help=f"show all {what}")
    group.add_argument("--latest", type=_positive, metavar="N", help=f"show the latest N {what} (20 unless asked)")
    group.add_argument("--oldest", type=_positive, metavar="N", help=f"show the oldest N {what}")


def extent(arguments: argparse.Namespace) -> Extent:
    """Read the flags."""
    if arguments.all:
        return Extent(None)
    if arguments.oldest:
        return Extent(arguments.oldest, oldest_first=True)
    if arguments.latest:
        return Extent(arguments.latest)
    return Extent(_UNASKED, asked=False)


def _positive(text: str) -> int:
    # isdecimal alone would take digits of other scripts, and int() takes signs and underscores.
    if not (text.isascii() and text.isdecimal() and 0 < len(text) <= 9 and int(text)):
        raise argparse.ArgumentTypeError(f"N is a whole number from 1, not {text!r}")
    return int(text)

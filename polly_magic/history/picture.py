"""The history of a repository as an object that a notebook and a terminal can show."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from polly_magic.history.lanes import lanes, latest_moment
from polly_magic.history.sketch import Piece, sketch
from polly_magic.history.svg import svg
from polly_magic.history.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polly_magic.models import Commit

__all__ = ["History", "draw"]


@dataclass(frozen=True, repr=False)
class History(Timeline):
    """A timeline that a notebook shows as a picture, a terminal as a sketch, which `str` returns too."""

    def svg(self, keys: Mapping[Commit, str] | None = None) -> str:
        """Return the picture for notebooks: well-formed XML in which whatever a service said is escaped.

        Parameters
        ----------
        keys : mapping of Commit to str, optional
            What the element of a commit bears as ``data-key``.
        """
        return svg(self, keys or {})

    def lines(self, width: int | None = None) -> list[list[Piece]]:
        """Return the sketch for terminals: of each line the pieces, with the tag status of those that are in colour.

        Parameters
        ----------
        width : int, optional
            Columns; those of the terminal unless said.
        """
        return [*sketch(self, width or shutil.get_terminal_size().columns)]

    def text(self, width: int | None = None) -> str:
        """Return the sketch for terminals without colours."""
        return "\n".join("".join(text for text, _ in line).rstrip() for line in self.lines(width))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<History of {self.path}: {self.summary}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002 - IPython's protocol
        return {"text/html": self.svg(), "text/plain": self.text()}


def draw(path: str, commits: Sequence[Commit], *, now: datetime | None = None) -> History:
    """Draw the history of a repository.

    Parameters
    ----------
    path : str
        What stands above the picture; may be empty.
    commits : sequence of Commit
        Newest first, all of the tags that are to be shown.
    now : datetime, optional
        Where active commits end; the time it is unless said.

    Returns
    -------
    History

    Examples
    --------
    >>> from polly_magic.models import Commit
    >>> six, seven, eight = (datetime(2020, 6, 17, hour, tzinfo=timezone.utc) for hour in (18, 19, 20))
    >>> first = Commit("", "latest", "sha256:" + 64 * "5", "inactive", "a@b.c", six, 1, "", (), seven)
    >>> second = Commit("", "latest", "sha256:" + 64 * "3", "active", "a@b.c", seven, 1, "", ())
    >>> print(draw("elucidata/16june", [second, first], now=eight).text(70))
    elucidata/16june
    latest            ○─5555555─────────────────●━3333333━━━━━━━━━━━━━━━━━
    Jun 17, 2020 UTC  ╵18:00       ╵18:30       ╵19:00      ╵19:30     now
    ● active  ○ inactive
    """
    now = now or datetime.now(timezone.utc)
    begin = min((commit.pushed_at for commit in commits), default=now)
    # What was pushed just now has a picture too.
    end = max(latest_moment(commits, now), begin + timedelta(seconds=1))
    return History(path, tuple(lanes(commits, end)), begin, end)

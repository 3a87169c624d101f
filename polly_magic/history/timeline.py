"""What a history holds: lanes between two moments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from polly_magic.history.words import amount

if TYPE_CHECKING:
    from datetime import datetime

    from polly_magic.history.lanes import Lane
    from polly_magic.models import Commit

__all__ = ["Timeline"]


@dataclass(frozen=True)
class Timeline:
    """Which commit each tag of a repository pointed at, from when to when.

    Parameters
    ----------
    path : str
        Of the repository; what stands above the picture.
    lanes : tuple of Lane
        One a tag, the most recently active first.
    begin, end : datetime
        The times that the picture spans.
    """

    path: str
    lanes: tuple[Lane, ...]
    begin: datetime
    end: datetime

    @property
    def summary(self) -> str:
        """The number of commits and tags, in words."""
        count = sum(len(lane.segments) for lane in self.lanes)
        return f"{amount(count, 'commit')} on {amount(len(self.lanes), 'tag')}"

    @property
    def commits(self) -> list[Commit]:
        """All commits, newest first, each with its `replaced_at` also where the service did not say it."""
        found = [replace(part.commit, replaced_at=part.replaced_at) for lane in self.lanes for part in lane.segments]
        return sorted(found, key=lambda commit: commit.pushed_at, reverse=True)

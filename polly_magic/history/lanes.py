"""Commits to lanes: which commit a tag pointed at, from when to when."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from polly_magic.models import Commit

__all__ = ["Lane", "Segment", "lanes", "latest_moment"]


@dataclass(frozen=True)
class Segment:
    """The time that a tag pointed at one commit.

    Parameters
    ----------
    commit : Commit
    start : datetime
    end : datetime
        When the tag moved on; now while the commit is active; `start` where nobody knows.
    replaced_at : datetime or None
        When the tag moved on; None while the commit is active, and where nobody knows.
    """

    commit: Commit
    start: datetime
    end: datetime
    replaced_at: datetime | None


@dataclass(frozen=True)
class Lane:
    """A tag with its segments, the oldest first; no two overlap.

    Parameters
    ----------
    tag : str
    segments : tuple of Segment
    """

    tag: str
    segments: tuple[Segment, ...]


def lanes(commits: Sequence[Commit], now: datetime) -> list[Lane]:
    """Sort commits into one lane a tag, the tag that was active most recently first.

    Parameters
    ----------
    commits : sequence of Commit
        Newest first, as services list them; that decides between commits of the same time.
    now : datetime
        Where active segments end, unless a commit is from later than that by the service's clock.

    Returns
    -------
    list of Lane
        Tags that still point at a commit come first, of these the one that was pushed last.
    """
    now = latest_moment(commits, now)
    tags: dict[str, list[Commit]] = defaultdict(list)
    for commit in reversed(commits):
        tags[commit.tag].append(commit)
    found = [Lane(tag, tuple(_segments(rows, now))) for tag, rows in tags.items()]
    found.sort(key=lambda lane: lane.tag)
    found.sort(key=lambda lane: (lane.segments[-1].end, lane.segments[-1].start), reverse=True)
    return found


def latest_moment(commits: Iterable[Commit], now: datetime) -> datetime:
    """Return `now`, or the latest time that a commit knows where the clocks differ."""
    return max([now, *(max(commit.pushed_at, commit.replaced_at or commit.pushed_at) for commit in commits)])


def _segments(commits: list[Commit], now: datetime) -> Iterable[Segment]:
    commits.sort(key=lambda commit: (commit.pushed_at, commit.tag_status == "active"))
    for commit, successor in zip(commits, [*commits[1:], None], strict=True):
        start = commit.pushed_at
        following = successor.pushed_at if successor else None
        replaced_at = None if commit.tag_status == "active" else commit.replaced_at or following
        end = now if commit.tag_status == "active" else replaced_at or start
        # Whatever a service says, a tag points at one commit at a time, and no time runs backwards.
        end = max(start, end if following is None else min(end, following))
        yield Segment(commit, start, end, replaced_at)

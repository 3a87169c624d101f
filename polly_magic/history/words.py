"""What both pictures say about a segment."""

from __future__ import annotations

from datetime import timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from polly_magic.history.lanes import Lane, Segment

__all__ = ["amount", "exact", "left_out", "plain", "said", "short_digest", "shortened"]


def plain(text: str) -> str:
    r"""Return `text` as one line without what could steer a terminal, break XML or turn the text after it.

    Examples
    --------
    >>> plain("v1\x00\u202e")
    'v1��'
    """
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def shortened(text: str, most: int) -> str:
    """Return the beginning of a text that is too long."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def short_digest(segment: Segment) -> str:
    """Return seven digits, which a command takes for the whole digest."""
    return plain(segment.commit.commit_hash.rpartition(":")[2][:7])


def exact(moment: datetime) -> str:
    """Return a time as our DataFrames show it."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def amount(count: int, what: str) -> str:
    """Return a number of things.

    Examples
    --------
    >>> amount(1, "commit"), amount(2, "commit")
    ('1 commit', '2 commits')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def said(segment: Segment) -> str:
    """Return everything about a segment, in lines."""
    commit = segment.commit
    if commit.tag_status == "active":
        until = f"active since then, {_duration(segment.end - segment.start)}"
    elif segment.replaced_at is None:
        until = "replaced at a time that is not known"
    else:
        until = f"replaced {exact(segment.replaced_at)}, after {_duration(segment.end - segment.start)}"
    lines = f"{commit.tag}, {commit.tag_status}", commit.commit_hash, f"pushed by {commit.pushed_by}"
    return "\n".join(plain(line) for line in (*lines, f"pushed {exact(segment.start)}", until))


def left_out(lanes: Sequence[Lane]) -> str:
    """Return the line about lanes that there is no room for."""
    commits = sum(len(lane.segments) for lane in lanes)
    return f"{amount(len(lanes), 'more tag')} with {amount(commits, 'commit')} left out"


def _duration(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    parts: Iterable[tuple[int, str]] = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
    for size, unit in parts:
        # Two of the smaller unit say more than one of the larger.
        if seconds >= 2 * size or size == 1:
            return amount(seconds // size, unit)
    return ""

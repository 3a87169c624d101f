"""The picture of a terminal: a line of characters for each tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.history.axis import Axis, place, ticks
from polly_magic.history.words import left_out, plain, short_digest, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from polly_magic.history.axis import Tick
    from polly_magic.history.lanes import Lane, Segment
    from polly_magic.history.timeline import Timeline
    from polly_magic.models import TagStatus

__all__ = ["Piece", "sketch"]

# A piece of text with the tag status that gives its colour, where it has one.
Piece = tuple[str, "TagStatus | None"]

_MOST_LANES = 30
_LABEL_MOST = 24
_CAPTION = len("Jun 17, 2020 UTC")
_TICK_ROOM = 12
_NOW = "now"
# Of a commit: the column where it becomes active, and the columns until it is replaced.
_MARKS: dict[TagStatus, tuple[str, str]] = {"active": ("●", "━"), "inactive": ("○", "─")}


def sketch(history: Timeline, width: int) -> Iterator[list[Piece]]:
    """Draw a history in lines of characters.

    Parameters
    ----------
    history : Timeline
    width : int
        Columns; no line is wider where that is at all possible.

    Yields
    ------
    list of (str, status or None)
        The pieces of one line, with the tag status of those that are in colour.
    """
    if history.path:
        yield [(shortened(plain(history.path), max(width, 20)), None)]
    if not history.lanes:
        yield [("No commits yet", None)]
        return
    drawn, rest = history.lanes[:_MOST_LANES], history.lanes[_MOST_LANES:]
    labels = [shortened(plain(lane.tag), _LABEL_MOST) for lane in drawn]
    left = max(_CAPTION, *map(len, labels)) + 2
    columns = max(width - left, 20)
    # Below its last column, so that a tick and what starts there are one above the other.
    axis = Axis(history.begin, history.end, 0, columns - 1)
    for lane, label in zip(drawn, labels, strict=True):
        yield [(label.ljust(left), None), *_bar(lane, axis, columns)]
    caption, found = ticks(history.begin, history.end, max(1, columns // _TICK_ROOM))
    yield [(caption.ljust(left), None), (_scale(found, axis, columns), None)]
    if rest:
        yield [(left_out(rest), None)]
    yield [("● active", "active"), ("  ", None), ("○ inactive", "inactive")]


def _bar(lane: Lane, axis: Axis, columns: int) -> Iterator[Piece]:
    segments: Sequence[Segment] = lane.segments
    # Half of the lane at most: the long ones are to be seen beside a crowd of short ones.
    most = columns // 2
    earlier, segments = segments[:-most], segments[-most:]
    spans = [(round(axis.at(segment.start)), round(axis.at(segment.end))) for segment in segments]
    if spans[-1][1] == columns - 1:
        spans[-1] = spans[-1][0], columns
    if earlier:
        spans.insert(0, (round(axis.at(earlier[0].start)), round(axis.at(earlier[-1].end))))
    places = [(int(begin), int(end)) for begin, end in place(spans, 0, columns, 1)]
    edge = 0
    if earlier:
        begin, edge = places.pop(0)
        yield " " * begin + "…" * (edge - begin), None
    for segment, (begin, end) in zip(segments, places, strict=True):
        yield " " * (begin - edge), None
        yield _commit(segment, end - begin), segment.commit.tag_status
        edge = end


def _commit(segment: Segment, width: int) -> str:
    mark, line = _MARKS[segment.commit.tag_status]
    digest = short_digest(segment)
    if width < len(digest) + 4:
        return mark + line * (width - 1)
    return f"{mark}{line}{digest}".ljust(width, line)


def _scale(found: list[Tick], axis: Axis, columns: int) -> str:
    text = ""
    for tick in found:
        at = round(axis.at(tick.moment))
        if at >= len(text) + bool(text) and at + len(tick.label) + 1 < columns - len(_NOW):
            text = f"{text.ljust(at)}╵{tick.label}"
    return f"{text.ljust(columns - len(_NOW))}{_NOW}"

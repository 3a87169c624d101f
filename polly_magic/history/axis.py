"""Time across a picture: where the ticks are, and where a segment goes that would be too short to see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Axis", "Tick", "place", "ticks"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE * count for count in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * count for count in (1, 2, 3, 6, 12)),
    *(_DAY * count for count in (1, 2, 7, 14)),
)
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600)
_MONTH_DAYS = 30.44
# As in English, whatever language this machine speaks.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONDAY = datetime(1970, 1, 5, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Axis:
    """Times between two moments, drawn from `left` to `right`."""

    begin: datetime
    end: datetime
    left: float
    right: float

    def at(self, moment: datetime) -> float:
        """Return where a moment is."""
        return self.left + (self.right - self.left) * ((moment - self.begin) / (self.end - self.begin))


@dataclass(frozen=True)
class Tick:
    """A moment and what is written at it, in UTC."""

    moment: datetime
    label: str


def place(spans: Sequence[tuple[float, float]], left: float, right: float, least: float) -> list[tuple[float, float]]:
    """Give each span at least a width, by moving its neighbours as little as that takes.

    Parameters
    ----------
    spans : sequence of pairs
        In order, none over another, between `left` and `right`.
    left, right : float
        Where the lane begins and ends; it has room for as many spans of the least width.
    least : float
        The least width.

    Examples
    --------
    >>> place([(0, 50), (50, 51), (51, 100)], 0, 100, 10)
    [(0, 50), (50, 60), (60, 100)]
    >>> place([(0, 99), (99, 100), (100, 100)], 0, 100, 10)
    [(0, 80), (80, 90), (90, 100)]
    """
    placed: list[tuple[float, float]] = []
    edge = left
    for begin, end in spans:
        begin = max(begin, edge)
        edge = max(end, begin + least)
        placed.append((begin, edge))
    edge = right
    for number in reversed(range(len(placed))):
        begin, end = placed[number]
        end = min(end, edge)
        edge = min(begin, end - least)
        placed[number] = edge, end
    return placed


def ticks(begin: datetime, end: datetime, most: int) -> tuple[str, list[Tick]]:
    """Choose round moments between two.

    Returns
    -------
    str
        What the labels leave out: the day, the year, and that times are in UTC.
    list of Tick
        At most `most` and one.

    Examples
    --------
    >>> begin = datetime(2020, 6, 17, 17, 50, tzinfo=timezone.utc)
    >>> caption, found = ticks(begin, begin + timedelta(hours=1), 4)
    >>> caption, [tick.label for tick in found]
    ('Jun 17, 2020 UTC', ['18:00', '18:15', '18:30', '18:45'])
    >>> caption, found = ticks(begin, begin + timedelta(days=400), 5)
    >>> caption, [tick.label for tick in found]
    ('2020 UTC', ['Jul', 'Oct', '2021', 'Apr', 'Jul'])
    """
    begin, end = begin.astimezone(timezone.utc), end.astimezone(timezone.utc)
    span = (end - begin).total_seconds()
    for step in _STEPS:
        if span <= step * most:
            caption = f"{begin.year} UTC" if step >= _DAY else f"{_day(begin)}, {begin.year} UTC"
            return caption, [*_seconds(begin, end, step)]
    for step in _MONTH_STEPS:
        if span <= step * most * _MONTH_DAYS * _DAY:
            return "UTC" if step >= 12 else f"{begin.year} UTC", [*_months(begin, end, step)]
    return "UTC", []


def _seconds(begin: datetime, end: datetime, step: int) -> Iterator[Tick]:
    width = timedelta(seconds=step)
    moment = _MONDAY - (_MONDAY - begin) // width * width  # rounded up
    year = begin.year
    while moment <= end:
        if step < _DAY and moment.time() != datetime.min.time():
            label = f"{moment:%H:%M:%S}" if step < _MINUTE else f"{moment:%H:%M}"
        else:
            label = _day(moment) if moment.year == year else f"{_day(moment)}, {moment.year}"
            year = moment.year
        yield Tick(moment, label)
        moment += width


def _months(begin: datetime, end: datetime, step: int) -> Iterator[Tick]:
    count = begin.year * 12 + begin.month - 1
    count -= count % step
    while (moment := datetime(count // 12, count % 12 + 1, 1, tzinfo=timezone.utc)) <= end:
        if moment >= begin:
            yield Tick(moment, _MONTHS[moment.month - 1] if moment.month > 1 else str(moment.year))
        count += step


def _day(moment: datetime) -> str:
    return f"{_MONTHS[moment.month - 1]} {moment.day}"

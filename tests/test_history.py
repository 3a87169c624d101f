"""Lanes out of commits, and what the two pictures say of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polly_magic.history import History, draw, lanes
from polly_magic.history.axis import Axis, place, ticks
from polly_magic.models import Commit

if TYPE_CHECKING:
    from polly_magic.models import TagStatus

PATH = "docker.polly.elucidata.io/elucidata/16june"
SVG = "{http://www.w3.org/2000/svg}"
NOON = datetime(2020, 6, 17, 12, tzinfo=timezone.utc)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2022, 1, 1), timezones=st.just(timezone.utc))


def after(**length: float) -> datetime:
    return NOON + timedelta(**length)


def commit(
    number: int,
    pushed_at: datetime,
    status: TagStatus = "inactive",
    replaced_at: datetime | None = None,
    tag: str = "latest",
    pushed_by: str = "ada@elucidata.io",
) -> Commit:
    digest = f"sha256:{number:07d}{57 * 'a'}"
    return Commit(PATH, tag, digest, status, pushed_by, pushed_at, 1, "", (), replaced_at)


def numbers(found: list[Commit]) -> list[int]:
    return [int(each.commit_hash[7:14]) for each in found]


def spans(commits: list[Commit], now: datetime) -> list[tuple[str, list[tuple[int, datetime, datetime]]]]:
    return [
        (lane.tag, [(*numbers([part.commit]), part.start, part.end) for part in lane.segments])
        for lane in lanes(commits, now)
    ]


def bars(history: History, kind: str = "segment") -> list[tuple[float, float]]:
    """Return left and right of the bars, lane by lane."""
    groups = [group for group in ET.fromstring(history.svg()).iter(f"{SVG}g") if kind in group.get("class", "").split()]
    rectangles = [group.find(f"{SVG}rect") for group in groups]
    return [
        (float(r.get("x", "")), float(r.get("x", "")) + float(r.get("width", ""))) for r in rectangles if r is not None
    ]


def texts(history: History, kind: str = "text") -> list[str]:
    return [element.text or "" for element in ET.fromstring(history.svg()).iter(f"{SVG}{kind}")]


# lanes


def test_overwritten_tag_is_one_lane_of_segments_from_push_to_replacement() -> None:
    commits = [commit(2, after(hours=1), "active"), commit(1, NOON, replaced_at=after(hours=1))]
    assert spans(commits, after(hours=3)) == [
        ("latest", [(1, NOON, after(hours=1)), (2, after(hours=1), after(hours=3))]),
    ]
    assert draw(PATH, commits, now=after(hours=3)).commits == commits


def test_next_commit_of_the_tag_tells_the_end_that_the_service_does_not() -> None:
    commits = [
        commit(3, after(hours=2), "active"),
        commit(4, after(hours=1), "active", tag="v1"),
        commit(1, NOON),
    ]
    history = draw(PATH, commits, now=after(hours=3))
    (first, _), _ = (lane.segments for lane in history.lanes)
    assert (first.end, first.replaced_at) == (after(hours=2), after(hours=2))
    assert [each.replaced_at for each in history.commits] == [None, None, after(hours=2)]


def test_end_that_nobody_knows_is_said_and_still_seen() -> None:
    history = draw(PATH, [commit(2, after(hours=1), "active", tag="v1"), commit(1, NOON)], now=after(hours=2))
    (segment,) = history.lanes[1].segments
    assert (segment.start, segment.end, segment.replaced_at) == (NOON, NOON, None)
    assert "replaced at a time that is not known" in "".join(texts(history, "title"))
    left, right = bars(history)[1]
    assert right - left == pytest.approx(5)


def test_lane_of_the_most_recently_active_tag_is_first() -> None:
    commits = [
        commit(1, NOON, "active", tag="old-and-active"),
        commit(2, after(hours=1), replaced_at=after(hours=5), tag="dead-late"),
        commit(3, after(hours=2), replaced_at=after(hours=4), tag="dead-early"),
        commit(4, after(hours=3), "active", tag="new"),
    ]
    order = ["new", "old-and-active", "dead-late", "dead-early"]
    assert [lane.tag for lane in lanes(commits, after(hours=9))] == order
    assert [lane.tag for lane in lanes(commits[::-1], after(hours=9))] == order


def test_commits_of_one_time_keep_the_order_of_the_service() -> None:
    commits = [commit(3, NOON, "active"), commit(2, NOON), commit(1, NOON)]
    assert spans(commits, after(hours=1)) == [
        ("latest", [(1, NOON, NOON), (2, NOON, NOON), (3, NOON, after(hours=1))]),
    ]


def test_clock_that_is_behind_the_service_gives_no_time_backwards() -> None:
    history = draw(PATH, [commit(1, NOON, "active")], now=NOON - timedelta(minutes=5))
    (segment,) = history.lanes[0].segments
    assert (history.begin, history.end) == (NOON, after(seconds=1))
    assert (segment.start, segment.end) == (NOON, after(seconds=1))
    assert spans([commit(1, NOON, "active")], after(hours=-1)) == [("latest", [(1, NOON, NOON)])]
    later = [commit(2, after(hours=2), "active", tag="v1"), commit(1, NOON, "active")]
    assert spans(later, NOON)[1] == ("latest", [(1, NOON, after(hours=2))])
    backwards = [commit(2, after(hours=1), "active"), commit(1, NOON, replaced_at=after(hours=-1))]
    assert spans(backwards, after(hours=2))[0][1][0] == (1, NOON, NOON)


def test_two_active_commits_of_one_tag_do_not_overlap() -> None:
    # The first page was read before a push and the second one after it.
    commits = [commit(2, after(hours=1), "active"), commit(1, NOON, "active")]
    assert spans(commits, after(hours=2)) == [
        ("latest", [(1, NOON, after(hours=1)), (2, after(hours=1), after(hours=2))]),
    ]


@given(st.lists(st.tuples(MOMENTS, st.none() | MOMENTS, st.sampled_from("ab"), st.booleans()), max_size=30), MOMENTS)
def test_whatever_a_service_says_no_segment_is_lost_or_over_another(
    rows: list[tuple[datetime, datetime | None, str, bool]], now: datetime
) -> None:
    commits = [
        commit(number, pushed, "active" if active else "inactive", replaced, tag)
        for number, (pushed, replaced, tag, active) in enumerate(rows)
    ]
    history = draw(PATH, commits, now=now)
    assert sorted(numbers(history.commits)) == [*range(len(rows))]
    for lane in history.lanes:
        edge = history.begin
        for segment in lane.segments:
            assert edge <= segment.start <= segment.end <= history.end
            edge = segment.end
    ET.fromstring(history.svg())
    assert all(len(line) <= 80 for line in history.text(80).splitlines())


# the axis


@given(st.lists(st.integers(0, 1000), max_size=60), st.integers(1, 10))
def test_every_span_gets_its_least_width_in_order_and_inside(ends: list[int], least: int) -> None:
    ends = sorted(ends)
    pairs = [(float(begin), float(end)) for begin, end in pairwise(ends)]
    edge = 0.0
    for begin, end in place(pairs, 0, 1000, least):
        assert begin >= edge - 1e-9
        assert end - begin >= least - 1e-9
        edge = end
    assert edge <= 1000


def test_spans_that_are_wide_enough_stay_where_they_are() -> None:
    assert place([(10, 30), (30, 60)], 0, 100, 5) == [(10, 30), (30, 60)]


@pytest.mark.parametrize(
    ("length", "caption", "labels"),
    [
        ({"seconds": 3}, "Jun 17, 2020 UTC", ["12:00:00", "12:00:01", "12:00:02", "12:00:03"]),
        ({"minutes": 10}, "Jun 17, 2020 UTC", ["12:00", "12:02", "12:04", "12:06", "12:08", "12:10"]),
        ({"hours": 30}, "Jun 17, 2020 UTC", ["12:00", "18:00", "Jun 18", "06:00", "12:00", "18:00"]),
        ({"days": 30}, "2020 UTC", ["Jun 22", "Jun 29", "Jul 6", "Jul 13"]),
        ({"days": 300}, "2020 UTC", ["Jul", "Sep", "Nov", "2021", "Mar"]),
        ({"days": 3000}, "UTC", ["2022", "2024", "2026", "2028"]),
        ({"days": 60000}, "UTC", ["2050", "2100", "2150"]),
    ],
)
def test_ticks_are_at_round_times(length: dict[str, float], caption: str, labels: list[str]) -> None:
    said, found = ticks(NOON, after(**length), 6)
    assert (said, [tick.label for tick in found]) == (caption, labels)
    assert all(NOON <= tick.moment <= after(**length) for tick in found)


def test_days_of_another_year_say_so() -> None:
    begin = datetime(2020, 12, 20, tzinfo=timezone.utc)
    assert [tick.label for tick in ticks(begin, begin + timedelta(days=25), 6)[1]] == [
        "Dec 21", "Dec 28", "Jan 4, 2021", "Jan 11",
    ]  # fmt: skip


def test_times_of_other_zones_are_written_in_utc() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    assert [tick.label for tick in ticks(NOON.astimezone(zone), after(hours=2).astimezone(zone), 2)[1]] == [
        "12:00", "13:00", "14:00",
    ]  # fmt: skip


def test_time_is_linear_across_the_axis() -> None:
    axis = Axis(NOON, after(hours=4), 100, 500)
    assert [axis.at(after(hours=hours)) for hours in (0, 1, 4)] == [100, 200, 500]


# the picture of a notebook


def test_bars_are_as_long_as_the_times() -> None:
    commits = [commit(2, after(hours=1), "active"), commit(1, NOON, replaced_at=after(hours=1))]
    first, second = bars(draw(PATH, commits, now=after(hours=4)))
    # An hour and three hours of four between 116 and 740, a pixel between two.
    assert first == pytest.approx((116.5, 271.5))
    assert second == pytest.approx((272.5, 739.5))


def test_shortest_commit_of_a_year_can_be_pointed_at() -> None:
    commits = [commit(1, NOON, replaced_at=after(days=364))]
    commits += [commit(2, after(days=364), replaced_at=after(days=364, seconds=1))]
    commits += [commit(3, after(days=364, seconds=1), "active")]
    found = bars(draw(PATH, commits[::-1], now=after(days=364, seconds=2)))
    assert all(right - left > 4.9 for left, right in found)
    assert all(one[1] < other[0] for one, other in pairwise(found))
    assert found[-1][1] < 740


def test_picture_says_who_and_when_of_each_commit() -> None:
    commits = [commit(2, after(hours=1), "active"), commit(1, NOON, replaced_at=after(hours=1))]
    tag, first, second = texts(draw(PATH, commits, now=after(days=3)), "title")
    assert tag == "latest"
    assert first.split("\n") == [
        "latest, inactive",
        f"sha256:0000001{57 * 'a'}",
        "pushed by ada@elucidata.io",
        "pushed 2020-06-17 12:00:00 UTC",
        "replaced 2020-06-17 13:00:00 UTC, after 60 minutes",
    ]
    assert second.split("\n")[-2:] == ["pushed 2020-06-17 13:00:00 UTC", "active since then, 2 days"]


def test_digest_is_written_where_it_fits() -> None:
    commits = [commit(2, after(minutes=1), "active"), commit(1, NOON, replaced_at=after(minutes=1))]
    shown = texts(draw(PATH, commits, now=after(hours=1)))
    assert "0000002" in shown
    assert "0000001" not in shown


def test_picture_is_named_for_those_who_do_not_see_it() -> None:
    picture = ET.fromstring(draw(PATH, [commit(1, NOON, "active")], now=after(hours=1)).svg())
    assert picture.get("role") == "img"
    assert picture.get("aria-label") == f"History of {PATH}: 1 commit on 1 tag"


def test_many_tags_are_cut_with_a_line_that_says_so() -> None:
    commits = [commit(number, after(hours=number), "active", tag=f"t{number}") for number in range(2000)]
    history = draw(PATH, commits[::-1], now=after(hours=2000))
    assert len(bars(history)) == 12
    assert texts(history)[-1] == "1,988 more tags with 1,988 commits left out"
    assert texts(history, "title")[0] == "t1999"
    lines = history.text(80).splitlines()
    assert lines[-2:] == ["1,970 more tags with 1,970 commits left out", "● active  ○ inactive"]
    assert len(lines) == 1 + 30 + 3


def test_many_commits_of_a_tag_stay_apart_and_the_earlier_ones_are_counted() -> None:
    commits = [commit(number, after(seconds=number)) for number in range(999)]
    commits.append(commit(999, after(seconds=999), "active"))
    history = draw(PATH, commits[::-1], now=after(days=1))
    found = bars(history)
    assert len(found) == 60
    assert all(right - left > 4.9 for left, right in found)
    assert len(bars(history, "earlier")) == 1
    assert "940 earlier commits of latest" in texts(history, "title")
    assert found[-1][1] - found[-1][0] > 200  # the day is still seen beside the 59 seconds


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "</title></g></svg><img src=x onerror=alert(1)>",
        "\"' onload='alert(1)",
        "&lt;b&gt; &amp; ]]> <!-- <![CDATA[",
        "nul\x00 escape\x1b[31m turn\u202e lone\udc80 no\uffff",
        "line\nbreak",
    ],
)
def test_what_a_service_says_is_text_and_never_markup(hostile: str) -> None:
    plain = draw(PATH, [commit(1, NOON, "active", tag="v1", pushed_by="a@b.c")], now=after(hours=1))
    pushed = Commit(hostile, hostile, hostile, "active", hostile, NOON, 1, hostile, (hostile,))
    history = draw(hostile, [pushed], now=after(hours=1))
    svg = history.svg({pushed: hostile if hostile.isprintable() else "key"})
    svg.encode()

    def elements(text: str) -> list[tuple[str, list[str]]]:
        return [(element.tag, sorted({*element.keys()} - {"data-key"})) for element in ET.fromstring(text).iter()]

    assert elements(svg) == elements(plain.svg())
    said = "".join(character if character.isprintable() else "\ufffd" for character in hostile)
    titles = [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}title")]
    assert titles[0] == said
    assert titles[1].split("\n")[1:3] == [said, f"pushed by {said}"]
    assert history.text(200).replace("\n", "").isprintable()


# the sketch of a terminal


def test_sketch_of_a_small_history() -> None:
    commits = [
        commit(4, after(hours=7), "active"),
        commit(3, after(hours=6), "active", tag="v1"),
        commit(2, after(hours=6), replaced_at=after(hours=7)),
        commit(1, NOON, replaced_at=after(hours=6)),
        commit(0, NOON, replaced_at=after(hours=1), tag="gone"),
    ]
    assert draw("elucidata/16june", commits, now=after(hours=12)).text(68) == (
        "elucidata/16june\n"
        "latest            ○─0000001───────────────○────●━0000004━━━━━━━━━━━━\n"
        "v1                                        ●━0000003━━━━━━━━━━━━━━━━━\n"
        "gone              ○───\n"
        "Jun 17, 2020 UTC  ╵12:00      ╵15:00      ╵18:00       ╵21:00    now\n"
        "● active  ○ inactive"
    )


def test_sketch_of_nothing() -> None:
    assert str(draw("elucidata/16june", [])) == "elucidata/16june\nNo commits yet"


@pytest.mark.parametrize("width", [1, 40, 80, 200])
def test_sketch_keeps_to_the_width_where_that_can_be(width: int) -> None:
    commits = [commit(number, after(days=number), tag=f"{number}{50 * 'x'}") for number in range(5)]
    lines = draw(PATH, commits, now=after(days=9)).text(width).splitlines()
    assert max(map(len, lines)) <= max(width, 46)


def test_notebook_gets_both_pictures() -> None:
    history = draw(PATH, [commit(1, NOON, "active")], now=after(hours=1))
    assert history._repr_mimebundle_() == {"text/html": history.svg(), "text/plain": history.text()}
    assert repr(history) == f"<History of {PATH}: 1 commit on 1 tag>"

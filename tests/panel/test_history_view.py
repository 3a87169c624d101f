"""The history to choose from, without a browser: what it sends and what it makes of an answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from polly_magic.models import Commit
from polly_magic.panel.history_view import HistoryView

if TYPE_CHECKING:
    from polly_magic.models import TagStatus

SVG = "{http://www.w3.org/2000/svg}"
NOON = datetime(2020, 6, 17, 12, tzinfo=timezone.utc)


def commit(hour: int, status: TagStatus = "inactive", tag: str = "latest") -> Commit:
    moment = NOON + timedelta(hours=hour)
    return Commit("h/o/16june", tag, f"sha256:{hour:064x}", status, "ada@elucidata.io", moment, 1, "", ())


COMMITS = [commit(3, "active"), commit(2, "active", "v1"), commit(1), commit(0)]


def keys(view: HistoryView) -> dict[str, str]:
    """Return what the picture says: the key of each digest."""
    groups = [group for group in ET.fromstring(view.picture).iter(f"{SVG}g") if "data-key" in group.keys()]  # noqa: SIM118 - an element
    return {(group.findtext(f"{SVG}title") or "").split("\n")[1]: group.get("data-key", "") for group in groups}


@pytest.fixture
def view() -> HistoryView:
    return HistoryView(COMMITS)


def click(view: HistoryView, each: Commit) -> None:
    view.set_state({"selected": keys(view)[each.commit_hash]})


def test_every_commit_of_the_picture_can_be_selected_by_its_key(view: HistoryView) -> None:
    assert len(keys(view)) == len(set(keys(view).values())) == 4
    seen: list[Commit | None] = []
    view.observe(lambda change: seen.append(change.new), "commit")
    for each in COMMITS:
        click(view, each)
    assert seen == COMMITS


def test_selection_from_python_is_marked_in_the_picture(view: HistoryView) -> None:
    view.commit = COMMITS[2]
    assert view.selected == keys(view)[COMMITS[2].commit_hash]
    view.commit = None
    assert view.selected == ""


def test_other_commits_keep_the_choice_where_it_is_among_them(view: HistoryView) -> None:
    view.commit = COMMITS[0]
    replaced = replace(COMMITS[0], tag_status="inactive", replaced_at=NOON + timedelta(hours=4))
    view.show([commit(4, "active"), replaced, *COMMITS[1:]])
    assert view.commit == replaced
    assert view.selected == keys(view)[replaced.commit_hash]
    view.show(COMMITS[1:])
    assert (view.commit, view.selected) == (None, "")


def test_click_on_a_picture_of_before_selects_nothing(view: HistoryView) -> None:
    stale = keys(view)[COMMITS[0].commit_hash]
    view.show(COMMITS[1:])
    view.set_state({"selected": stale})
    assert (view.commit, view.selected) == (None, "")


def test_commit_that_is_not_shown_cannot_be_selected(view: HistoryView) -> None:
    seen: list[Commit | None] = []
    view.observe(lambda change: seen.append(change.new), "commit")
    view.commit = commit(9)
    assert (view.commit, view.selected, seen) == (None, "", [])


def test_commit_without_room_in_the_picture_is_a_choice_of_python() -> None:
    commits = [commit(hour, "active", f"t{hour}") for hour in range(40)]
    view = HistoryView(commits[::-1])
    assert len(keys(view)) == 12
    view.commit = commits[0]
    assert view.commit == commits[0]


def test_nothing_pushed_yet_is_a_picture_too() -> None:
    assert "No commits yet" in HistoryView().picture


def test_hostile_texts_stay_text() -> None:
    hostile = "</title></g></svg><img src=x onerror=alert(1)>\x00\udc80"
    view = HistoryView([Commit(hostile, hostile, hostile, "active", hostile, NOON, 1, "", ())], hostile)
    assert {element.tag for element in ET.fromstring(view.picture).iter()} == {
        f"{SVG}{name}" for name in ("svg", "style", "text", "title", "g", "rect", "path")
    }
    (key,) = keys(view).values()
    assert key.isalnum()
    view.set_state({"selected": key})
    assert view.commit is not None
    assert view.commit.tag == hostile

"""Columns, their types, and what a notebook shows of them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from polly_magic.frames import commits_frame, history_frame, html, repositories_frame
from polly_magic.models import Commit, Repository

if TYPE_CHECKING:
    from polly_magic.models import TagStatus

HOST = "docker.polly.elucidata.io"
PUSHED_AT = datetime(2020, 6, 17, 19, 3, 35, 123456, tzinfo=timezone.utc)
REPOSITORY_TYPES = {
    "repository": "string",
    "description": "string",
    "created_by": "string",
    "created_at": "datetime64[ns, UTC]",
    "access": "category",
}
COMMIT_TYPES = {
    "tag": "string",
    "pushed_by": "string",
    "pushed_at": "datetime64[ns, UTC]",
    "commit_hash": "string",
    "tag_status": "category",
    "size": "Int64",
    "platforms": "string",
    "pull_path": "string",
}


def commit(number: int = 0, status: TagStatus = "active") -> Commit:
    return Commit(
        f"{HOST}/elucidata/16june",
        "latest",
        f"sha256:{number:064x}",
        status,
        "ada@elucidata.io",
        PUSHED_AT - timedelta(hours=number),
        72_843_210,
        "application/vnd.oci.image.index.v1+json",
        ("linux/amd64", "linux/arm64"),
    )


def repository(description: str = "", access: str = "private") -> Repository:
    return Repository(f"{HOST}/elucidata/16june", description, "ada@elucidata.io", PUSHED_AT, access)  # type: ignore[arg-type]


class Table(HTMLParser):
    """The cells of a table, and the elements and styles that are in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.ids: dict[str, str] = {}
        self.tags: set[str] = set()
        self.rest = ""
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._cell = True
            self.rows[-1].append("")
            self.ids[dict(attrs).get("id") or ""] = ""
            self._id = dict(attrs).get("id") or ""
        elif tag == "p":
            self._cell = False

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[-1][-1] += data
            self.ids[self._id] += data
        else:
            self.rest += data


def shown(frame: pd.DataFrame) -> Table:
    text = html(frame)
    assert text is not None
    return Table(text)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_columns_and_types_are_the_same_for_any_number_of_rows(rows: int) -> None:
    repositories = repositories_frame([repository()] * rows)
    commits = commits_frame([commit()] * rows)
    assert {name: str(dtype) for name, dtype in repositories.dtypes.items()} == REPOSITORY_TYPES
    assert {name: str(dtype) for name, dtype in commits.dtypes.items()} == COMMIT_TYPES
    assert list(repositories) == list(REPOSITORY_TYPES)
    assert list(commits) == list(COMMIT_TYPES)
    assert list(repositories["access"].cat.categories) == ["private", "public"]
    assert list(commits["tag_status"].cat.categories) == ["active", "inactive"]
    assert type(repositories) is type(commits) is pd.DataFrame
    assert len(repositories) == len(commits) == rows
    assert list(commits.index) == list(range(rows))


def test_values_are_those_of_the_models_in_their_order() -> None:
    frame = commits_frame([commit(0), commit(1, "inactive")])
    assert frame["pushed_at"].iloc[0] == pd.Timestamp("2020-06-17 19:03:35.123456", tz="UTC")
    assert list(frame["tag_status"]) == ["active", "inactive"]
    assert list(frame["platforms"]) == ["linux/amd64, linux/arm64"] * 2
    assert frame["size"].sum() == 2 * 72_843_210
    assert list(frame["pull_path"]) == [
        f"{HOST}/elucidata/16june:latest",
        f"{HOST}/elucidata/16june@sha256:{1:064x}",
    ]
    row = repositories_frame([repository("a", "public")]).iloc[0].to_dict()
    assert row == {
        "repository": f"{HOST}/elucidata/16june",
        "description": "a",
        "created_by": "ada@elucidata.io",
        "created_at": pd.Timestamp(PUSHED_AT),
        "access": "public",
    }


def test_history_has_the_columns_of_commits_and_when_each_was_replaced() -> None:
    ended = replace(commit(1, "inactive"), replaced_at=PUSHED_AT)
    frame = history_frame([commit(0), ended])
    assert list(frame["replaced_at"]) == [pd.NaT, pd.Timestamp(PUSHED_AT)]
    pd.testing.assert_frame_equal(frame.drop(columns="replaced_at"), commits_frame([commit(0), ended]))
    for rows in ([], [commit()], [ended]):
        types = {name: str(dtype) for name, dtype in history_frame(rows).dtypes.items()}
        assert types == COMMIT_TYPES | {"replaced_at": "datetime64[ns, UTC]"}
    assert shown(frame).rows[2][4] == "2020-06-17 19:03:35 UTC"


def test_an_empty_frame_joins_and_concatenates_with_a_full_one() -> None:
    both = pd.concat([commits_frame([]), commits_frame([commit()])], ignore_index=True)
    assert {name: str(dtype) for name, dtype in both.dtypes.items()} == COMMIT_TYPES


class TestHtml:
    def test_cells_read_as_people_read(self) -> None:
        table = shown(commits_frame([commit(1, "inactive")]))
        assert table.rows[0][1:] == list(COMMIT_TYPES)
        assert table.rows[1] == [
            "0",
            "latest",
            "ada@elucidata.io",
            "2020-06-17 18:03:35 UTC",
            f"sha256:{1:064x}",
            "inactive",
            "72.8 MB",
            "linux/amd64, linux/arm64",
            f"{HOST}/elucidata/16june@sha256:{1:064x}",
        ]

    def test_an_active_tag_is_green_and_an_inactive_one_yellow(self) -> None:
        text = html(commits_frame([commit(0), commit(1, "inactive"), commit(2, "inactive")])) or ""
        ids = {value: key for key, value in Table(text).ids.items()}
        rules = dict(re.findall(r"((?:#\S+,? ?)+) \{\s*background-color: rgba\((\d+, \d+, \d+), 0.3\);", text))
        (green,) = [rule for rule, color in rules.items() if color == "46, 160, 67"]
        (yellow,) = [rule for rule, color in rules.items() if color == "214, 168, 0"]
        assert green == f"#{ids['active']}"
        assert len(yellow.split(", ")) == 2
        assert f"#{ids['inactive']}" in yellow.split(", ")

    def test_colour_follows_the_column_wherever_it_stands_and_survives_filtering(self) -> None:
        frame = commits_frame([commit(0), commit(1, "inactive")])
        assert "214, 168, 0" in (html(frame[frame["tag_status"] == "inactive"][["tag_status"]]) or "")
        assert "rgba" not in (html(frame[["tag"]]) or "")

    def test_nothing_in_a_cell_heading_or_index_is_markup(self) -> None:
        bad = "<img src=x onerror=alert(1)>&amp;</td>"
        frame = repositories_frame([repository(bad)])
        frame[bad] = bad
        frame.index = pd.Index([bad])
        table = shown(frame)
        assert "img" not in table.tags
        assert table.rows[1].count(bad) == 3
        assert table.rows[0].count(bad) == 1

    def test_long_frames_are_cut_in_the_middle_as_pandas_does(self) -> None:
        frame = commits_frame([commit(number, "inactive") for number in range(100)])
        with pd.option_context("display.max_rows", 20, "display.min_rows", 6):
            table = shown(frame)
            theirs = Table(frame._repr_html_() or "")  # type: ignore[operator]
        assert [row[0] for row in table.rows[1:]] == ["0", "1", "2", "...", "97", "98", "99"]
        assert [row[0] for row in theirs.rows[1:]] == [row[0] for row in table.rows[1:]]
        assert set(table.rows[4]) == {"..."}
        assert "100 rows × 8 columns" in table.rest
        with pd.option_context("display.max_rows", None):
            assert len(shown(frame).rows) == 101
        with pd.option_context("display.max_rows", 5, "display.min_rows", 10):
            assert len(shown(frame).rows) == 1 + 2 + 1 + 2
        assert "rows ×" not in shown(frame.head(60)).rest

    def test_a_long_description_is_cut_and_a_digest_is_not(self) -> None:
        table = shown(repositories_frame([repository("x" * 200)]))
        assert table.rows[1][2] == "x" * 47 + "..."
        assert f"sha256:{5:064x}" in shown(commits_frame([commit(5)])).rows[1]

    def test_an_empty_one_has_its_columns(self) -> None:
        assert [row[1:] for row in shown(commits_frame([])).rows] == [list(COMMIT_TYPES)]

    def test_the_same_rows_give_the_same_text_and_others_another(self) -> None:
        assert html(commits_frame([commit(1)])) == html(commits_frame([commit(1)]))
        table_id = re.compile(r'<table id="(\w+)"')
        ids = {table_id.search(html(commits_frame([commit(number)])) or "")[1] for number in range(3)}  # type: ignore[index]
        assert len(ids) == 3

    @pytest.mark.parametrize(
        "reshape",
        [
            lambda frame: frame.iloc[[0, 0, 1]],
            lambda frame: frame.sort_values("size"),
            lambda frame: frame.set_index("commit_hash"),
            lambda frame: frame.describe(),
            lambda frame: frame.groupby("tag_status", observed=False)[["size"]].mean(),
            lambda frame: frame.assign(size=None, pushed_at=pd.NaT, tag_status=pd.NA),
            lambda frame: frame.reindex([0, 7]),
            lambda frame: frame[[]],
            lambda frame: frame[["tag", "tag"]],
            lambda frame: frame.T,
            lambda frame: frame.assign(more=[[1, "<b>"], {"a": 1}]),
        ],
    )
    def test_what_a_reader_makes_of_a_frame_is_shown_without_an_error(self, reshape: object) -> None:
        frame = reshape(commits_frame([commit(0), commit(1, "inactive")]))  # type: ignore[operator]
        assert "<b>" not in (html(frame) or "")
        assert frame.attrs == {"polly_magic": True}

    def test_other_frames_and_other_shapes_are_left_to_pandas(self) -> None:
        ours = commits_frame([commit(0)])
        assert html(pd.DataFrame({"tag_status": ["active"]})) is None
        assert html(ours.set_index(["tag", "commit_hash"])) is None
        with pd.option_context("display.max_columns", 5):
            assert html(ours) is None

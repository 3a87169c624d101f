"""What a terminal shows of results, and what programs read."""

from __future__ import annotations

import io
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from polly_magic.commands.result import Commits, Created, Repositories, Rows
from polly_magic.models import Commit, Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polly_magic.commands import Result

PATH = "docker.polly.elucidata.io/elucidata/16june"
ACTIVE = "sha256:39eda93d15866957feaee28f8fc5adb545276a64147445c64992ef69804dbf01"
INACTIVE = "sha256:5747316366b8cc9e3021cd7286f42b2d6d81e3d743e2ab571f55bcd5df788cc8"
PUSHED = datetime(2020, 6, 17, 19, 3, 35, 250000, tzinfo=timezone.utc)
MEDIA = "application/vnd.oci.image.manifest.v1+json"
COMMITS = Commits(
    PATH,
    [
        Commit(PATH, "latest", ACTIVE, "active", "ada@elucidata.io", PUSHED, 1200, MEDIA, ("linux/amd64",)),
        Commit(PATH, "latest", INACTIVE, "inactive", "ada@elucidata.io", PUSHED, 1000, MEDIA, ()),
    ],
)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def repository(path: str = PATH, description: str = "RNA-seq") -> Repository:
    return Repository(
        path, description, "ada@elucidata.io", datetime(2020, 7, 9, 15, 56, 49, tzinfo=timezone.utc), "private"
    )


def shown(result: Result, width: int = 200, *, color: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=color, color_system="standard" if color else None)
    console.print(result.renderable())
    return out.getvalue()


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line.startswith("│")]


def test_repositories_are_the_table_of_polly_s_own_program() -> None:
    assert cells(shown(Repositories([repository()]))) == [
        ["docker repository", "created by", "created at", "docker access"],
        [PATH, "ada@elucidata.io", "July 9, 2020, 03:56:49 PM", "private"],
    ]


def test_created_repository_is_announced_in_its_words() -> None:
    text = shown(Created(repository()))
    assert text.splitlines()[0] == "Success: docker repository generation"
    assert cells(text) == [["docker name", "description"], [PATH, "RNA-seq"]]


def test_commits_have_heading_table_and_the_two_ways_to_pull() -> None:
    lines = shown(COMMITS).splitlines()
    assert lines[0] == f"Commits for the docker repository {PATH}"
    assert cells("\n".join(lines)) == [
        ["tag", "pushed by", "pushed at", "commit_hash", "tag status"],
        ["latest", "ada@elucidata.io", "June 17, 2020, 07:03:35 PM", ACTIVE, "active"],
        ["latest", "ada@elucidata.io", "June 17, 2020, 07:03:35 PM", INACTIVE, "inactive"],
    ]
    assert lines[-3:] == [
        "To pull the docker for:",
        f"  active tag: docker pull {PATH}:tag",
        f"  inactive tag: docker pull {PATH}@commit_hash",
    ]


def test_active_rows_are_green_and_inactive_ones_yellow() -> None:
    lines = shown(COMMITS, color=True).splitlines()
    (active,) = [line for line in lines if ACTIVE in line]
    (inactive,) = [line for line in lines if INACTIVE in line]
    assert "\x1b[32m" in active
    assert "\x1b[33m" not in active
    assert "\x1b[33m" in inactive
    assert "\x1b[32m" not in inactive


def test_times_are_the_reader_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    assert "June 18, 2020, 12:33:35 AM" in shown(COMMITS)
    assert COMMITS.records()[0]["pushed_at"] == "2020-06-17T19:03:35.250000Z"


def test_narrow_terminal_folds_values_and_loses_nothing() -> None:
    text = shown(COMMITS, width=60)
    assert max(map(len, text.splitlines()[1:-3])) <= 60
    digits = "".join(row[3] for row in cells(text))
    assert ACTIVE in digits
    assert INACTIVE in digits


HOSTILE = "[red]x[/red] [link=file:///etc]y[/link] :smile: \x1b]0;title\x07\x1b[31m\x9b31m\u202eevil\r\nnext"


def test_text_of_the_service_is_neither_markup_nor_steers_the_terminal() -> None:
    for result in (Created(repository(description=HOSTILE)), Rows(("what",), [[HOSTILE]], title=HOSTILE)):
        text = shown(result)
        assert (
            "[red]x[/red] [link=file:///etc]y[/link] :smile: \\x1b]0;title\\x07\\x1b[31m\\x9b31m\\u202eevil\\r\\nnext"
            in text
        )
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(text)
    hostile = Commits(HOSTILE, [])
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(shown(hostile))


def test_other_alphabets_stay_readable() -> None:
    assert "Größe µ 日本語 émigré" in shown(Created(repository(description="Größe µ 日本語 émigré")))


def test_rows_of_any_kind_are_frame_records_and_table() -> None:
    rows = Rows(("name", "size"), [["a", 1], ["b", None]], title="Sizes")
    assert rows.records() == [{"name": "a", "size": 1}, {"name": "b", "size": None}]
    assert [*rows.frame().columns] == ["name", "size"]
    assert cells(shown(rows))[0] == ["name", "size"]
    empty = Rows(("name", "size"), [])
    assert [*empty.frame().columns] == ["name", "size"]
    assert empty.records() == []

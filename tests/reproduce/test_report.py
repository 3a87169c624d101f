"""The report as a file."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest

from polly_magic.errors import PollyError, UsageError
from polly_magic.reproduce.cells import Cell, Outcome
from polly_magic.reproduce.differences import difference
from polly_magic.reproduce.report import check_writable, render, write_report
from tests.reproduce.local import PIN

HOSTILE = "<script>alert(1)</script><img src='http://127.0.0.1/x'>&"
OUTCOMES = [
    Outcome(
        Path("a.ipynb"),
        PIN.reference,
        [
            Cell(1, "not compared", "", 0.01, "the pin's own cell"),
            Cell(
                2,
                "different",
                HOSTILE,
                1.234,
                HOSTILE,
                difference({"text/html": ["<b>1</b>"]}, {"text/html": [HOSTILE]}),
            ),
            Cell(3, "error", "1 / 0", None, "not run"),
        ],
    ),
    Outcome(Path(f"{HOSTILE}.ipynb"), PIN.reference, [Cell(1, "same", "1", 0.5)]),
]


def test_everything_is_told_and_nothing_of_it_is_markup() -> None:
    page = render(OUTCOMES, datetime(2026, 11, 23, 12, 5, tzinfo=timezone.utc))
    assert "2026-11-23 12:05 UTC" in page
    for said in ("1 same", "1 different", "1 error", "1 not compared", PIN.reference, "1.23", "the pin&#39;s own cell"):
        assert said in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 5
    assert "<script" not in page
    assert "<img" not in page
    assert '<span class="gone">-&lt;b&gt;1&lt;/b&gt;</span>' in page
    assert '<span class="head">--- stored text/html</span>' in page
    assert page.count('href="#diff-1-2"') == page.count('id="diff-1-2"') == 1


def test_file_needs_no_other() -> None:
    page = render(OUTCOMES[:1], datetime.now(timezone.utc))
    assert not re.search(r"<(link|script|img|iframe)\b|url\(|@import|<[^>]*(src|href)=.http", page)
    assert "prefers-color-scheme: dark" in page


def test_report_takes_the_place_of_an_older_one_at_once(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    (tmp_path / "other.html").write_text("old")
    path.symlink_to("other.html")
    check_writable(path)
    assert (tmp_path / "other.html").read_text() == "old"
    write_report(path, OUTCOMES)
    assert path.is_symlink()
    assert path.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert {file.name for file in tmp_path.iterdir()} == {"report.html", "other.html"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "it is no file"),
        ("none/report.html", "No such file"),
        ("a.html/report.html", "Not a directory"),
        ("/dev/null", "it is no file"),
        ("a\0b", "null"),
        ("x" * 300, "File name too long"),
    ],
)
def test_place_that_cannot_be_written_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "a.html").write_text("a")
    with pytest.raises(UsageError, match=f"cannot be written: .*{said}"):
        check_writable(tmp_path / name)
    assert [file.name for file in tmp_path.iterdir()] == ["a.html"]


def test_place_that_is_gone_meanwhile_is_said(tmp_path: Path) -> None:
    with pytest.raises(PollyError, match="cannot be written: No such file"):
        write_report(tmp_path / "none" / "report.html", OUTCOMES)

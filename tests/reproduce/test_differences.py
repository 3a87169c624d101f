"""Diffs as an analyst reads them."""

from __future__ import annotations

import time

from polly_magic.reproduce.differences import difference, kind_of_line


def test_only_what_differs_is_shown_text_first() -> None:
    stored = {"text/html": ["<b>1</b>"], "text/plain": ["1"], "stdout": ["a\nb\n"], "stderr": ["w"]}
    new = {"text/html": ["<b>2</b>"], "text/plain": ["2"], "stdout": ["a\nc\n"], "stderr": ["w"]}
    assert difference(stored, new).splitlines() == [
        *("--- stored stdout", "+++ new stdout", "@@ -1,2 +1,2 @@", " a", "-b", "+c"),
        *("--- stored text/plain", "+++ new text/plain", "@@ -1 +1 @@", "-1", "+2"),
        *("--- stored text/html", "+++ new text/html", "@@ -1 +1 @@", "-<b>1</b>", "+<b>2</b>"),
    ]
    assert difference(stored, stored) == ""


def test_one_of_several_outputs_is_named() -> None:
    text = difference({"text/plain": ["1", "2", "3"]}, {"text/plain": ["1", "x"]})
    assert text.splitlines() == [
        *("--- stored text/plain, output 2 of 3", "+++ new text/plain, output 2 of 3", "@@ -1 +1 @@", "-2", "+x"),
        *("--- stored text/plain, output 3 of 3", "+++ new text/plain, output 3 of 3", "@@ -1 +0,0 @@", "-3"),
    ]


def test_line_break_at_the_end_counts_but_shows_only_where_it_differs() -> None:
    assert difference({"stdout": ["a\n"]}, {"stdout": ["b\n"]}).splitlines()[3:] == ["-a", "+b"]
    assert difference({"stdout": ["a\n"]}, {"stdout": ["a"]}).splitlines()[3:] == [" a", "-"]
    assert difference({"stdout": ["a\n"]}, {}).splitlines()[3:] == ["-a"]
    assert difference({"stdout": [""]}, {}).splitlines() == ["--- stored stdout", "+++ new stdout"]


def test_error_and_data_have_words() -> None:
    text = difference({"evalue": ["no"], "application/json": [{"b": [1], "a": 2}]}, {"evalue": ["yes"]})
    assert text.splitlines()[:2] == ["--- stored text of the error", "+++ new text of the error"]
    assert '- "a": 2,' in text.splitlines()


def test_long_lines_are_folded_and_long_outputs_cut() -> None:
    start = "x" * 1000
    shown = difference({"text/html": [start + "1"]}, {"text/html": [start + "2"]}).splitlines()
    assert max(map(len, shown)) < 250
    assert shown[-2:] == ["-1", "+2"]
    lines = [f"{n}" for n in range(100_000)]
    changed = [*lines[:50_000], "here", *(f"{line}." for line in lines[50_001:])]
    began = time.monotonic()
    shown = difference({"stdout": ["\n".join(lines)]}, {"stdout": ["\n".join(changed)]}).splitlines()
    assert time.monotonic() - began < 20
    assert shown[2] == "... after 49997 lines"
    assert (shown[7], "+here" in shown) == ("-50000", True)
    assert shown[-1] == "... and 48003 lines more"


def test_line_of_an_output_is_not_taken_for_a_heading() -> None:
    text = difference({"stdout": ["-- stored\n@@ x"]}, {"stdout": ["@@ x"]})
    assert [kind_of_line(line) for line in text.splitlines()] == ["head", "head", "place", "gone", "both"]

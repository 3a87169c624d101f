"""The history in JupyterLab and in Notebook: every commit reached by mouse and by key, and hostile names as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.front_end import Jupyter

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COMMITS = """
from datetime import datetime, timedelta, timezone
from polly_magic.history import draw
from polly_magic.models import Commit
from polly_magic.panel.history_view import HistoryView
noon = datetime(2020, 6, 17, 12, tzinfo=timezone.utc)
def commit(hour, status, tag, replaced=None):
    start, end = noon + timedelta(hours=hour), replaced and noon + timedelta(hours=replaced)
    return Commit("h/o/16june", tag, f"sha256:{hour:064x}", status, "<b>ada</b>", start, 1, "", (), end)
commits = [
    commit(5, "active", "latest"), commit(4, "active", "<img src=x onerror=document.title='broken'>"),
    commit(3, "active", "v1"), commit(2, "inactive", "latest", 5), commit(1, "inactive", "latest", 2),
]
"""
VIEW = "view = HistoryView(commits, 'h/o/16june')\nview"
CHOICE = "print(view.commit and (view.commit.tag, view.commit.commit_hash[-1]))"


def segments(inside: Locator) -> Locator:
    return inside.locator("svg.polly-history .segment")


def test_commit_is_selected_by_mouse_and_by_key(front_end: Jupyter) -> None:
    notebook = front_end.notebook("history", COMMITS, VIEW, CHOICE, CHOICE, "view.commit = commits[2]")
    notebook.run(2)
    view = notebook.cells.nth(1)
    expect(segments(view)).to_have_count(5)
    segments(view).nth(1).click()
    expect(segments(view).nth(1)).to_have_attribute("aria-pressed", "true")
    notebook.run(start=2)
    expect(notebook.cells.nth(2).locator(".jp-OutputArea-output")).to_have_text("('latest', '2')\n")

    segments(view).nth(1).focus()
    expect(segments(view).nth(1)).to_be_focused()
    notebook.page.keyboard.press("ArrowRight")
    notebook.page.keyboard.press("ArrowDown")
    expect(segments(view).nth(3)).to_be_focused()
    notebook.page.keyboard.press("ArrowDown")
    notebook.page.keyboard.press("Enter")
    expect(segments(view).nth(4)).to_have_attribute("aria-pressed", "true")
    expect(notebook.cells).to_have_count(5)  # Enter, Space and the arrows did nothing to the notebook
    notebook.run(start=3)
    expect(notebook.cells.nth(3).locator(".jp-OutputArea-output")).to_have_text("('v1', '3')\n")

    segments(view).nth(0).focus()
    notebook.page.keyboard.press("Space")
    expect(segments(view).nth(0)).to_have_attribute("aria-pressed", "true")
    notebook.run(start=4)
    expect(segments(view).nth(4)).to_have_attribute("aria-pressed", "true")
    expect(view.locator("[aria-pressed=true]")).to_have_count(1)


def test_names_with_markup_are_text(front_end: Jupyter) -> None:
    notebook = front_end.notebook("hostile", COMMITS, "draw('<i>path</i>', commits)", VIEW)
    notebook.run(3)
    title = notebook.page.title()
    for cell in (notebook.cells.nth(1), notebook.cells.nth(2)):
        expect(segments(cell)).to_have_count(5)
        expect(cell.locator("svg.polly-history :is(img, b, i, script)")).to_have_count(0)
        expect(cell.locator("svg.polly-history text.code", has_text="<img src=x onerror")).to_have_count(1)
        expect(segments(cell).nth(0).locator("title")).to_contain_text("pushed by <b>ada</b>")
    expect(notebook.cells.nth(1).locator("text.name")).to_have_text("<i>path</i>")
    assert notebook.page.title() == title != "broken"

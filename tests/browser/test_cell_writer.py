"""A click's cell in real notebooks: right below, exact, once, or not at all and said why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.browser.front_end import Jupyter, Notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]

TEXT = '# <b>"über"</b> \\n {x} $y\n!docker pull a/b@sha256:0123\n\n%%sh'
BEFORE, AFTER = "'before'", "'after'"
MAKER = f"""\
import ipywidgets as widgets
from polly_magic.panel.cell_writer import CellWriter
writer, button, outcome = CellWriter(), widgets.Button(description="Write"), widgets.Label("nothing yet")
def done(result):
    outcome.value = "written" if result.written else result.reason
button.on_click(lambda _: writer.write({TEXT!r}, done))
box = widgets.VBox([writer, button, outcome])
box"""


@pytest.fixture
def notebook(front_end: Jupyter) -> Notebook:
    opened = front_end.notebook("first", BEFORE, MAKER, AFTER)
    opened.run(2)
    expect(opened.document.get_by_role("button", name="Write")).to_be_visible()
    return opened


def click(notebook: Notebook, *, says: str = "written") -> None:
    # Also where another notebook hides it.
    notebook.page.locator("button.widget-button", has_text="Write").dispatch_event("click")
    expect(notebook.page.locator(".widget-label", has_text=says)).to_have_count(1)


def test_cell_is_right_below_exact_selected_and_not_run(notebook: Notebook) -> None:
    click(notebook)
    expect(notebook.active).to_have_count(1)
    expect(notebook.active.locator(".jp-InputPrompt")).to_have_text("[ ]:")
    expect(notebook.active.locator(".cm-content")).to_contain_text("!docker pull a/b@sha256:0123")
    saved = notebook.saved()
    assert [cell.source for cell in saved.cells] == [BEFORE, MAKER, TEXT, AFTER]
    new = saved.cells[2]
    assert (new.cell_type, new.execution_count, new.outputs) == ("code", None, [])
    assert len({cell.id for cell in saved.cells}) == 4
    # The keyboard goes on from the new cell.
    notebook.page.keyboard.press("Enter")
    notebook.page.keyboard.press("Control+End")
    notebook.page.keyboard.type(" more")
    assert notebook.sources()[2] == TEXT + " more"


def test_second_cell_comes_right_below_too(notebook: Notebook) -> None:
    click(notebook)
    notebook.page.get_by_role("button", name="Write").click()
    expect(notebook.cells).to_have_count(5)
    assert notebook.sources() == [BEFORE, MAKER, TEXT, TEXT, AFTER]


def test_undo_takes_it_away_and_the_next_click_brings_it(notebook: Notebook) -> None:
    click(notebook)
    expect(notebook.cells).to_have_count(4)
    notebook.active.locator(".jp-InputPrompt").click()
    notebook.page.keyboard.press("z")
    expect(notebook.cells).to_have_count(3)
    assert notebook.sources() == [BEFORE, MAKER, AFTER]
    notebook.page.keyboard.press("Shift+z")
    expect(notebook.cells).to_have_count(4)
    notebook.page.get_by_role("button", name="Write").click()
    expect(notebook.cells).to_have_count(5)
    assert notebook.sources() == [BEFORE, MAKER, TEXT, TEXT, AFTER]
    # Undo of the text alone, within the cell.
    notebook.cells.nth(2).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+z")
    notebook.page.keyboard.type("x")
    assert len(notebook.saved().cells) in (4, 5)


def test_other_notebook_in_front_stays_as_it_is(notebook: Notebook, front_end: Jupyter) -> None:
    other = front_end.notebook("second", "'of the second'", outside=notebook.page if front_end.kind == "lab" else None)
    other.cells.first.locator(".cm-content").click()
    other.page.bring_to_front()
    click(notebook)
    other.page.keyboard.type("1 + ")
    assert other.sources() in (["1 + 'of the second'"], ["'of the second'1 + "])
    if front_end.kind == "lab":
        other.page.get_by_role("tab", name="first.ipynb").click()
    assert notebook.sources() == [BEFORE, MAKER, TEXT, AFTER]


def test_two_windows_of_one_notebook_write_once(notebook: Notebook, front_end: Jupyter) -> None:
    notebook.saved()
    twin = front_end.open(notebook.path)
    expect(twin.page.get_by_role("button", name="Write")).to_be_visible()
    click(notebook)
    twin.page.wait_for_timeout(1500)
    assert notebook.cells.count() + twin.cells.count() == 7


def test_vanished_cell_is_said_and_nothing_is_written(notebook: Notebook) -> None:
    notebook.cells.nth(2).locator(".jp-InputPrompt").click()
    notebook.page.keyboard.press("b")
    notebook.page.keyboard.press("Enter")
    notebook.page.keyboard.type("box")
    notebook.page.keyboard.press("Shift+Enter")
    expect(notebook.page.get_by_role("button", name="Write")).to_have_count(2)
    notebook.cells.nth(1).locator(".jp-InputPrompt").click()
    notebook.page.keyboard.press("d")
    notebook.page.keyboard.press("d")
    expect(notebook.page.get_by_role("button", name="Write")).to_have_count(1)
    click(notebook, says="no longer in the notebook")
    sources = notebook.sources()
    assert TEXT not in sources
    assert MAKER not in sources


def test_panel_that_is_shown_twice_writes_once(notebook: Notebook) -> None:
    notebook.cells.nth(2).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+a")
    notebook.page.keyboard.type("box")
    notebook.page.keyboard.press("Shift+Enter")
    buttons = notebook.page.get_by_role("button", name="Write")
    expect(buttons).to_have_count(2)
    buttons.nth(1).click()
    expect(notebook.page.locator(".widget-label", has_text="written")).to_have_count(2)
    assert notebook.sources()[:4] == [BEFORE, MAKER, TEXT, "box"]


def test_read_only_notebook_is_left_alone(front_end: Jupyter) -> None:
    opened = front_end.notebook("locked", MAKER, AFTER)

    def locked(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=json.loads(answer.text()) | {"writable": False})

    opened.page.route("**/api/contents/locked.ipynb*", locked)
    opened.page.reload()
    expect(opened.cells.first).to_be_visible()
    opened.run(1)
    click(opened, says="read-only")
    expect(opened.cells).to_have_count(2)

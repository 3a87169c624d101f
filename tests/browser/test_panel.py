"""The panel as its reader meets it, in JupyterLab and in Notebook, against the real service."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from polly_magic.api import Client
from polly_magic.cells import pull_cell, run_cell
from polly_magic.service.local import ensure_running, issue_local_key
from polly_magic.service.state import is_held, read_state
from tests.browser.front_end import until
from tests.local_service import environment, logged_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from polly_magic.models import Commit
    from tests.anna import Anna
    from tests.browser.front_end import Jupyter, Notebook

    OpenPanel = Callable[..., Notebook]

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]


def grid(notebook: Notebook, name: str) -> Locator:
    return notebook.page.get_by_role("grid", name=name)


def rows(notebook: Notebook, name: str) -> Locator:
    return grid(notebook, name).locator("[role=row]:not(.polly-heading)")


def button(notebook: Notebook, name: str) -> Locator:
    return notebook.page.locator("button", has_text=re.compile(f"^{name}$"))


def commits(name: str) -> tuple[Commit, Commit]:
    """Return the active and the inactive commit of a repository."""
    with Client() as client:
        active, inactive = client.commits(f"elucidata/{name}")
    return active, inactive


@pytest.fixture
def pushed(anna: Anna) -> str:
    """A repository with two commits of one tag."""
    name = anna.create("aligner", description="Aligns reads.")
    anna.push(name, "latest", "1")
    anna.push(name, "latest", "2")
    return name


def choose(notebook: Notebook, name: str, status: str = "inactive") -> None:
    """Search the repository, select it, and select a commit of it."""
    notebook.page.get_by_placeholder("Search repositories").fill(name)
    found = rows(notebook, "Docker repositories").filter(has=notebook.page.get_by_text(name, exact=True))
    expect(found).to_have_count(1)
    found.click()
    expect(rows(notebook, "Commits")).to_have_count(2)
    rows(notebook, "Commits").filter(has=notebook.page.get_by_text(status, exact=True)).click()
    expect(button(notebook, "Pull cell")).to_be_visible()


def test_click_gives_the_cell_of_the_inactive_commit(
    open_panel: OpenPanel, front_end: Jupyter, anna: Anna, pushed: str
) -> None:
    notebook = open_panel(anna.variables, "first", "'after'")
    choose(notebook, pushed)
    other = front_end.notebook("second", "'of the second'", outside=notebook.page if front_end.kind == "lab" else None)
    other.cells.first.locator(".cm-content").click()
    other.page.bring_to_front()
    button(notebook, "Pull cell").dispatch_event("click")
    added = notebook.page.locator(".polly-notice", has_text="Added the cell")
    expect(added).to_have_count(1)
    button(notebook, "Run cell").dispatch_event("click")
    expect(notebook.page.locator(".jp-Cell .cm-content", has_text="docker run")).to_have_count(1)
    assert other.sources() == ["'of the second'"]
    if front_end.kind == "lab":
        other.page.get_by_role("tab", name="first.ipynb").click()
    _, inactive = commits(pushed)
    saved = notebook.saved()
    assert [cell.source for cell in saved.cells[1:]] == [
        "%polly_dockers", run_cell(inactive, []), pull_cell(inactive), "'after'"
    ]  # fmt: skip
    assert [cell.execution_count for cell in saved.cells[2:]] == [None] * 3
    expect(notebook.active.locator(".cm-content")).to_contain_text("docker run")


def test_choice_is_there_for_the_next_cell(open_panel: OpenPanel, anna: Anna, pushed: str) -> None:
    use = "from polly_magic import Panel\nimport gc\nprint([p.reference for p in gc.get_objects() if type(p) is Panel])"
    notebook = open_panel(anna.variables, "first", use)
    choose(notebook, pushed)
    _, inactive = commits(pushed)
    expect(notebook.document).to_contain_text(inactive.commit_hash)
    notebook.run(1, start=2)
    expect(notebook.cells.nth(2).locator(".jp-OutputArea")).to_contain_text(
        f"{inactive.repository}@{inactive.commit_hash}"
    )


def test_keyboard_is_enough(open_panel: OpenPanel, anna: Anna, pushed: str) -> None:
    notebook = open_panel(anna.variables, "first", "'after'")
    search = notebook.page.get_by_placeholder("Search repositories")
    expect(rows(notebook, "Docker repositories").first).to_be_visible()
    search.focus()
    press = notebook.page.keyboard.press
    notebook.page.keyboard.type(pushed)
    expect(rows(notebook, "Docker repositories").first).to_contain_text(pushed)
    press("ArrowDown")
    expect(grid(notebook, "Docker repositories")).to_be_focused()
    press("Enter")
    expect(rows(notebook, "Commits")).to_have_count(2)
    for _ in range(20):
        press("Tab")
        if grid(notebook, "Commits").evaluate("grid => grid === document.activeElement"):
            break
    expect(grid(notebook, "Commits")).to_be_focused()
    press("ArrowDown")
    press("Enter")
    expect(rows(notebook, "Commits").nth(1)).to_have_attribute("aria-selected", "true")
    expect(button(notebook, "Pull cell")).to_be_visible()
    for _ in range(20):
        press("Tab")
        if button(notebook, "Pull cell").evaluate("button => button === document.activeElement"):
            break
    expect(button(notebook, "Pull cell")).to_be_focused()
    press("Enter")
    expect(notebook.cells).to_have_count(4)
    _, inactive = commits(pushed)
    assert notebook.sources()[2] == pull_cell(inactive)
    # The keys of a notebook's commands are letters of a search, and letters alone; with Ctrl they are commands.
    search.focus()
    notebook.page.keyboard.type("xabdd")
    grid(notebook, "Docker repositories").focus()
    notebook.page.keyboard.type("abddx")
    before = notebook.path.stat().st_mtime_ns
    press("Control+s")
    until(lambda: notebook.path.stat().st_mtime_ns != before, "the notebook is not saved")
    expect(notebook.cells).to_have_count(4)


def test_markup_of_a_name_s_keeper_is_text(open_panel: OpenPanel, anna: Anna) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script><b>bold</b>"
    name = anna.create("markup", description=evil)
    anna.push(name, "latest", evil)
    anna.push(name, "latest", evil + "2")
    notebook = open_panel(anna.variables)
    dialogs: list[str] = []
    notebook.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    choose(notebook, name)
    row = rows(notebook, "Docker repositories").filter(has_text=name)
    expect(row).to_contain_text(evil)
    button(notebook, "Edit").click()
    notebook.page.wait_for_timeout(1000)
    panel = notebook.document.locator(".polly-panel")
    assert panel.locator("img, script, b").count() == 0
    assert dialogs == []


def test_taken_name_is_said_beside_the_field(open_panel: OpenPanel, anna: Anna, pushed: str) -> None:
    notebook = open_panel(anna.variables)
    button(notebook, "New repository").click()
    field = notebook.page.get_by_label("Name", exact=True)
    field.fill(pushed)
    button(notebook, "Create").click()
    error = notebook.page.get_by_role("alert")
    expect(error).to_contain_text("exists")
    beside, place = error.bounding_box(), field.bounding_box()
    assert beside is not None
    assert place is not None
    assert 0 <= beside["y"] - place["y"] < 60
    field.fill(f"{pushed}-other")
    button(notebook, "Create").click()
    expect(rows(notebook, "Docker repositories").filter(has_text=f"{pushed}-other")).to_have_attribute(
        "aria-selected", "true"
    )
    expect(error).to_have_count(0)


def test_service_that_was_away_is_found_again(open_panel: OpenPanel, tmp_path: Path) -> None:
    with logged_in(tmp_path) as variables:
        (data,) = {path.parent for path in Path(variables["POLLY_MAGIC_HOME"]).rglob("service.json")}
        notebook = open_panel(variables)
        expect(notebook.document).to_contain_text("No repositories yet")
        state = read_state(data)
        assert state is not None
        os.kill(state.pid, signal.SIGKILL)
        until(lambda: not is_held(data), "the service does not end")
        button(notebook, "New repository").click()
        notebook.page.get_by_label("Name", exact=True).fill("while-away")
        button(notebook, "Create").click()
        alert = notebook.page.get_by_role("alert")
        expect(alert).to_contain_text(state.url.removeprefix("http://"))
        button(notebook, "Cancel").filter(visible=True).click()
        button(notebook, "Refresh").click()
        expect(button(notebook, "Retry")).to_be_visible()
        ensure_running(data)
        button(notebook, "Retry").click()
        expect(alert).to_have_count(0)
        expect(notebook.document).to_contain_text("No repositories yet")


def test_log_in_and_out_leave_no_key_in_the_notebook(open_panel: OpenPanel, tmp_path: Path) -> None:
    with logged_in(tmp_path / "service") as variables:
        (data,) = {path.parent for path in Path(variables["POLLY_MAGIC_HOME"]).rglob("service.json")}
        state = read_state(data)
        assert state is not None
        key = issue_local_key(data).reveal()
        notebook = open_panel(environment(tmp_path / "guest") | {"POLLY_SERVICE": state.url})
        field = notebook.page.locator("input[type=password]")
        for text, answer in (("no-such-key", "does not accept the key"), (key, "anna@elucidata.io of elucidata")):
            expect(field).to_be_visible()
            field.fill(text)
            button(notebook, "Log in").click()
            expect(notebook.document).to_contain_text(answer)
        notebook.saved()
        written = notebook.path.read_text()
        assert "no-such-key" not in written
        assert key not in written
        button(notebook, "Log out").click()
        expect(field).to_be_visible()
        expect(field).to_have_value("")
        notebook.saved()
        assert key not in notebook.path.read_text()
        logs = [path.read_text(errors="replace") for path in notebook.jupyter.root.parent.glob("*.log")]
        assert logs
        assert not any(key in log for log in logs)


def test_reopened_notebook_shows_what_it_was(
    open_panel: OpenPanel, front_end: Jupyter, anna: Anna, pushed: str
) -> None:
    notebook = open_panel(anna.variables)
    choose(notebook, pushed)
    _, inactive = commits(pushed)
    expect(notebook.document).to_contain_text(inactive.commit_hash)
    notebook.saved()
    front_end.close()
    again = front_end.open(notebook.path)
    expect(again.document).to_contain_text(f"{inactive.repository}@{inactive.commit_hash}")
    assert "Error displaying widget" not in again.document.inner_text()
    assert "Loading widget" not in again.document.inner_text()

"""The panel in a real kernel, and what is left of it in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from IPython.core.interactiveshell import InteractiveShell

from polly_magic.errors import UsageError
from polly_magic.panel.forms import CreateForm
from polly_magic.panel.notice import Notice
from polly_magic.panel.summary import Summary
from tests.kernel import Kernel, kernel
from tests.panel.driving import beside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anna import Anna

WIDGET = "application/vnd.jupyter.widget-view+json"
WAIT = """
import asyncio
async def until(true):
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError
"""


@pytest.fixture
def notebook(anna: Anna) -> Iterator[Kernel]:
    with kernel(anna.variables) as (running, _):
        assert running.run("%load_ext polly_magic").status == "ok"
        yield running


def test_magic_alone_shows_the_panel(notebook: Kernel) -> None:
    for line in ("%polly_dockers", "%polly_dockers panel", "from polly_magic import Panel; Panel()"):
        cell = notebook.run(line)
        assert (cell.status, cell.stdout, cell.stderr) == ("ok", "", "")
        assert {*cell.result} == {WIDGET, "text/html", "text/plain"}
        assert cell.result["text/plain"].startswith("Docker repositories panel: ")
        assert "%polly_dockers" in cell.result["text/html"]
    assert notebook.run("%polly_dockers;").result == {}


def test_loading_leaves_the_kernel_free_and_a_later_cell_uses_the_choice(notebook: Kernel, anna: Anna) -> None:
    name = anna.create()
    digest = anna.push(name, "latest", "1")
    assert notebook.run("panel = %polly_dockers\npanel.repository is None").result["text/plain"] == "True"
    assert notebook.run(WAIT + "await until(lambda: panel.repositories.repositories)").status == "ok"
    path = f"{anna.registry}/elucidata/{name}"
    notebook.run(f"panel.repositories.grid.selected = {path!r}\nawait until(lambda: panel.commits.commits)")
    notebook.run("panel.commit = panel.commits.commits[0]")
    assert notebook.run("panel.reference").result["text/plain"] == repr(f"{path}@{digest}")
    shown = notebook.run("panel").result
    assert f"{path}@{digest}" in shown["text/html"]
    assert "anna@elucidata.io" in shown["text/plain"]


def test_terminal_gets_the_help_and_a_word_why_there_is_no_panel(
    anna: Anna, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "polly_magic")
    shell.run_line_magic("polly_dockers", "")
    assert "commit-list" in capsys.readouterr().out
    with pytest.raises(UsageError, match="needs a notebook"):
        shell.run_line_magic("polly_dockers", "panel")
    done = anna.program("polly-dockers", "panel")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("The panel needs a notebook")


def test_summary_shows_markup_as_text() -> None:
    summary = Summary("<i>host", "<script>alert(1)</script>@x", 1, '"><img src=x>')
    for markup in ("<i>", "<script>", "<img"):
        assert markup not in summary.html()
    assert "&lt;script&gt;" in summary.html()
    assert (
        summary.text()
        == 'Docker repositories panel: 1 repository on <i>host, as <script>alert(1)</script>@x; "><img src=x>'
    )


def test_notices_and_forms_show_markup_as_text() -> None:
    from polly_magic.errors import Conflict

    error = Conflict("<img src=x onerror=alert(1)>", "<b>bold</b>")
    notice = Notice()
    notice.fail(error)
    form = CreateForm(lambda *_: None)
    form.fail(error)
    for markup in (notice.text, beside(form, "name")):
        assert "<img" not in markup
        assert "&lt;img src=x onerror=alert(1)&gt;" in markup
    notice.say("<b>")
    assert "<b>" not in notice.text

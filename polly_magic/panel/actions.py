"""What can be done with the selected commit: a cell to pull or run it, or to pull it now."""

from __future__ import annotations

import shlex
import time
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as widgets

from polly_magic.cells import pull_cell, run_cell
from polly_magic.commands.pull import pull_now
from polly_magic.errors import PollyError, UsageError
from polly_magic.panel.cell_writer import CellWriter, Outcome
from polly_magic.panel.face import PanelFace
from polly_magic.panel.loading import Job, Loading
from polly_magic.panel.notice import Notice, button
from polly_magic.panel.sheet import Sheet, code

if TYPE_CHECKING:
    from collections.abc import Callable

    from polly_magic.api import Client
    from polly_magic.engine import Pulled
    from polly_magic.models import Commit

__all__ = ["Actions"]

_REDRAW = 0.2


class Actions(widgets.VBox):
    """Buttons for one commit.

    Parameters
    ----------
    refused : callable
        Is told of each error of the service; returns whether it shows it.
    """

    def __init__(self, refused: Callable[[PollyError], bool]) -> None:
        self.writer = CellWriter()
        self.pull_cell = button("Pull cell", self._pull_cell, primary=True, tooltip="Add a cell that pulls this commit")
        self.run_cell = button("Run cell", self._run_cell, tooltip="Add a cell that runs the command in this commit")
        self.command = widgets.Text(placeholder="command to run, such as python fit.py", continuous_update=False)
        self.command.add_class("polly-command")
        self.pull_now = button("Pull now", self._pull_now, tooltip="Pull this commit onto this machine at once")
        self.cancel = button("Cancel", self._stop)
        self.progress = widgets.IntProgress(min=0, max=1000)
        self.notice = Notice()
        self.sheet = Sheet()
        self._title = widgets.HTML()
        self._refused = refused
        self._pulling = Loading()
        self._client: Client | None = None
        self._commit: Commit | None = None
        self._bars = widgets.HBox([self.progress, self.cancel])
        self._bars.layout.display = "none"
        run = widgets.HBox([self.run_cell, self.command])
        run.add_class("polly-run")
        buttons = widgets.HBox([self.pull_cell, self.pull_now, run])
        buttons.add_class("polly-actions")
        super().__init__([self._title, buttons, self._bars, self.notice, self.sheet, self.writer])

    def offer(self, client: Client | None, commit: Commit | None) -> None:
        """Act on this commit from now on; a pull that is under way goes on."""
        self._client, self._commit = client, commit
        self._title.value = _title(commit) if commit else ""
        self.sheet.items = []
        if not self._pulling.busy:
            self.notice.clear()

    def _pull_cell(self) -> None:
        self._write(pull_cell)

    def _run_cell(self) -> None:
        self._write(lambda commit: run_cell(commit, _words(self.command.value)))

    def _write(self, make: Callable[[Commit], str]) -> None:
        if self._commit is None:
            return
        self.sheet.items = []
        try:
            text = make(self._commit)
        except PollyError as error:
            self.notice.fail(error)
            return

        def tell(outcome: Outcome) -> None:
            if outcome.written:
                self.notice.say("Added the cell below this one. Run it when you are ready.")
            else:
                self.notice.clear()
                self.sheet.items = [code(text, outcome.reason)]

        self.writer.write(text, tell)

    def _pull_now(self) -> None:
        client, commit = self._client, self._commit
        if client is None or commit is None:
            return

        def work(job: Job[Pulled]) -> Pulled:
            return pull_now(commit, client, PanelFace(progress=_Bars(job, self._show_progress)))

        self.notice.wait(f"Pulling {commit.pull_path} ...")
        self._pulling.start(work, lambda pulled: self._pulled(commit, pulled), self._failed)
        self._show_bars(shown=self._pulling.busy)

    def _stop(self) -> None:
        self._pulling.cancel()
        self._show_bars(shown=False)
        self.notice.say("Cancelled. What is pulled already is kept for the next time.")

    def _pulled(self, commit: Commit, pulled: Pulled) -> None:
        self._show_bars(shown=False)
        self.notice.say(f"Pulled {commit.repository}@{pulled.digest}. It is on this machine now.")

    def _failed(self, error: PollyError) -> None:
        self._show_bars(shown=False)
        self.notice.clear()
        if not self._refused(error):
            self.notice.fail(error, self._pull_now)

    def _show_bars(self, *, shown: bool) -> None:
        self.pull_now.disabled = shown
        self.progress.value = 0
        self._bars.layout.display = None if shown else "none"

    def _show_progress(self, share: float) -> None:
        self.progress.value = round(1000 * share)


class _Bars:
    """Sums up the bars of all layers, and stops the pull where it is cancelled."""

    def __init__(self, job: Job[Pulled], show: Callable[[float], None]) -> None:
        self._job = job
        self._show = show
        self._layers: dict[str, tuple[int, int]] = {}
        self._shown = 0.0

    def update(self, name: str, completed: int, total: int | None = None, note: str = "") -> None:  # noqa: ARG002
        """Take one layer's bar."""
        self._job.check()
        self._layers[name] = (completed, total or completed)
        if time.monotonic() - self._shown > _REDRAW:
            self._shown = time.monotonic()
            whole = sum(total for _, total in self._layers.values())
            share = sum(done for done, _ in self._layers.values()) / whole if whole else 0.0
            self._job.tell(lambda: self._show(share))


def _title(commit: Commit) -> str:
    name = f"{commit.repository.partition('/')[2]}:{commit.tag}"
    return f'<h4 class="polly-h">{escape(name)}</h4><span class="polly-quiet">{escape(commit.tag_status)}</span>'


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{text!r} cannot be read: {error}.", "Close every quote that is opened.") from error

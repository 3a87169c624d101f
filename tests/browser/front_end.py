"""JupyterLab and Notebook as a user starts them, and what a user does in them."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import nbformat
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE = 20_000  # ms; two cores may have much else to do
CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_ADDRESS = {"lab": "lab/workspaces/{1}/tree/{0}", "notebook": "notebooks/{0}"}
_CHOICES = {"lab": ".jp-LauncherCard[data-category=Notebook]", "notebook": ".lm-Menu-item"}
# Style sheets are given a second and a half, which a busy machine may not keep.
_STYLES = "Error Loading Theme"
_IN_FRONT = ".jp-NotebookPanel:not(.lm-mod-hidden)"
_NUMBERED = re.compile(r"\[\d+\]:")
# No question about news on a first start, and no file that changes by itself.
_SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/completer-extension/manager": {"autoCompletion": False},
}


@dataclass
class Jupyter:
    """A running server; `kind` is ``lab`` or ``notebook``."""

    kind: str
    url: str
    token: str
    root: Path
    browser: Browser
    settings: Path
    variables: dict[str, str]
    pages: list[Page] = field(default_factory=list)

    def notebook(
        self, name: str, *cells: str, outside: Page | None = None, theme: str = "light", script: str = ""
    ) -> Notebook:
        """Write a notebook of code cells and open it, in a new window or as one more document of `outside`."""
        return self.open(self.write(name, *cells), outside=outside, theme=theme, script=script)

    def write(self, name: str, *cells: str, kernel: str = "python3") -> Path:
        """Write a notebook of code cells."""
        path = self.root / f"{name}.ipynb"
        document = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
        )
        nbformat.write(document, path)
        return path

    def open(self, path: Path, *, outside: Page | None = None, theme: str = "light", script: str = "") -> Notebook:
        """Open a notebook that is there; `script` runs in its window before anything else."""
        return self.visit(path, outside=outside, theme=theme, script=script).ready()

    def visit(self, path: Path, *, outside: Page | None = None, theme: str = "light", script: str = "") -> Notebook:
        """Do the same without waiting for its kernel."""
        page = outside or self._page(theme, script)
        if outside and self.kind == "lab":
            page.locator(".jp-DirListing-item", has_text=path.name).dblclick()
        else:
            page.goto(f"{self.url}{_ADDRESS[self.kind].format(path.name, secrets.token_hex(4))}")
        return Notebook(self, page, path)

    def launcher(self, theme: str = "light") -> Page:
        """Show what can be started: the launcher of JupyterLab, the menu of new files of Notebook."""
        page = self._page(theme)
        if self.kind == "lab":
            page.goto(f"{self.url}lab/workspaces/{secrets.token_hex(4)}")
            expect(page.locator("#jupyterlab-splash")).to_have_count(0)
        else:
            page.goto(f"{self.url}tree")
            page.get_by_role("menuitem", name="New", exact=True).last.click()
        expect(page.locator(_CHOICES[self.kind]).first).to_be_visible()
        return page

    def launch(self, kernel: str, theme: str = "light") -> Notebook:
        """Start a new notebook on a kernel, by the name that the launcher shows."""
        page = self.launcher(theme)
        before = {*self.root.glob("*.ipynb")}
        choice = page.locator(_CHOICES[self.kind], has_text=kernel)
        if self.kind == "lab":
            choice.click()
        else:
            with page.expect_popup() as opened:
                choice.click()
            page = opened.value
            self.pages.append(page)
            # Its first window starts the kernel, its second looks for it: and asks where it is there sooner, and starts
            # another one. Ours stands in the question.
            for title in (_STYLES, "Select Kernel"):
                _accept_whenever(page, title)
        until(lambda: {*self.root.glob("*.ipynb")} > before, "there is no new notebook")
        (path,) = {*self.root.glob("*.ipynb")} - before
        return Notebook(self, page, path).ready()

    def _page(self, theme: str = "light", script: str = "") -> Page:
        _set(self.settings, "@jupyterlab/apputils-extension/themes", {"theme": f"JupyterLab {theme.title()}"})
        context = self.browser.new_context(
            viewport={"width": 1280, "height": 1400},
            color_scheme="dark" if theme == "dark" else "light",
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(PATIENCE)
        context.add_init_script(script)
        page = context.new_page()
        _accept_whenever(page, _STYLES)
        page.goto(f"{self.url}login?token={self.token}")
        self.pages.append(page)
        return page

    def close(self) -> None:
        """Close every window, and end what ran in them."""
        for page in self.pages:
            page.context.close()
        self.pages.clear()
        for session in json.loads(self._ask("GET", "api/sessions")):
            self._end(session["id"])

    def _end(self, session: str) -> None:
        try:
            self._ask("DELETE", f"api/sessions/{session}")
        except urllib.error.HTTPError as error:
            # The window may have ended it at the same moment.
            if error.code != 404:
                raise

    def _ask(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read()


@dataclass
class Notebook:
    """One open notebook."""

    jupyter: Jupyter
    page: Page
    path: Path

    @property
    def document(self) -> Locator:
        """The notebook that is in front."""
        return self.page.locator(f"{_IN_FRONT} .jp-Notebook")

    @property
    def kernel(self) -> Locator:
        """What its toolbar says of its kernel."""
        return self.page.locator(f"{_IN_FRONT} .jp-Notebook-ExecutionIndicator")

    @property
    def cells(self) -> Locator:
        """Its cells."""
        return self.document.locator(".jp-Cell")

    @property
    def active(self) -> Locator:
        """The selected ones."""
        return self.document.locator(".jp-Cell.jp-mod-active, .jp-Cell.jp-mod-selected")

    def ready(self) -> Notebook:
        """Wait until its kernel has answered, and return it."""
        expect(self.kernel).to_have_attribute("data-status", "idle")
        expect(self.page.locator(".jp-Spinner, #jupyterlab-splash")).to_have_count(0)
        expect(self.cells.first).to_be_visible()
        return self

    def output(self, number: int) -> Locator:
        """What a cell gave."""
        return self.cells.nth(number).locator(".jp-OutputArea-output")

    def menu(self, *words: str) -> None:
        """Choose in its menus; each word may be the beginning."""
        self.page.locator(".lm-MenuBar-item", has_text=words[0]).click()
        for word in words[1:]:
            self.page.locator(".lm-Menu-item", has_text=re.compile(f"^{re.escape(word)}")).first.click()

    def accept(self, title: str) -> None:
        """Say yes to a dialog."""
        dialog = self.page.locator(".jp-Dialog", has_text=title)
        dialog.locator(".jp-mod-accept").click()
        expect(dialog).to_have_count(0)

    def run(self, count: int = 1, start: int = 0) -> None:
        """Run cells one after another, each to its end."""
        for number in range(start, start + count):
            expect(self.start(number)).to_have_text(_NUMBERED)

    def start(self, number: int) -> Locator:
        """Run a cell, as shift-enter does, and return its prompt."""
        prompt = self.cells.nth(number).locator(".jp-InputPrompt")
        # Right after its start a front end may not take keys yet, and does not show it.
        for _ in range(5):
            prompt.click()
            self.page.keyboard.press("Shift+Enter")
            try:
                expect(prompt).not_to_have_text("[ ]:", timeout=2_000)
                break
            except AssertionError:
                continue
        return prompt

    def saved(self) -> nbformat.NotebookNode:
        """Save it, and return what is in the file."""
        before = self.path.stat().st_mtime_ns
        self.page.keyboard.press("Control+s")
        until(lambda: self.path.stat().st_mtime_ns != before, "the notebook is not saved")
        time.sleep(0.2)
        return nbformat.read(self.path, 4)

    def sources(self) -> list[str]:
        """Save it, and return the cells' texts."""
        return [cell.source for cell in self.saved().cells]


def until(true: Callable[[], bool], complaint: str, seconds: float = 20) -> None:
    """Wait for something outside the browser."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, complaint
        time.sleep(0.05)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser of this machine."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=[*CHROMIUM])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def jupyter(kind: str, browser: Browser, variables: dict[str, str], root: Path) -> Iterator[Jupyter]:
    """Start a server in `root`; its kernels get `variables`."""
    root.mkdir(parents=True, exist_ok=True)
    settings = root.parent / f"{root.name}-settings"
    for name, values in _SETTINGS.items():
        _set(settings, name, values)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    token = secrets.token_hex(16)
    log = root.parent / f"{root.name}.log"
    command = [
        sys.executable, "-m", "jupyterlab" if kind == "lab" else "notebook", "--no-browser", "--allow-root",
        f"--ServerApp.root_dir={root}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--ServerApp.ip=127.0.0.1",
    ]  # fmt: skip
    environment = variables | {"JUPYTER_TOKEN": token, "JUPYTERLAB_SETTINGS_DIR": str(settings)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        until(lambda: _answers(url) or process.poll() is not None, f"{kind} does not start: see {log}", 60)
        assert process.poll() is None, log.read_text()
        server = Jupyter(kind, url, token, root, browser, settings, variables)
        yield server
        server.close()
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _accept_whenever(page: Page, title: str) -> None:
    page.add_locator_handler(
        page.locator(".jp-Dialog", has_text=title), lambda dialog: dialog.locator(".jp-mod-accept").click()
    )


def _set(settings: Path, name: str, values: dict[str, object]) -> None:
    file = settings / f"{name}.jupyterlab-settings"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(values))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}api", timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False

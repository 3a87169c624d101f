"""The documentation shows what runs: each page is a session with a real service, from top to bottom.

A fenced block of ``sh`` is run by bash, one of ``python`` is a cell of a notebook. An HTML comment before a block says
``needs: MARKER`` for what a machine may lack, or ``not run: REASON``. A block of ``text`` is what the block before it
printed, with ``...`` for what differs.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from polly_magic.commands import COMMANDS, build_parser
from tests.local_service import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = {"README.md", "docs/commands.md", "docs/service.md", "docs/security.md"}
OUTSIDE = ("http://", "https://", "#")

_BLOCK = re.compile(
    r"(?:<!-- (?P<note>[^>]*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_FLAG = re.compile(r"`(--[a-z-]+)")


@dataclass
class Block:
    language: str
    text: str
    line: int
    note: str

    @property
    def needs(self) -> str:
        return self.note.removeprefix("needs: ") if self.note.startswith("needs: ") else ""

    @property
    def is_run(self) -> bool:
        return not self.note.startswith("not run: ")


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text()
    return [
        Block(match["language"], match["text"], text.count("\n", 0, match.start("text")) + 1, match["note"] or "")
        for match in _BLOCK.finditer(text)
    ]


class Session:
    """A shell and a notebook beside each other, and what they printed last."""

    def __init__(self, variables: dict[str, str], directory: Path, notebook: NotebookClient) -> None:
        self.variables = variables
        self.directory = directory
        self.notebook = notebook
        self.said = ""
        self._cells = 0

    def run(self, block: Block) -> None:
        if block.language == "text":
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            assert doctest.OutputChecker().check_output(block.text, self.said, flags), f"it said:\n{self.said}"
        elif block.language == "sh":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text],
                env=self.variables, cwd=self.directory, capture_output=True, text=True, timeout=110, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"it ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
            self.said = done.stdout
        else:
            cell = nbformat.v4.new_code_cell(block.text)
            self.notebook.nb.cells.append(cell)
            self.notebook.execute_cell(cell, self._cells)
            self._cells += 1
            self.said = "".join(output.get("text", "") for output in cell.outputs)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    variables = environment(tmp_path)
    for name in set(os.environ) - set(variables):
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    directory = tmp_path / "work"
    directory.mkdir()
    notebook = NotebookClient(
        nbformat.v4.new_notebook(), timeout=60, kernel_name="python3", resources={"metadata": {"path": str(directory)}}
    )
    with notebook.setup_kernel():
        yield Session(variables, directory, notebook)
    # for a page that does not end itself what it starts
    subprocess.run(["polly-dockers", "logout"], env=variables, capture_output=True, timeout=60, check=False)
    for state in directory.glob("*/service.json"):
        os.kill(json.loads(state.read_text())["pid"], signal.SIGTERM)


def _run_page(page: str, session: Session, needs: set[str]) -> None:
    for block in blocks(page):
        if block.is_run and block.needs in needs | {""}:
            try:
                session.run(block)
            except Exception as error:  # noqa: BLE001 - said with the place in the page
                pytest.fail(f"{page}, line {block.line}:\n{block.text}\n{error}", pytrace=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(PAGES))
def test_runs(page: str, session: Session) -> None:
    _run_page(page, session, set())


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.parametrize(
    "page", sorted(page for page in PAGES if any(block.needs == "engine" for block in blocks(page)))
)
def test_runs_with_an_engine(page: str, session: Session) -> None:
    _run_page(page, session, {"engine"})


def test_leaves_no_page_and_no_block_untested() -> None:
    languages = {"sh", "python", "text"}
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        page = path.relative_to(ROOT).as_posix()
        found = blocks(page)
        assert path.read_text().count("\n```") == 2 * len(found), f"{page} has a block that is not read"
        assert page in PAGES or not [block for block in found if block.language in languages], page
        for block in found:
            assert block.language in languages or not block.is_run, f"{page}, line {block.line}: {block.language!r}"
            assert re.fullmatch(r"|needs: engine|not run: .+", block.note), f"{page}, line {block.line}: {block.note}"


def test_describes_every_command_with_every_flag_and_no_other() -> None:
    text = (ROOT / "docs/commands.md").read_text()
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert set(sections) == set(COMMANDS)
    for name, section in sections.items():
        parser = build_parser({name: COMMANDS[name]}, "polly-dockers", terminal=True)
        verbs = next(action.choices for action in parser.actions() if action.dest == "command")
        flags = {flag for flag in dict(verbs or {})[name].flags() if flag.startswith("--")}
        common = {"--help", "--debug", "--json", "--csv"}
        assert set(_FLAG.findall(section)) - common == flags - common, name
        assert re.search(rf"(polly-dockers|%polly_dockers) {name}\b", section), f"{name} has no example"


def test_links_lead_somewhere() -> None:
    for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
            if not target.startswith(OUTSIDE):
                assert (path.parent / target.partition("#")[0]).exists(), f"{path.name}: {target}"

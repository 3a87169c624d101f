"""``make screenshots``: the pictures of the README, of a service with the sample, as the browser shows them."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from polly_magic.api import Client
from tests.anna import Anna
from tests.browser.front_end import Jupyter, chromium, jupyter
from tests.images import remove_repositories
from tests.local_service import logged_in, run

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect

PICTURES = Path(__file__).parents[2] / "docs" / "screenshots"
DATABASE = "polly.sqlite3"
WIDE = 1480  # px for the line of a pin
SETTLED = 800  # ms after which nothing moves any more
# Of a repository with some history: tag, and how many days ago it was pushed.
PUSHES = (
    ("1.0", 340), ("latest", 340), ("latest", 270), ("1.1", 270), ("1.1", 255), ("latest", 180), ("2.0", 120),
    ("latest", 120), ("2.0", 90), ("latest", 40),
)  # fmt: skip
TIMES = {
    "16june": ("2020-06-17T18:12:58", "2020-06-17T19:03:35"),
    "docker_demo/cache": ("2020-06-01T09:00:00",),
    "workbench": ("2024-02-01T10:00:00", "2024-09-01T10:00:00", "2024-09-01T10:00:00"),
    "notebook": ("2024-10-07T08:30:00", "2024-11-04T16:45:00"),
    "rna/aligner": tuple(f"{date.today() - timedelta(days):%Y-%m-%d}T09:30:00" for _, days in PUSHES),
}
HISTORY = "%polly_dockers history rna/aligner"
ANALYSIS = "import assay\n\nassay.__version__, assay.normalise([10, 20, 70])"


def main() -> None:
    """Make them all."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="polly-screenshots-") as directory:
        home = Path(directory)
        with logged_in(home) as variables:
            os.environ.update(
                {name: text for name, text in variables.items() if name.startswith(("POLLY_", "DOCKER_"))}
            )
            _fill(variables)
            image, kernel = _install(variables)
            try:
                _take(variables, home, image, kernel)
            finally:
                remove_repositories(variables, image.partition("@")[0])


def _take(variables: dict[str, str], home: Path, image: str, kernel: str) -> None:
    with chromium() as browser:
        for theme in ("light", "dark"):
            with jupyter("notebook", browser, variables, home / "notebooks") as server:
                _panel(server, theme)
                _history(server, theme)
            with jupyter("lab", browser, variables, home / "lab") as server:
                _kernel(server, theme, image, kernel)


def _fill(variables: dict[str, str]) -> None:
    run(variables, sys.executable, "-m", "polly_magic.sample")
    with Client() as client:
        anna = Anna(variables, client.registry)
        client.create("elucidata/rna/aligner", description="STAR, samtools and our filters")
    for number, (tag, _) in enumerate(PUSHES):
        anna.push("rna/aligner", tag, str(number))
    (state,) = Path(variables["POLLY_MAGIC_HOME"]).rglob("service.json")
    _date(state.parent / DATABASE)


def _install(variables: dict[str, str]) -> tuple[str, str]:
    """Install the kernel of the commit that is inactive, and return that commit and the kernel's name."""
    with Client() as client:
        (commit,) = client.commits("elucidata/notebook", status="inactive")
    said = run(variables, "polly-dockers", "kernel", "install", commit.pull_path, "--json")
    return commit.pull_path, json.loads(said)[0]["name"]


def _date(database: Path) -> None:
    """Let the pushes of a minute be those of years."""
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        for name, times in TIMES.items():
            (repository,) = connection.execute("SELECT id FROM repositories WHERE name = ?", [name]).fetchone()
            begun = _microseconds(times[0]) - 86_400_000_000
            connection.execute("UPDATE repositories SET created_at = ? WHERE id = ?", [begun, repository])
            rows = connection.execute(
                "SELECT id, tag FROM commits WHERE repository_id = ? ORDER BY id", [repository]
            ).fetchall()
            open_: dict[str, int] = {}
            for (commit, tag), time in zip(rows, times, strict=True):
                pushed = _microseconds(time)
                connection.execute("UPDATE commits SET pushed_at = ? WHERE id = ?", [pushed, commit])
                connection.execute("UPDATE commits SET replaced_at = ? WHERE id = ?", [pushed, open_.get(tag)])
                open_[tag] = commit


def _microseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).replace(tzinfo=timezone.utc).timestamp() * 1e6)


def _panel(server: Jupyter, theme: str) -> None:
    notebook = server.notebook("panel", "%load_ext polly_magic", "%polly_dockers", theme=theme)
    notebook.run(2)
    page = notebook.page
    page.get_by_role("grid", name="Docker repositories").get_by_text("16june", exact=True).click()
    page.get_by_role("grid", name="Commits").get_by_text("inactive", exact=True).click()
    expect(notebook.document).to_contain_text("Entry point")
    page.locator("button", has_text="Pull cell").click()
    expect(notebook.active.locator(".cm-content")).to_contain_text("docker pull")
    page.mouse.move(0, 0)
    top, bottom = notebook.cells.first.bounding_box(), notebook.active.bounding_box()
    assert top is not None
    assert bottom is not None
    height = bottom["y"] + bottom["height"] - top["y"] + 8
    clip: FloatRect = {"x": top["x"], "y": top["y"] - 8, "width": top["width"], "height": height}
    page.wait_for_timeout(SETTLED)
    page.screenshot(path=PICTURES / f"panel-{theme}.png", clip=clip)


def _history(server: Jupyter, theme: str) -> None:
    notebook = server.notebook("history", "%load_ext polly_magic", HISTORY, theme=theme)
    notebook.run(2)
    expect(notebook.document.locator("svg.polly-history").first).to_be_visible()
    picture = notebook.document.locator("svg.polly-history")
    notebook.page.wait_for_timeout(SETTLED)
    picture.first.screenshot(path=PICTURES / f"history-{theme}.png")


def _kernel(server: Jupyter, theme: str, image: str, kernel: str) -> None:
    path = server.write("analysis", ANALYSIS, kernel=kernel)
    run(server.variables, "polly-dockers", "pin", str(path), image)
    notebook = server.open(path, theme=theme)
    page = notebook.page
    page.set_viewport_size({"width": WIDE, "height": 1400})
    page.keyboard.press("Control+b")  # without the list of files
    notebook.run(2)
    expect(notebook.output(0)).to_contain_text("as the notebook needs")
    expect(notebook.output(1)).to_be_visible()
    page.mouse.move(0, 0)
    page.wait_for_timeout(SETTLED)
    panel, last = page.locator(".jp-NotebookPanel").bounding_box(), notebook.output(1).bounding_box()
    assert panel is not None
    assert last is not None
    clip: FloatRect = {**panel, "height": last["y"] + last["height"] + 4 - panel["y"]}
    page.screenshot(path=PICTURES / f"kernel-{theme}.png", clip=clip)


if __name__ == "__main__":
    main()

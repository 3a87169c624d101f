"""Kernels in containers, as whoever works in JupyterLab and Notebook meets them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from polly_magic.kernels.container import LABEL, WORK
from polly_magic.references import short_digest
from tests.browser.front_end import until
from tests.images import remove_repositories
from tests.kernel_images import BY_SUM, COUNTS, pull, push_kernel_images
from tests.local_service import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from polly_magic.sample.bricks import Bricks
    from tests.anna import Anna
    from tests.browser.front_end import Jupyter, Notebook
    from tests.kernel_images import KernelImages

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(240)]

FACTS = "import assay, os, sys; print(sys.prefix, os.getcwd(), assay.__version__)"
ASSAY = f"assay.normalise({COUNTS})"
FILE = "open('made.txt', 'w').write('here')"
REFUSED = r"(?:Wrong|Unknown)Environment: This notebook needs "


@dataclass(frozen=True)
class Kernel:
    """An installed kernel: what Jupyter calls it, what people see, and the image."""

    name: str
    shown: str
    image: str

    def containers(self) -> list[str]:
        """Return the names of those that are there, in whatever state."""
        listed = subprocess.run(
            ["docker", "ps", "--all", "--filter", f"label={LABEL}={self.image}", "--format", "{{.Names}}"],
            capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
        return listed.stdout.split()


def install(server: Jupyter, anna: Anna, reference: str) -> Kernel:
    """Do it in a terminal of hers, beside her Jupyter."""
    hers = {name: anna.variables[name] for name in ("POLLY_MAGIC_HOME", "DOCKER_CONFIG")}
    said = run(server.variables | hers, "polly-dockers", "kernel", "install", reference, "--json")
    (row,) = json.loads(said)
    return Kernel(row["name"], row["display_name"], row["image"])


@pytest.fixture
def kernel(front_end: Jupyter, annas_login: Anna, pulled_kernel_images: KernelImages) -> Iterator[Kernel]:
    """Install the kernel of the inactive commit; in the end none of it may run any more."""
    installed = install(front_end, annas_login, f"kernel@{short_digest(pulled_kernel_images.inactive)}")
    yield installed

    def ended() -> bool:
        # Again, since a session that is about to begin is not in the list yet.
        front_end.close()
        return not installed.containers()

    until(ended, "a container is left of a kernel that was shut down")


def write(notebook: Notebook, number: int, text: str) -> None:
    """Write into an empty cell, and run it."""
    notebook.cells.nth(number).locator(".cm-content").click()
    notebook.page.keyboard.insert_text(text)
    notebook.run(1, number)


def show_icon(page: Page, name: str) -> dict[str, Any]:
    """Return how large a kernel's icon is drawn, and what of it is a colour."""
    return page.locator(f".jp-LauncherCard img[src*='/kernelspecs/{name}/']").first.evaluate(
        """async image => {
            await image.decode();
            const canvas = new OffscreenCanvas(32, 32).getContext("2d");
            canvas.drawImage(image, 0, 0, 32, 32);
            const drawn = canvas.getImageData(0, 0, 32, 32).data.filter((_, number) => number % 4 === 3 && _ > 0);
            return {width: image.getBoundingClientRect().width, drawn: drawn.length};
        }"""
    )


def test_starts_from_the_launcher_in_its_container(
    front_end: Jupyter, kernel: Kernel, pulled_kernel_images: KernelImages
) -> None:
    assert kernel.shown == f"Polly kernel@{pulled_kernel_images.inactive.removeprefix('sha256:')[:7]}"
    notebook = front_end.launch(kernel.shown)
    expect(notebook.page.locator(".jp-KernelName").last).to_have_text(kernel.shown)
    for number, text in enumerate((FACTS, ASSAY, FILE)):
        write(notebook, number, text)
    assert sys.prefix != "/usr/local"
    expect(notebook.output(0)).to_have_text(f"/usr/local {WORK} 1.0\n")
    expect(notebook.output(1)).to_have_text(str(BY_SUM))
    expect(notebook.output(2)).to_have_text("4")
    made = front_end.root / "made.txt"
    assert (made.read_text(), made.stat().st_uid, made.stat().st_gid) == ("here", os.getuid(), os.getgid())
    assert kernel.containers()


# Notebook's menu shows the same icon for every kernel.
@pytest.mark.parametrize("server", ["lab"], indirect=True)
def test_shows_its_icon_in_the_launcher(front_end: Jupyter, kernel: Kernel) -> None:
    for theme in ("light", "dark"):
        icon = show_icon(front_end.launcher(theme), kernel.name)
        assert icon["width"] >= 32
        assert icon["drawn"] > 300, "there is little to see"


def test_interrupt_ends_a_cell_and_leaves_the_rest(front_end: Jupyter, kernel: Kernel) -> None:
    notebook = front_end.open(
        front_end.write("long", "x = 1; import time; print('sleeping'); time.sleep(60)", "x", kernel=kernel.name)
    )
    notebook.start(0)
    expect(notebook.output(0).first).to_have_text("sleeping\n")
    notebook.page.get_by_role("button", name="Interrupt the kernel").click()
    expect(notebook.output(0).last).to_contain_text("KeyboardInterrupt")
    notebook.run(1, 1)
    expect(notebook.output(1)).to_have_text("1")


def test_restart_begins_afresh_in_the_same_image(front_end: Jupyter, kernel: Kernel) -> None:
    notebook = front_end.open(front_end.write("state", "x = 1; x", "x", FACTS, kernel=kernel.name))
    notebook.run(1)
    expect(notebook.output(0)).to_have_text("1")
    notebook.menu("Kernel", "Restart Kernel…")
    notebook.accept("Restart Kernel?")
    notebook.ready().run(2, 1)
    expect(notebook.output(1)).to_contain_text("NameError: name 'x' is not defined")
    expect(notebook.output(2)).to_have_text(f"/usr/local {WORK} 1.0\n")
    assert len(kernel.containers()) == 1


def test_shutting_it_down_leaves_no_container(front_end: Jupyter, kernel: Kernel) -> None:
    notebook = front_end.open(front_end.write("end", "1", kernel=kernel.name))
    # A front end may call a kernel idle that is only about to start: one that answers has started.
    notebook.run(1)
    assert len(kernel.containers()) == 1
    notebook.menu("Kernel", "Shut Down Kernel")
    until(lambda: not kernel.containers(), "its container is still there")


def test_line_refuses_until_the_pinned_kernel_is_chosen(front_end: Jupyter, kernel: Kernel) -> None:
    short = kernel.shown.removeprefix("Polly ")
    needs = f"%polly_dockers require {kernel.image} --tag latest --pinned 2026-11-23"
    notebook = front_end.notebook("pinned", "%load_ext polly_magic", needs)
    notebook.run(2)
    expect(notebook.output(1)).to_have_text(
        re.compile(rf"^{REFUSED}{re.escape(kernel.image)}.*\n.*kernel install.*\n?$")
    )
    notebook.page.locator(".jp-KernelName").last.click()
    dialog = notebook.page.locator(".jp-Dialog", has_text="Select Kernel")
    dialog.locator("select").select_option(label=kernel.shown)
    notebook.accept("Select Kernel")
    expect(notebook.page.locator(".jp-KernelName").last).to_have_text(kernel.shown)
    notebook.ready().run(2)
    expect(notebook.output(1)).to_have_text(f"This kernel runs in {short}, as the notebook needs.\n")


def test_start_without_its_image_says_what_to_run(front_end: Jupyter, anna: Anna, bricks: Bricks) -> None:
    images = push_kernel_images(anna, bricks, f"gone-{front_end.kind}")
    try:
        pull(anna, images.at(images.inactive))
        gone = install(front_end, anna, images.at(images.inactive))
    finally:
        remove_repositories(anna.variables, images.path)
    notebook = front_end.visit(front_end.write("gone", "1", kernel=gone.name))
    dialog = notebook.page.locator(".jp-Dialog", has_text="Error Starting Kernel")
    pulling = f"polly-dockers pull {gone.image.partition('@')[0]}@{images.inactive[7:14]}"
    for text in ("is not on this machine", pulling):
        expect(dialog).to_contain_text(text)
    assert gone.containers() == []
    # What it says to run is what helps.
    run(anna.variables, *pulling.split())
    try:
        notebook.accept("Error Starting Kernel")
        notebook.page.reload()
        notebook.ready().run(1)
        expect(notebook.output(0)).to_have_text("1")
    finally:
        front_end.close()
        remove_repositories(anna.variables, images.path)

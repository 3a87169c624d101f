"""A notebook in the image of its pin, and in the next one: the real service, engine and kernel."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from tests.images import remove_repositories
from tests.kernel import kernel
from tests.kernel_images import BY_MEDIAN, BY_SUM, COUNTS, push_kernel_images
from tests.pinning.notebooks import code, read, text, write

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from polly_magic.sample.bricks import Bricks
    from tests.anna import Anna
    from tests.kernel_images import KernelImages

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def result(said: object) -> dict[str, Any]:
    return {"output_type": "execute_result", "data": {"text/plain": [str(said)]}, "metadata": {}, "execution_count": 1}


def stream(said: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": [said]}


def analysis(anna: Anna, path: Path, image: str) -> Path:
    """A notebook as somebody ran it in the inactive commit, and pinned."""
    counts = path.parent / "counts.json"
    counts.write_text(json.dumps(COUNTS))
    write(
        path,
        text("# Counts"),
        code("import assay, json\ncounts = json.load(open('counts.json'))", execution_count=2),
        code("print(sum(counts))", execution_count=3, outputs=[stream("100\n")]),
        code("assay.normalise(counts)", execution_count=4, outputs=[result(BY_SUM)]),
        code("len(counts)", execution_count=5, outputs=[result(3)]),
    )
    done = anna.program("polly-dockers", "pin", str(path), image)
    assert done.returncode == 0, done.stderr
    return path


def reproduce(anna: Anna, *words: str) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    done = anna.program("polly-dockers", "reproduce", *words, "--json")
    assert done.stdout, done.stderr
    return done, json.loads(done.stdout)


def leftovers(anna: Anna) -> list[str]:
    listed = anna.program("docker", "ps", "--all", "--format", "{{.Names}} {{.Image}}").stdout
    return [line for line in listed.splitlines() if anna.registry in line]


def test_same_in_the_pinned_commit_and_different_in_the_next(
    anna: Anna, pulled_kernel_images: KernelImages, tmp_path: Path
) -> None:
    images = pulled_kernel_images
    path = analysis(anna, tmp_path / "analysis.ipynb", images.at(images.inactive))
    before, changed = path.read_bytes(), path.stat().st_mtime_ns
    done, rows = reproduce(anna, str(path))
    assert [(row["cell"], row["status"], row["detail"]) for row in rows] == [
        (1, "not compared", "the pin's own cell"),
        (2, "same", ""),
        (3, "same", ""),
        (4, "same", ""),
        (5, "same", ""),
    ]
    assert done.returncode == 0, done.stderr

    report = tmp_path / "report.html"
    done, rows = reproduce(anna, str(path), "--image", f"{images.name}:latest", "--html", str(report))
    assert done.returncode == 1
    assert [row["status"] for row in rows] == ["not compared", "same", "same", "different", "same"]
    assert rows[3]["source"] == "assay.normalise(counts)"
    assert rows[3]["diff"].splitlines()[3:] == [f"-{BY_SUM}", f"+{BY_MEDIAN}"]
    assert images.active in report.read_text()

    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, changed)
    assert {file.name for file in tmp_path.iterdir()} == {"analysis.ipynb", "counts.json", "report.html"}
    assert leftovers(anna) == []


def test_written_outputs_are_those_of_the_image(anna: Anna, pulled_kernel_images: KernelImages, tmp_path: Path) -> None:
    images = pulled_kernel_images
    path = analysis(anna, tmp_path / "analysis.ipynb", images.at(images.active))
    done, _ = reproduce(anna, str(path), "--write")
    assert done.returncode == 1
    assert f"{path} has the new outputs" in done.stderr
    cells = [cell for cell in read(path)["cells"] if cell["cell_type"] == "code"]
    assert cells[3]["outputs"][0]["data"]["text/plain"] == [str(BY_MEDIAN)]
    (said,) = cells[0]["outputs"]
    assert re.match(r"This kernel runs in \S+, as the notebook needs\.\n", "".join(said["text"]))
    done, rows = reproduce(anna, str(path))
    assert done.returncode == 0
    assert [row["status"] for row in rows] == ["not compared", *["same"] * 4]


def test_image_that_is_not_here_is_pulled(anna: Anna, bricks: Bricks, tmp_path: Path) -> None:
    images = push_kernel_images(anna, bricks, "kernel-to-pull")
    try:
        image = images.at(images.inactive)
        path = analysis(anna, tmp_path / "analysis.ipynb", image)
        assert anna.program("docker", "image", "inspect", image).returncode == 1
        done, rows = reproduce(anna, str(path))
        assert done.returncode == 0, done.stderr
        assert [row["status"] for row in rows] == ["not compared", *["same"] * 4]
    finally:
        remove_repositories(anna.variables, images.path)


def test_what_an_installed_kernel_has_is_handed_to_the_notebook(
    anna: Anna, pulled_kernel_images: KernelImages, tmp_path: Path
) -> None:
    images = pulled_kernel_images
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "genome").write_text("ACGT")
    look = "import os\nopen('/reference/genome').read(), os.environ['PROJECT']"
    (tmp_path / "folder").mkdir()
    path = write(tmp_path / "folder" / "a.ipynb", code(look, execution_count=1, outputs=[result(("ACGT", "june"))]))
    where = {"JUPYTER_DATA_DIR": str(tmp_path / "data")}
    # Of the other commit: the image is the pin's all the same.
    options = ["--name", "june", "--mount", f"{tmp_path}/reference:/reference:ro", "--env", "PROJECT=june"]
    for command in (
        ["kernel", "install", images.at(images.active), *options],
        ["pin", str(path), images.at(images.inactive)],
    ):
        done = anna.program("polly-dockers", *command, **where)
        assert done.returncode == 0, done.stderr
    assert anna.program("polly-dockers", "reproduce", str(path), **where).returncode == 1
    done = anna.program("polly-dockers", "reproduce", str(path), "--kernel", "june", "--json", **where)
    assert [row["status"] for row in json.loads(done.stdout)] == ["not compared", "same"]
    assert done.returncode == 0
    assert leftovers(anna) == []


def test_notebook_gets_a_frame_and_one_line(anna: Anna, pulled_kernel_images: KernelImages, tmp_path: Path) -> None:
    images = pulled_kernel_images
    path = analysis(anna, tmp_path / "analysis.ipynb", images.at(images.inactive))
    with kernel(anna.variables) as (notebook, _):
        notebook.run("%load_ext polly_magic")
        cell = notebook.run(f"cells = %polly_dockers reproduce {path} --image {images.name}")
        assert cell.status == "ok", cell.traceback
        assert cell.stdout == "5 cells: 3 same, 1 different, 0 errors, 1 not compared.\n"
        differ = "cells.loc[cells.status == 'different', ['cell', 'source']].values.tolist()"
        assert notebook.run(differ).result["text/plain"] == "[[4, 'assay.normalise(counts)']]"


def test_interruption_ends_kernels_and_leaves_nothing(
    anna: Anna, pulled_kernel_images: KernelImages, tmp_path: Path
) -> None:
    images = pulled_kernel_images
    (tmp_path / "left").mkdir()
    path = tmp_path / "slow.ipynb"
    marker = tmp_path / "running"
    slow = "import pathlib, time; pathlib.Path('running').touch(); time.sleep(100)"
    write(path, code("1", execution_count=1, outputs=[result(1)]), code(slow, execution_count=2))
    anna.program("polly-dockers", "pin", str(path), images.at(images.inactive))
    before = path.read_bytes()
    variables = anna.variables | {"TMPDIR": str(tmp_path / "left")}
    child = pexpect.spawn(
        "polly-dockers", ["reproduce", str(path)], env=variables, encoding="utf-8", timeout=60, dimensions=(24, 200)
    )
    try:
        child.expect(r"slow\.ipynb.*67%")
        for _ in range(100):
            if marker.exists():
                break
            time.sleep(0.1)
        assert leftovers(anna) != []
        began = time.monotonic()
        child.sendintr()
        child.expect("Interrupted: the kernels are ended, and no notebook was changed")
        child.expect(pexpect.EOF)
        assert time.monotonic() - began < 30
    finally:
        child.close(force=True)
    assert child.exitstatus == 130
    assert leftovers(anna) == []
    assert [*(tmp_path / "left").iterdir()] == []
    assert path.read_bytes() == before


def test_image_that_runs_no_notebook_is_said(anna: Anna, pulled_kernel_images: KernelImages, tmp_path: Path) -> None:
    images = pulled_kernel_images
    path = analysis(anna, tmp_path / "analysis.ipynb", images.at(images.without_ipykernel))
    done = anna.program("polly-dockers", "reproduce", str(path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "no ipykernel" in done.stderr
    assert "Traceback" not in done.stderr


def test_kernel_that_dies_takes_its_container_along(
    anna: Anna, pulled_kernel_images: KernelImages, tmp_path: Path
) -> None:
    images = pulled_kernel_images
    path = write(
        tmp_path / "dies.ipynb",
        code("1", execution_count=1, outputs=[result(1)]),
        code("import os; os.kill(os.getpid(), 9)", execution_count=2),
        code("2", execution_count=3, outputs=[result(2)]),
    )
    anna.program("polly-dockers", "pin", str(path), images.at(images.inactive))
    done, rows = reproduce(anna, str(path))
    assert done.returncode == 1
    assert [(row["status"], row["detail"]) for row in rows[1:]] == [
        ("same", ""),
        ("error", "The kernel died while this cell ran."),
        ("error", "not run, because of cell 3"),
    ]
    assert leftovers(anna) == []

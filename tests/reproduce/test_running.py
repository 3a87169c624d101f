"""What nbval finds of each cell, in a kernel of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from polly_magic.reproduce.running import Run, Settings
from tests.pinning.notebooks import code, text, write
from tests.reproduce.local import OTHER, PIN, copy, result, run, shown, stream, write_kernel

if TYPE_CHECKING:
    from polly_magic.reproduce.cells import Cell

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def ran(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    """A cell as the stored notebook has it, run."""
    return code(source, execution_count=7, outputs=[*outputs], metadata={"tags": [*tags]} if tags else {})


def told(cells: list[Cell]) -> list[tuple[str, str]]:
    return [(cell.status, cell.detail) for cell in cells]


def test_each_kind_of_output_is_compared(tmp_path: Path) -> None:
    html = "from IPython.display import display, HTML\ndisplay(HTML('<b>2</b>'))"
    plain = "<IPython.core.display.HTML object>"
    cells = run(
        write(
            tmp_path / "a.ipynb",
            text("# not counted"),
            ran(
                "\nprint(1)\nimport sys; print('e', file=sys.stderr)\nprint(2)",
                stream("1\n2\n"),
                stream("e\n", "stderr"),
            ),
            ran("print(2)", stream("1\n")),
            ran("2.5", result("2.5", 99)),
            ran("[0.1, 0.2]", result("[0.1, 0.25]")),
            ran(html, shown(text_plain=plain, text_html="<b>2</b>")),
            ran(html, shown(text_plain=plain, text_html="<b>1</b>")),
            ran("x = 1"),
            ran("x", result("1"), stream("more\n")),
            ran("print('less')"),
        )
    )
    assert [cell.number for cell in cells] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert [cell.source for cell in cells][:2] == ["print(1)", "print(2)"]
    assert [cell.status for cell in cells] == [
        *("same", "different", "same", "different", "same", "different", "same", "different", "different")
    ]
    assert cells[1].diff == "--- stored stdout\n+++ new stdout\n@@ -1 +1 @@\n-1\n+2"
    assert cells[3].diff == "--- stored text/plain\n+++ new text/plain\n@@ -1 +1 @@\n-[0.1, 0.25]\n+[0.1, 0.2]"
    assert cells[5].diff == "--- stored text/html\n+++ new text/html\n@@ -1 +1 @@\n-<b>1</b>\n+<b>2</b>"
    assert cells[7].diff.splitlines()[3:] == ["-more"]
    assert cells[8].diff.splitlines()[3:] == ["+less"]
    assert {cell.diff for cell in cells if cell.status == "same"} == {""}
    assert all(cell.seconds is not None and 0 < cell.seconds < 20 for cell in cells)


def test_tags_and_what_never_ran_are_not_compared(tmp_path: Path) -> None:
    raises = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["other"]}
    cells = run(
        write(
            tmp_path / "a.ipynb",
            ran("y = 1; print(2)", stream("1\n"), tags=("nbval-skip",)),
            ran("y", tags=("raises-exception",)),
            ran("print(2)", stream("1\n"), tags=("nbval-ignore-output",)),
            ran("# NBVAL_IGNORE_OUTPUT\nprint(2)", stream("1\n")),
            code("print(2)"),
            code(""),
            code("1 / 0", metadata={"tags": ["nbval-ignore-output"]}),
            ran("raise ValueError('no')", raises, tags=("raises-exception",)),
            ran("raise ValueError('yes')", raises, tags=("raises-exception",)),
            ran("raise ValueError('no')", raises),
            code("print(2)", outputs=[stream("2\n")]),
            ran("%no_such_magic", tags=("nbval-ignore-output",)),
        )
    )
    assert told(cells) == [
        ("not compared", "left out by its tag"),
        ("different", ""),
        ("not compared", "its output is ignored by its tag"),
        ("not compared", "its output is ignored by its tag"),
        ("not compared", "it never ran in the stored notebook"),
        ("not compared", "empty"),
        ("error", "ZeroDivisionError: division by zero"),
        ("same", ""),
        ("different", ""),
        ("error", "ValueError: no (as it did before: tag the cell raises-exception where it should)"),
        ("error", "The notebook holds outputs of this cell, and no execution count: run it, or clear them."),
        ("error", "UsageError: Line magic function `%no_such_magic` not found."),
    ]
    assert "+NameError" in cells[1].diff
    assert cells[8].diff.splitlines()[3:] == ["-no", "+yes"]
    # of what has an error there is nothing to be written; of what only misses its count there is
    assert [cell.outputs is None for cell in cells] == [True, *[False] * 5, True, False, False, True, False, True]


def test_what_is_redrawn_is_compared_as_it_stands_at_the_end(tmp_path: Path) -> None:
    bar = "from IPython.display import display, clear_output\n"
    bar += "handle = display({'text/plain': '0 %'}, raw=True, display_id=True)\n"
    bar += "handle.update({'text/plain': '100 %'}, raw=True)"
    clear = "print(1); clear_output(); print(2)"
    cells = run(
        write(
            tmp_path / "a.ipynb",
            ran(bar, shown(text_plain="100 %")),
            ran(bar, shown(text_plain="0 %")),
            ran(clear, stream("2\n")),
            ran(clear, stream("1\n2\n")),
            ran(clear, stream("3\n"), tags=("nbval-ignore-output",)),
        )
    )
    assert [cell.status for cell in cells] == ["same", "different", "same", "different", "not compared"]
    assert [cell.diff.splitlines()[3:] for cell in cells[1:4:2]] == [["-0 %", "+100 %"], ["-1", " 2"]]


def test_data_that_is_no_text_is_compared(tmp_path: Path) -> None:
    source = "from IPython.display import display\ndisplay({'application/json': {'a': 1}}, raw=True)"
    stored = {"output_type": "display_data", "data": {"application/json": {"a": 1}}, "metadata": {}}
    other = stored | {"data": {"application/json": {"a": 2}}}
    cells = run(write(tmp_path / "a.ipynb", ran(source, stored), ran(source, other), ran(source, stored, stored)))
    assert [cell.status for cell in cells] == ["same", "different", "different"]
    assert '- "a": 2' in cells[1].diff.splitlines()


def test_pictures_are_said_not_to_be_compared(tmp_path: Path) -> None:
    source = "from IPython.display import display\ndisplay({'text/plain': 'plot', 'image/png': 'AAAA'}, raw=True)"
    cells = run(
        write(
            tmp_path / "a.ipynb",
            ran(source, shown(text_plain="plot", image_png="BBBB")),
            ran(source, shown(text_plain="map", image_png="BBBB")),
        )
    )
    assert told(cells) == [("same", "image/png not compared"), ("different", "image/png not compared")]
    assert "AAAA" not in cells[1].diff


def test_own_line_is_not_compared_and_hides_nothing_else(tmp_path: Path) -> None:
    define = (
        "from IPython.core.magic import register_line_magic\n"
        "@register_line_magic\ndef polly_dockers(line):\n"
        "    print(f'This kernel runs in 16june@{line.split(\"sha256:\")[1][:7]}, as the notebook needs.')\n"
        "    return line"
    )
    line, moved = PIN.line(), OTHER.line()
    said = stream("This kernel runs in 16june@5555555, as the notebook needs.\n")
    path = write(
        tmp_path / "a.ipynb",
        ran(define),
        ran(f"# which image\n%load_ext IPython.extensions.storemagic\n{line}", stream("something else\n")),
        ran(f"{line}\nprint(1)", said, stream("1\n")),
        ran(f"{line}\nprint(2)", said, stream("1\n")),
    )
    before = path.read_bytes()
    for pin in (PIN, OTHER):
        cells = run(path, pin=pin)
        assert told(cells)[:3] == [("same", ""), ("not compared", "the pin's own cell"), ("same", "")]
        assert cells[3].status == "different"
        assert cells[3].diff.splitlines()[-2:] == ["-1", "+2"]
        assert cells[1].outputs is not None
        assert (line if pin is PIN else moved).split(" require ")[1] in str(cells[1].outputs)
    assert path.read_bytes() == before


def test_patterns_leave_out_what_differs_in_every_run(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", ran("print('at 12:34, é 5')", stream("at 01:02, é 5\n")))
    assert told(run(path)) == [("different", "")]
    settings = Settings(30, "regex: \\d\\d:\\d\\d\nreplace: TIME\n")
    assert told(run(path, settings)) == [("same", "")]
    (cell,) = run(path, Settings(30, "regex: (é) 5\nreplace: \\1\n"))
    assert cell.diff.splitlines()[3:] == ["-at 01:02, é", "+at 12:34, é"]


def test_cell_that_takes_too_long_ends_the_run(tmp_path: Path) -> None:
    slow = ran("import time; time.sleep(60)")
    cells = run(write(tmp_path / "a.ipynb", ran("1", result(1)), slow, ran("2"), ran("3")), Settings(1))
    assert told(cells) == [
        ("same", ""),
        ("error", "It took longer than 1 s: --timeout SECONDS gives it more."),
        ("error", "not run, because of cell 2"),
        ("error", "not run, because of cell 2"),
    ]
    assert [cell.seconds is None for cell in cells] == [False, False, True, True]


def test_cell_that_takes_no_interruption_ends_all_the_same(tmp_path: Path) -> None:
    stubborn = "import time\nwhile True:\n    try:\n        print(1, flush=True); time.sleep(.05)\n"
    stubborn += "    except KeyboardInterrupt:\n        pass"
    began = time.monotonic()
    cells = run(write(tmp_path / "a.ipynb", ran(stubborn), ran("2")), Settings(1))
    assert told(cells) == [
        ("error", "It took longer than 1 s: --timeout SECONDS gives it more."),
        ("error", "not run, because of cell 1"),
    ]
    assert time.monotonic() - began < 30


def test_tag_does_not_hide_that_a_cell_took_too_long(tmp_path: Path) -> None:
    cells = run(
        write(tmp_path / "a.ipynb", ran("import time; time.sleep(60)", tags=("raises-exception",))), Settings(1)
    )
    assert cells[0].detail.startswith("It took longer than 1 s")


def test_kernel_that_dies_is_noticed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    began = time.monotonic()
    cells = run(write(tmp_path / "a.ipynb", ran("import os; os._exit(3)"), ran("1")), Settings(100))
    assert told(cells) == [
        ("error", "The kernel died while this cell ran."),
        ("error", "not run, because of cell 1"),
    ]
    assert time.monotonic() - began < 20
    assert [*(tmp_path / "tmp").iterdir()] == []  # no connection file


@pytest.mark.parametrize(
    ("module", "said"),
    [("this", "Kernel died before replying to kernel_info"), ("no_such_module", "Kernel died before")],
)
def test_kernel_that_does_not_start_is_said(tmp_path: Path, module: str, said: str) -> None:
    path = write(tmp_path / "a.ipynb", ran("1"), ran("2"))
    with Run(copy(path), partial(write_kernel, module=module), Settings(5)) as running:
        cells = [*running]
    assert [cell.status for cell in cells] == ["error", "error"]
    assert cells[0].detail.startswith(f"The kernel did not start: {said}")
    assert cells[1].detail == f"not run: {cells[0].detail}"


def test_notebook_that_nbval_cannot_read_is_said(tmp_path: Path) -> None:
    (cell,) = run(write(tmp_path / "a.ipynb", code(source="1", outputs={"none": 1})))
    assert cell.status == "error"
    assert cell.detail.startswith("not run: nbval ended with status ")


def test_settings_of_whoever_runs_it_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of their pytest, and no module that lies about."""
    for name in ("pytest.py", "nbval.py", "conftest.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit('wrong one')")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    path = write(tmp_path / "a.ipynb", ran("# NBVAL_CHECK_OUTPUT\n1", result(1), tags=("nbval-ignore-output",)))
    assert told(run(path)) == [("same", "")]


def test_run_that_is_stopped_ends_its_kernel(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", ran("1", result(1)), ran("import time; time.sleep(100)"), ran("2"))
    with Run(copy(path), write_kernel, Settings(200)) as running:
        cells = iter(running)
        assert next(cells).status == "same"
        kernels = psutil.Process().children(recursive=True)
        assert len(kernels) >= 2
        began = time.monotonic()
        running.stop()
        assert [cell.status for cell in cells] == ["error", "error"]
    assert time.monotonic() - began < 10
    assert not psutil.wait_procs(kernels, timeout=5)[1]


def test_run_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """Also where that is killed and can do nothing any more."""
    path = write(tmp_path / "a.ipynb", ran("1"), ran("import time; time.sleep(100)"))
    (tmp_path / "left").mkdir()
    program = (
        "import sys, tempfile; from pathlib import Path\n"
        "from tests.reproduce.local import *\n"
        f"with Run(copy(Path({str(path)!r})), write_kernel, QUICK) as running:\n"
        "    for cell in running: print(cell.number, flush=True)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"TMPDIR": str(tmp_path / "left")},
        stdout=subprocess.PIPE,
    )
    assert starter.stdout
    assert starter.stdout.readline() == b"1\n"
    started = psutil.Process(starter.pid).children(recursive=True)
    assert len(started) >= 2
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    assert not psutil.wait_procs(started, timeout=20)[1]


def test_what_runs_is_told_to_nobody_but_the_kernel(tmp_path: Path) -> None:
    """No connection file, no copy and no cache beside the notebook."""
    folder = tmp_path / "folder"
    folder.mkdir()
    path = write(folder / "a.ipynb", ran("1", result(1)))
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    assert told(run(path)) == [("same", "")]
    assert [*folder.iterdir()] == [path]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert json.loads(path.read_text())["cells"][0]["execution_count"] == 7

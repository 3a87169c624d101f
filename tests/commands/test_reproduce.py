"""`reproduce` as both faces show it, in this machine's kernel; `reproduce/test_in_container.py` has the image's."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from rich.console import Console

from polly_magic import terminal
from polly_magic.commands import reproduce
from polly_magic.errors import EngineUnavailable, NotFound, PollyError, UsageError
from polly_magic.frames import html
from tests.commands.faces import RecordingFace, run
from tests.pinning.notebooks import code, read, text, write
from tests.reproduce.local import PIN, result, stream, write_kernel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.anna import Anna

COLUMNS = ["notebook", "cell", "status", "source", "seconds", "detail", "diff"]


@pytest.fixture
def in_this_kernel(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every image be this machine's own Python; return the images that were asked for."""
    asked: list[str] = []
    monkeypatch.setattr(reproduce, "_kernel", lambda reference, *_: asked.append(reference))
    monkeypatch.setattr(reproduce, "_writer", lambda *_: write_kernel)
    return asked


def good(path: Path) -> Path:
    return write(
        path,
        code("1 + 1", execution_count=1, outputs=[result(2)]),
        code("x = 1", execution_count=2),
        polly=PIN.record(),
    )


def changed(path: Path) -> Path:
    return write(
        path,
        text("# counts"),
        code("print('[red]', '\\x1b[31m')", execution_count=1, outputs=[stream("old\n")]),
        code("1 / 0", execution_count=2),
        code("'new'"),
        polly=PIN.record(),
    )


def printed(shown: Any, width: int = 200) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, markup=False, emoji=False).print(shown.renderable())
    return out.getvalue()


def test_pattern_stands_for_its_notebooks_where_no_shell_has_put_them(
    in_this_kernel: list[str], tmp_path: Path
) -> None:
    for name in ("b.ipynb", "a.ipynb", "a[1].ipynb"):
        good(tmp_path / name)
    found = run(RecordingFace(), "reproduce", f"{tmp_path}/?.ipynb", f"{tmp_path}/a[1].ipynb")
    assert [outcome.path.name for outcome in found.outcomes] == ["a.ipynb", "b.ipynb", "a[1].ipynb"]
    with pytest.raises(UsageError, match=r"no notebook .*none\*\.ipynb"):
        run(RecordingFace(), "reproduce", f"{tmp_path}/none*.ipynb")


def test_all_the_same_is_success(in_this_kernel: list[str], tmp_path: Path) -> None:
    path = good(tmp_path / "a.ipynb")
    face = RecordingFace()
    done = run(face, "reproduce", str(path))
    assert [(row["cell"], row["status"], row["source"]) for row in done.records()] == [
        (1, "same", "1 + 1"),
        (2, "same", "x = 1"),
    ]
    assert (done.exit_status, face.notes, face.titles) == (0, [], ["Ran 1 notebook"])
    assert printed(done).splitlines()[-1] == "2 cells: 2 same, 0 different, 0 errors, 0 not compared."
    assert in_this_kernel == [PIN.reference]


@pytest.mark.parametrize(("cell", "status"), [("3", "different"), ("1 / 0", "error")])
def test_one_cell_is_enough_to_fail(in_this_kernel: list[str], tmp_path: Path, cell: str, status: str) -> None:
    path = write(tmp_path / "a.ipynb", code(cell, execution_count=1, outputs=[result(2)]), polly=PIN.record())
    done = run(RecordingFace(), "reproduce", str(path))
    assert ([row["status"] for row in done.records()], done.exit_status) == ([status], 1)


def test_what_differs_is_in_frame_table_and_diff(in_this_kernel: list[str], tmp_path: Path) -> None:
    paths = [str(good(tmp_path / "a.ipynb")), str(changed(tmp_path / "b.ipynb"))]
    face = RecordingFace(acts_at_once=False)
    done = run(face, "reproduce", *paths, "--jobs", "2")
    said = "5 cells of 2 notebooks: 2 same, 1 different, 1 error, 1 not compared."
    assert (done.exit_status, face.notes, face.titles) == (1, [said], ["Ran 2 notebooks"])
    assert in_this_kernel == [PIN.reference]

    frame = done.frame()
    assert [*frame] == COLUMNS
    assert [*frame.dtypes.astype(str)] == ["string", "Int64", "category", "string", "Float64", "string", "string"]
    assert [*frame["status"]] == ["same", "same", "different", "error", "not compared"]
    assert [*frame["notebook"]] == [paths[0]] * 2 + [paths[1]] * 3
    assert frame["detail"][3] == "ZeroDivisionError: division by zero"
    assert frame["diff"][2] == "--- stored stdout\n+++ new stdout\n@@ -1 +1 @@\n-old\n+[red] \x1b[31m"
    shown = html(frame)
    assert shown
    assert shown.count("background-color") == 3  # one style each for same, different and error

    lines = printed(done).splitlines()
    at = lines.index(f"{paths[1]}, cell 1: print('[red]', '\\x1b[31m')")
    assert lines[at + 1 :] == [
        *("--- stored stdout", "+++ new stdout", "@@ -1 +1 @@", "-old", "+[red] \\x1b[31m", "", said)
    ]
    assert json.loads(json.dumps(done.records()))[2]["diff"] == frame["diff"][2]


def test_empty_frame_has_the_same_types() -> None:
    from polly_magic.commands.reproduction import Reproduction

    frame = Reproduction([]).frame()
    assert [*frame] == COLUMNS
    assert [*frame.dtypes.astype(str)] == ["string", "Int64", "category", "string", "Float64", "string", "string"]
    assert isinstance(frame["status"].dtype, pd.CategoricalDtype)


def test_terminal_tells_by_its_exit_status(
    in_this_kernel: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}.reconfigure", lambda **_: None, raising=False)
    assert terminal.main(["reproduce", str(good(tmp_path / "a.ipynb"))]) == 0
    assert "2 same, 0 different" in capsys.readouterr().out
    assert terminal.main(["reproduce", str(changed(tmp_path / "b.ipynb")), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [*rows[0]] == COLUMNS
    assert [row["seconds"] is not None for row in rows] == [True, True, True]


def test_nothing_is_written_unless_told(in_this_kernel: list[str], tmp_path: Path) -> None:
    path = changed(tmp_path / "b.ipynb")
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    run(RecordingFace(), "reproduce", str(path))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [*tmp_path.iterdir()] == [path]


def test_report_and_outputs_are_written_when_told(in_this_kernel: list[str], tmp_path: Path) -> None:
    path, report = changed(tmp_path / "b.ipynb"), tmp_path / "report.html"
    face = RecordingFace()
    done = run(face, "reproduce", str(path), "--html", str(report), "--write")
    assert face.notes == [f"The report is in {report}.", f"{path} has the new outputs. Reload it where it is open."]
    assert "ZeroDivisionError" in report.read_text()
    assert [cell.get("outputs") for cell in read(path)["cells"]] == [
        None,
        [stream("[red] \x1b[31m\n")],
        [],
        [result("'new'", 3)],
    ]
    assert done.exit_status == 1
    face = RecordingFace()
    run(face, "reproduce", str(path), "--write")
    assert face.notes == [f"{path} has these outputs already."]


def test_table_is_not_lost_where_something_cannot_be_written(in_this_kernel: list[str], tmp_path: Path) -> None:
    report = tmp_path / "folder" / "report.html"
    report.parent.mkdir()
    cells = (
        f"import pathlib; pathlib.Path({str(report.parent)!r}).rmdir(); p = pathlib.Path({str(tmp_path)!r})/'a.ipynb'"
    )
    cells += "; _ = p.write_text(p.read_text() + ' ')"
    path = write(tmp_path / "a.ipynb", code(cells, execution_count=1), code("2"), polly=PIN.record())
    face = RecordingFace()
    done = run(face, "reproduce", str(path), "--html", str(report), "--write")
    assert "cannot be written: No such file" in face.notes[0]
    assert "was changed while it ran" in face.notes[1]
    assert [row["status"] for row in done.records()] == ["same", "not compared"]
    assert done.exit_status == 1


def test_patterns_and_time_are_passed_on(in_this_kernel: list[str], tmp_path: Path) -> None:
    patterns = tmp_path / "patterns"
    patterns.write_text("regex: \\d+\nreplace: N\n")
    slow = code("import time; time.sleep(50)", execution_count=2)
    cell = code("print(12)", execution_count=1, outputs=[stream("7\n")])
    path = write(tmp_path / "a.ipynb", cell, slow, polly=PIN.record())
    done = run(RecordingFace(), "reproduce", str(path), "--sanitize", str(patterns), "--timeout", "0.5")
    assert [(row["status"], row["detail"]) for row in done.records()] == [
        ("same", ""),
        ("error", "It took longer than 0.5 s: --timeout SECONDS gives it more."),
    ]


def test_other_image_stands_in_for_the_pin(in_this_kernel: list[str], anna: Anna, tmp_path: Path) -> None:
    name = anna.create("reproduced-")
    first, second = anna.push(name, "latest", "1"), anna.push(name, "latest", "2")
    path = tmp_path / "a.ipynb"
    write(path, code("1", execution_count=1, outputs=[result(1)]))
    before = path.read_bytes()
    image = f"{anna.registry}/elucidata/{name}"
    for reference, digest in ((name, second), (f"{name}@{first[7:15]}", first)):
        run(RecordingFace(), "reproduce", str(path), "--image", reference)
        assert in_this_kernel[-1] == f"{image}@{digest}"
    assert path.read_bytes() == before
    with pytest.raises(NotFound, match="has no tag 'none'"):
        run(RecordingFace(), "reproduce", str(path), "--image", f"{name}:none")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "are required: NOTEBOOK.ipynb"),
        (["none.ipynb"], "There is no notebook 'none.ipynb'"),
        (["good.ipynb", "none.ipynb"], "There is no notebook 'none.ipynb'"),
        (["broken.ipynb"], "'broken.ipynb' cannot be read: it is no JSON"),
        (["."], "'.' cannot be read: Is a directory"),
        (["free.ipynb"], "'free.ipynb' is not pinned"),
        (["good.ipynb", "link.ipynb"], "'link.ipynb' is named twice"),
        (["r.ipynb"], "'r.ipynb' is in R"),
        (["empty.ipynb"], "'empty.ipynb' has no code to run"),
        (["good.ipynb", "--sanitize", "none"], "'none' cannot be read: No such file"),
        (["good.ipynb", "--sanitize", "wrong"], "wrong, line 1: missing )"),
        (["good.ipynb", "--timeout", "0"], "0 is no time to run in"),
        (["good.ipynb", "--timeout", "nan"], "nan is no time to run in"),
        (["good.ipynb", "--timeout", "soon"], "'soon'"),
        (["good.ipynb", "--jobs", "0"], "0 is less than 1"),
        (["good.ipynb", "--html", "none/report.html"], "cannot be written: No such file"),
        (["good.ipynb", "--html", "good.ipynb"], "'good.ipynb' is one of the notebooks"),
        (["good.ipynb", "--image", "16june", "--write"], "--write keeps what the pinned image gives"),
    ],
)
def test_wrong_command_is_refused_before_anything_is_run(
    in_this_kernel: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    good(tmp_path / "good.ipynb")
    (tmp_path / "link.ipynb").symlink_to("good.ipynb")
    (tmp_path / "broken.ipynb").write_text("{")
    (tmp_path / "wrong").write_text("regex: (\nreplace: x")
    write(tmp_path / "free.ipynb", code("1"))
    write(tmp_path / "empty.ipynb", text("1"), polly=PIN.record())
    write(tmp_path / "r.ipynb", code("1"), language_info={"name": "R"}, polly=PIN.record())
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UsageError) as caught:
        run(RecordingFace(), "reproduce", *words)
    assert said in caught.value.problem
    assert caught.value.remedy
    assert in_this_kernel == []
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_kernel_that_is_not_installed_is_named(
    in_this_kernel: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    with pytest.raises(NotFound, match="No kernel of an image is called 'june'"):
        run(RecordingFace(), "reproduce", str(good(tmp_path / "a.ipynb")), "--kernel", "june")
    assert in_this_kernel == []


def test_unpinned_notebook_is_told_how_to_pin_it(tmp_path: Path) -> None:
    path = write(tmp_path / "free.ipynb", code("1"))
    with pytest.raises(UsageError) as caught:
        run(RecordingFace(), "reproduce", str(path))
    assert caught.value.remedy == f"Pin it: polly-dockers pin {path} REF"


def test_without_an_engine_it_is_said(tmp_path: Path, unused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{unused_port}")
    with pytest.raises(EngineUnavailable):
        run(RecordingFace(), "reproduce", str(good(tmp_path / "a.ipynb")))


def test_line_that_contradicts_the_record_is_said(in_this_kernel: list[str], tmp_path: Path) -> None:
    other = PIN.reference.replace("5" * 64, "6" * 64)
    path = write(tmp_path / "a.ipynb", code(f"%polly_dockers require {other}"), code("1"), polly=PIN.record())
    face = RecordingFace()
    run(face, "reproduce", str(path))
    assert in_this_kernel == [other]
    assert face.notes == [f"{path} runs in the image of its line; its metadata names another image: {PIN.reference}"]


def test_kernel_that_never_starts_is_no_exception(
    in_this_kernel: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(directory: Path) -> None:
        spec = {"argv": ["/no/such/program"], "display_name": "none", "language": "python"}
        (directory / "kernel.json").write_text(json.dumps(spec))

    monkeypatch.setattr(reproduce, "_writer", lambda *_: refuse)
    done = run(RecordingFace(), "reproduce", str(good(tmp_path / "a.ipynb")))
    assert {row["status"] for row in done.records()} == {"error"}
    assert "/no/such/program" in done.records()[0]["detail"]
    assert not isinstance(done, PollyError)

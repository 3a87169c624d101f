"""New outputs in a notebook's file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from polly_magic.errors import PollyError
from polly_magic.pinning.json_text import replace_value
from polly_magic.pinning.notebook import read_notebook
from polly_magic.reproduce.cells import Cell
from polly_magic.reproduce.outputs import as_written, from_messages
from polly_magic.reproduce.writing import with_outputs, write_outputs
from tests.pinning.notebooks import code, read, text, write
from tests.reproduce.local import result, run, stream

if TYPE_CHECKING:
    from pathlib import Path


def message(kind: str, **content: Any) -> dict[str, Any]:
    return {"header": {"msg_type": kind}, "content": {"metadata": {}} | content}


def blanked(text: str) -> str:
    """A notebook's text without what its second and fifth cell put out."""
    for cell in (1, 4):
        text = replace_value(text, ("cells", cell, "outputs"), [])
        text = replace_value(text, ("cells", cell, "execution_count"), None)
    return text


def test_notebook_gets_what_the_kernel_put_out_and_nothing_else_changes(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.ipynb",
        text("# é \\u00e9"),
        code("print('a'); 'b'", execution_count=5, outputs=[stream("old\n"), result("'b'", 5)]),
        code("1 / 0", execution_count=6, outputs=[stream("kept\n")]),
        code(
            "print(\n  'kept')",
            execution_count=7,
            outputs=[{"output_type": "stream", "name": "stdout", "text": "kept\n"}],
        ),
        code("'new'"),
        code(""),
        code("print(2)", execution_count=8, outputs=[stream("1\n")], metadata={"tags": ["nbval-skip"]}),
        number=1.50,
    )
    # as nobody's program writes it
    path.write_text(path.read_text().replace("1.5", "1.50").replace('"é', '"\\u00e9'))
    path.chmod(0o640)
    notebook = read_notebook(path)
    assert write_outputs(notebook, run(path))
    assert blanked(path.read_text()) == blanked(notebook.text) != path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    cells = read(path)["cells"]
    assert (cells[1]["execution_count"], cells[1]["outputs"]) == (5, [stream("a\n"), result("'b'", 5)])
    assert cells[4]["outputs"] == [result("'new'", 4)]
    assert (cells[5]["execution_count"], cells[5]["outputs"]) == (None, [])
    assert cells[6]["outputs"] == [stream("1\n")]
    nbformat.validate(nbformat.read(path, 4))

    notebook = read_notebook(path)
    again = run(path)
    assert [cell.status for cell in again] == ["same", "error", "same", "same", "not compared", "not compared"]
    changed = path.stat().st_mtime_ns
    assert not write_outputs(notebook, again)
    assert path.stat().st_mtime_ns == changed


def test_change_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", code("1", execution_count=1))
    notebook = read_notebook(path)
    new = [Cell(1, "different", "1", 0.1, outputs=[result(1)])]
    theirs = path.read_text() + "\n"
    path.write_text(theirs)
    with pytest.raises(PollyError, match="was changed while it ran"):
        write_outputs(notebook, new)
    assert path.read_text() == theirs
    path.unlink()
    with pytest.raises(PollyError, match="was changed while it ran"):
        write_outputs(notebook, new)
    assert not path.exists()


def test_text_in_lines_or_in_one_piece_is_the_same(tmp_path: Path) -> None:
    stored = {
        "output_type": "display_data",
        "data": {"text/plain": "a\nb", "text/html": ["<p>\n", "x"]},
        "metadata": {},
    }
    notebook = read_notebook(write(tmp_path / "a.ipynb", code("x", execution_count=1, outputs=[stored])))
    new = stored | {"data": {"text/plain": ["a\n", "b"], "text/html": "<p>\nx"}}
    assert with_outputs(notebook, [Cell(1, "same", "x", 0.1, outputs=[new])]) == notebook.text
    assert with_outputs(notebook, [Cell(1, "error", "x", 0.1)]) == notebook.text
    other = stored | {"data": {"text/plain": ["a\n", "c"]}}
    text = with_outputs(notebook, [Cell(1, "different", "x", 0.1, outputs=[other])])
    assert json.loads(text)["cells"][0]["outputs"] == [other]


def test_outputs_stand_as_a_front_end_shows_them_at_the_end() -> None:
    out, err = {"name": "stdout"}, {"name": "stderr"}
    plot = message("display_data", data={"text/plain": "0 %"}, transient={"display_id": "bar"})
    outputs = from_messages(
        [
            message("stream", text="gone", **out),
            message("clear_output", wait=False),
            plot,
            message("stream", text="a\nb", **out),
            message("stream", text="c\n", **out),
            message("stream", text="w", **err),
            message("stream", text="d", **out),
            message("update_display_data", data={"text/plain": "100 %"}, transient={"display_id": "bar"}),
            message("update_display_data", data={"text/plain": "?"}, transient={"display_id": "other"}),
        ]
    )
    assert as_written(outputs) == [
        {"output_type": "display_data", "data": {"text/plain": ["100 %"]}, "metadata": {}},
        stream("a\nbc\n"),
        stream("w", "stderr"),
        stream("d"),
    ]
    cleared = [plot, message("clear_output", wait=True)]
    assert len(from_messages(cleared)) == 1
    assert as_written(from_messages([*cleared, message("stream", text="b", **out)])) == [stream("b")]

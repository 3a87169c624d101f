"""The copy that is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polly_magic.errors import UsageError
from polly_magic.pinning.notebook import read_notebook
from polly_magic.reproduce.copying import copy_of
from tests.pinning.notebooks import code, content, text, write
from tests.reproduce.local import OTHER, PIN, stream

if TYPE_CHECKING:
    from pathlib import Path

    from polly_magic.reproduce.copying import Copy


def copied(path: Path) -> Copy:
    return copy_of(read_notebook(path), OTHER)


@pytest.mark.parametrize(
    ("source", "ignored"),
    [
        (PIN.line(), True),
        (f"%load_ext polly_magic\n\n{PIN.line()} --warn", True),
        (f"# the image\n{PIN.line()};", True),
        (f"{PIN.line()}\nimport numpy", False),
        (f"print(1)\n{PIN.line()}", False),
        ("%load_ext polly_magic", False),
        ("1", False),
    ],
)
def test_only_a_cell_of_the_pin_alone_is_not_compared(tmp_path: Path, source: str, ignored: bool) -> None:
    cell = code(source, execution_count=1, outputs=[stream("1\n")], metadata={"tags": ["mine"], "x": 1})
    (copy,) = copied(write(tmp_path / "a.ipynb", cell)).content["cells"]
    tags = ["mine", "nbval-ignore-output", "polly-pin"] if ignored else ["mine"]
    assert copy["metadata"] == {"tags": tags, "x": 1}
    assert copy["outputs"] == [stream("1\n")]
    assert copy["source"] == source.replace(PIN.reference, OTHER.reference).replace(
        "2026-11-23", "2026-11-24"
    ).removesuffix(";")


def test_notebook_without_the_line_runs_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", text("# a"), code(["\n", "  x = 1\n", "x"]), polly=PIN.record())
    copy = copied(path)
    assert copy.content == read_notebook(path).content
    assert copy.sources == ("x = 1",)


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"display_name": "R", "language": "R", "name": "ir"}},
        {"kernelspec": {"display_name": "R", "name": "ir"}, "language_info": {"name": "R"}},
    ],
)
def test_other_language_is_refused(tmp_path: Path, metadata: dict[str, object]) -> None:
    path = write(tmp_path / "a.ipynb", code("1"), **metadata)
    with pytest.raises(UsageError, match="is in R, and only Python can be run again"):
        copied(path)


def test_notebook_that_names_no_language_is_python(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", code("1"), kernelspec={"display_name": "x", "name": "y"}, language_info=None)
    assert copied(path).sources == ("1",)


@pytest.mark.parametrize("cells", [(), (text("# 1"),), (code(" \n"),)])
def test_notebook_without_code_is_refused(tmp_path: Path, cells: tuple[dict[str, object], ...]) -> None:
    assert content(*cells)
    with pytest.raises(UsageError, match="has no code to run"):
        copied(write(tmp_path / "a.ipynb", *cells))

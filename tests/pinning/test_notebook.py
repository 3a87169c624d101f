"""A notebook's file is changed where the pin is, and nowhere else."""

from __future__ import annotations

import difflib
import json
import os
import stat
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.sign import NotebookNotary

from polly_magic.errors import PollyError, UsageError
from polly_magic.pinning.json_text import append_member, insert_item, replace_value
from polly_magic.pinning.notebook import read_notebook
from polly_magic.pinning.pin import Pin, from_line, from_record
from tests.pinning import notebooks
from tests.pinning.notebooks import code, content, text

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "docker.polly.elucidata.io/elucidata/16june"
OLD = Pin(IMAGE, "sha256:" + 64 * "3", "latest", "2026-06-16", datetime(2026, 6, 16, 8, tzinfo=timezone.utc), "a@b.c")
NEW = Pin(
    IMAGE,
    "sha256:" + 64 * "5",
    "latest",
    "2026-11-23",
    datetime(2026, 11, 23, 9, 30, 1, tzinfo=timezone.utc),
    "anna@elucidata.io",
    "linux/amd64",
)
RECORD = {
    "schema": 1,
    "image": IMAGE,
    "tag": "latest",
    "digest": "sha256:" + 64 * "5",
    "platform": "linux/amd64",
    "pinned_at": "2026-11-23T09:30:01Z",
    "pinned_by": "anna@elucidata.io",
}
LINE = f"%polly_dockers require {IMAGE}@sha256:{64 * '5'} --tag latest --pinned 2026-11-23"
LOAD = "%load_ext polly_magic"


def pin(path: Path, to: Pin = NEW) -> dict[str, Any]:
    notebook = read_notebook(path)
    notebook.write(notebook.pinned(to))
    nbformat.validate(nbformat.read(path, 4))
    return notebooks.read(path)


def sources(pinned: dict[str, Any]) -> list[str]:
    return ["".join(cell["source"]) for cell in pinned["cells"]]


def added_and_removed(before: str, after: str) -> tuple[list[str], list[str]]:
    lines = list(difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True)))
    return [line[2:] for line in lines if line[0] == "+"], [line[2:] for line in lines if line[0] == "-"]


def test_pin_is_the_first_code_cell_and_a_record(tmp_path: Path) -> None:
    path = notebooks.write(tmp_path / "a.ipynb", text("# Title"), code("import numpy"), code("1"))
    pinned = pin(path)
    assert sources(pinned) == ["# Title", f"{LOAD}\n{LINE}", "import numpy", "1"]
    assert pinned["cells"][1]["id"] == "polly-pin"
    assert pinned["metadata"]["polly"] == RECORD
    assert list(pinned["metadata"]) == ["kernelspec", "polly"]
    assert read_notebook(path).pin == NEW
    assert read_notebook(path).says(NEW)


def test_cell_that_loads_the_extension_stays_first(tmp_path: Path) -> None:
    path = notebooks.write(tmp_path / "a.ipynb", code([LOAD]), code("1"))
    assert sources(pin(path)) == [LOAD, LINE, "1"]


@pytest.mark.parametrize("cells", [(), (text("only text"),)])
def test_notebook_without_code_gets_its_first_cell(tmp_path: Path, cells: tuple[dict[str, Any], ...]) -> None:
    path = notebooks.write(tmp_path / "a.ipynb", *cells)
    assert sources(pin(path))[-1] == f"{LOAD}\n{LINE}"


def test_older_line_is_replaced_where_it_stands_and_what_it_had_said_is_taken_away(tmp_path: Path) -> None:
    said = [{"name": "stdout", "output_type": "stream", "text": ["as it needs\n"]}]
    old = code(
        [f"{LOAD}\n", f"{OLD.line()} --warn\n", "x = 1"], outputs=said, execution_count=3, metadata={"tags": ["mine"]}
    )
    path = notebooks.write(tmp_path / "a.ipynb", text("t"), old, code("1"), polly=OLD.record(), zebra=1)
    pinned = pin(path)
    assert sources(pinned) == ["t", f"{LOAD}\n{LINE} --warn\nx = 1", "1"]
    cell = pinned["cells"][1]
    assert (cell["outputs"], cell["execution_count"], cell["metadata"]) == ([], None, {"tags": ["mine"]})
    assert pinned["metadata"]["polly"] == RECORD
    assert list(pinned["metadata"]) == ["kernelspec", "polly", "zebra"]


def test_pinning_anew_changes_only_what_differs(tmp_path: Path) -> None:
    path = notebooks.write(tmp_path / "a.ipynb", code("1"))
    pin(path, OLD)
    before = path.read_text()
    pin(path)
    added, removed = added_and_removed(before, path.read_text())
    assert [line.partition(":")[0].strip() for line in removed] == [
        f'"{OLD.line()}"'.partition(":")[0], '"digest"', '"platform"', '"pinned_at"', '"pinned_by"',
    ]  # fmt: skip
    assert len(added) == len(removed)
    pin(path)
    after = path.read_bytes()
    pin(path)
    assert path.read_bytes() == after, "the same pin again changes no byte"


ODD = (
    '{"nbformat_minor": 4, "nbformat": 4,\n\n  "metadata": { "a": 1.50, "b": 1e5, "c": "\\u00e9 and \\/"},\n'
    '  "cells": [ {"cell_type":"code", "metadata":{}, "source": "print(1)", "outputs":[], "execution_count":null }\n,'
    '{"cell_type":"markdown","metadata":{},"source":"é 日本"} ] }'
)


@pytest.mark.parametrize(
    "before",
    [
        ODD,
        json.dumps(content(code("1"), text("é 日本 🧬")), ensure_ascii=False),
        json.dumps(content(code("1"), text("é")), separators=(",", ":")),
        *(json.dumps(content(code("1"), text("é 日本")), indent=n, ensure_ascii=False) + "\n" for n in (1, 2, 4, "\t")),
        json.dumps(content(code("1"), text("é")), indent=1),
        json.dumps(content(code("1"), text("é")), indent=1).replace("\n", "\r\n") + "\r\n",
        json.dumps(dict(reversed(content(code("1")).items())), indent=1) + "\n\n",
    ],
)
def test_rest_stays_byte_for_byte(tmp_path: Path, before: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(before.encode())
    pinned = pin(path)
    after = path.read_bytes().decode()
    # What was there is still there, in its order, with only something put in between at two places.
    pieces = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    assert {kind for kind, *_ in pieces} == {"equal", "insert"}
    del pinned["metadata"]["polly"]
    index = [LINE in source for source in sources(pinned)].index(True)
    del pinned["cells"][index]
    assert pinned == json.loads(before)
    assert after.count("\r\n") == (after.count("\n") if "\r\n" in before else 0)
    if "\n" not in before:
        assert "\n" not in after


def test_new_lines_are_in_the_style_of_the_file(tmp_path: Path) -> None:
    for indent in (1, 4, "\t"):
        path = tmp_path / "a.ipynb"
        path.write_text(json.dumps(content(code(["1"]), text(["2"])), indent=indent) + "\n")
        pinned = pin(path)
        assert path.read_text() == json.dumps(pinned, indent=indent) + "\n"


def test_file_keeps_mode_and_link_and_leaves_nothing_beside(tmp_path: Path) -> None:
    target = notebooks.write(tmp_path / "target.ipynb", code("1"))
    target.chmod(0o640)
    link = tmp_path / "link.ipynb"
    link.symlink_to(target)
    pin(link)
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.ipynb", "target.ipynb"]
    assert read_notebook(target).pin == NEW


def test_failed_write_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = notebooks.write(tmp_path / "a.ipynb", code("1"))
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    notebook = read_notebook(path)
    with pytest.raises(PollyError, match="No space left on device"):
        notebook.write(notebook.pinned(NEW))
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["a.ipynb"]


def test_nothing_is_made_where_jupyter_never_trusted_a_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    pin(notebooks.write(tmp_path / "a.ipynb", code("1")))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("trusted", [True, False])
def test_trusted_notebook_stays_trusted_and_no_other_becomes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    path = notebooks.write(tmp_path / "a.ipynb", code("1"))
    other = notebooks.write(tmp_path / "b.ipynb", code("2"))
    notary = NotebookNotary()
    notary.sign(nbformat.read(other, 4))
    if trusted:
        notary.sign(nbformat.read(path, 4))
    pin(path)
    assert notary.check_signature(nbformat.read(path, 4)) is trusted
    notary.store.close()


def test_line_counts_where_the_record_says_otherwise(tmp_path: Path) -> None:
    path = notebooks.write(tmp_path / "a.ipynb", code(LINE), polly=OLD.record())
    notebook = read_notebook(path)
    assert notebook.pin == Pin(IMAGE, NEW.digest, "latest", "2026-11-23")
    assert notebook.contradiction == f"its metadata names another image: {OLD.reference}"
    assert not notebook.says(NEW)
    assert read_notebook(notebooks.write(path, code("1"), polly=OLD.record())).pin == OLD
    assert read_notebook(notebooks.write(path, text(LINE))).pin is None, "text is not run"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (b"", "it is no JSON (Expecting value"),
        (b"{", "it is no JSON"),
        (b"\xff{}", "it is not in UTF-8 (invalid start byte at byte 0)"),
        (b"\xef\xbb\xbf{}", "it is no JSON"),
        (b"[]", "it is no notebook"),
        (b"{}", "it is no notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": [], "cells": []}', "it is no notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": {}}', "it is no notebook"),
        (b'{"nbformat": 4, "nbformat_minor": "5", "metadata": {}, "cells": []}', "it is no notebook"),
        (b'{"nbformat": 3, "metadata": {}, "worksheets": []}', "it has the notebook format 3, not 4"),
        (
            b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "raw"}, 1]}',
            "its cell 2 is none",
        ),
        (
            b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code"}]}',
            "its cell 1 is none",
        ),
        (b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_unreadable_notebook_is_said_and_left_alone(tmp_path: Path, written: bytes, reason: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(written)
    with pytest.raises(UsageError) as caught:
        read_notebook(path)
    assert reason in caught.value.problem
    assert str(path) in caught.value.problem
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    "odd",
    [
        {"cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "\ud800"}]},
        {"cells": [code(f"{OLD.line()}\n'é \ud800'", id="a")]},
        {"cells": [{"cell_type": "markdown"}, {"cell_type": "zebra", "source": 3}]},
        {"cells": [{"cell_type": "raw", "id": [1], "metadata": {}, "source": ""}]},
        {"cells": [code("1", outputs=3, execution_count="x", metadata=3)]},
        {"cells": [{**code(""), "source": [1, None]}]},
        {"metadata": {"polly": [1], "signature": 5, "orig_nbformat": "x", "x": float("nan")}},
        {"nbformat_minor": 99},
        {"nbformat_minor": -1},
    ],
)
def test_odd_notebook_is_pinned_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any]
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    path = tmp_path / "a.ipynb"
    written = json.dumps({"metadata": {"é": 1}, "nbformat": 4, "nbformat_minor": 5, "cells": []} | odd)
    path.write_text(written.replace("\\u00e9", "é"), "utf-8")
    notebook = read_notebook(path)
    assert notebook.write(notebook.pinned(NEW)).says(NEW)
    assert read_notebook(path).says(NEW)


def test_missing_notebook_and_directory_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no notebook"):
        read_notebook(tmp_path / "a.ipynb")
    with pytest.raises(UsageError, match="Is a directory"):
        read_notebook(tmp_path)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (LINE, Pin(IMAGE, NEW.digest, "latest", "2026-11-23")),
        (f"x = 1\n  %polly_dockers  require {IMAGE}@{NEW.digest} ;", Pin(IMAGE, NEW.digest)),
        (f"%polly_dockers require --warn --tag=v1 {IMAGE}@{NEW.digest}", Pin(IMAGE, NEW.digest, "v1")),
        (f"%polly_dockers require {IMAGE}:v2@{NEW.digest}", Pin(IMAGE, NEW.digest, "v2")),
        (f"%polly_dockers require '{IMAGE}@{NEW.digest}", None),
        (f"# {LINE}", None),
        (f"%polly_dockers require {IMAGE}:latest", None),
        ("%polly_dockers require", None),
        ("%polly_dockers require ???", None),
    ],
)
def test_lines_are_read_as_the_magic_reads_them(source: str, found: Pin | None) -> None:
    assert from_line(source) == found


@pytest.mark.parametrize(
    "record",
    [None, 1, "x", [], {}, {"image": 1, "digest": NEW.digest}, {"image": IMAGE, "digest": "sha256:5"}, {"schema": 1}],
)
def test_record_that_is_none_is_no_pin(record: object) -> None:
    assert from_record(record) is None


def test_record_with_odd_values_keeps_what_can_be_read() -> None:
    odd = RECORD | {"tag": "not a tag", "pinned_at": "yesterday", "pinned_by": 3, "platform": ""}
    assert from_record(odd) == Pin(IMAGE, NEW.digest)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
GROUPS = st.lists(LEAVES, max_size=3) | st.dictionaries(st.text(max_size=3), LEAVES, max_size=3)
VALUES = LEAVES | GROUPS | st.lists(GROUPS, max_size=2)


@given(
    before=st.dictionaries(st.text(max_size=3), VALUES, max_size=3),
    items=st.lists(VALUES, max_size=3),
    value=VALUES,
    indent=st.sampled_from([None, 0, 1, 4, "\t"]),
    spaced=st.booleans(),
    data=st.data(),
)
def test_any_document_is_changed_at_its_place_only(
    before: dict[str, Any], items: list[Any], value: Any, indent: Any, spaced: bool, data: st.DataObject
) -> None:
    document = before | {"items": items, "inner": {}}
    written = json.dumps(document, indent=indent, separators=(" , ", " : ") if spaced else None)
    index = data.draw(st.integers(0, len(items)))
    inserted = json.loads(insert_item(written, ("items",), index, value))
    assert inserted == document | {"items": [*items[:index], value, *items[index:]]}
    assert json.loads(replace_value(written, ("items",), value)) == document | {"items": value}
    assert json.loads(append_member(written, (), "new", value)) == document | {"new": value}
    assert json.loads(append_member(written, ("inner",), "new", value)) == document | {"inner": {"new": value}}

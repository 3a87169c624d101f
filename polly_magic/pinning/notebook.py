"""One notebook file: its pin read, and its pin written while the rest stays byte for byte as it was."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from polly_magic.errors import PollyError, UsageError
from polly_magic.pinning.json_text import append_member, insert_item, replace_value
from polly_magic.pinning.pin import KEY, Pin, from_line, from_record, replace_lines
from polly_magic.pinning.trust import is_trusted, sign

__all__ = ["Notebook", "read_notebook"]

_LOAD = "%load_ext polly_magic"
_FORMAT = 4


@dataclass(frozen=True)
class Notebook:
    """A notebook as its file has it.

    Parameters
    ----------
    path : pathlib.Path
    text : str
        All of the file, its line ends as they are.
    content : dict
        The same, read.
    """

    path: Path
    text: str
    content: dict[str, Any]

    @property
    def pin(self) -> Pin | None:
        """What it is pinned to: what its line says, since that is what runs, and else what its metadata says."""
        recorded = from_record(self.content["metadata"].get(KEY))
        lines = (from_line(_source(cell)) for cell in self._code_cells().values())
        written = next(filter(None, lines), None)
        if written is None:
            return recorded
        if recorded and (recorded.image, recorded.digest) == (written.image, written.digest):
            return replace(recorded, tag=written.tag or recorded.tag, pinned_on=written.pinned_on or recorded.pinned_on)
        return written

    @property
    def contradiction(self) -> str:
        """What is wrong where line and metadata name two images; empty where they do not."""
        recorded, pin = from_record(self.content["metadata"].get(KEY)), self.pin
        if recorded and pin and recorded.digest != pin.digest:
            return f"its metadata names another image: {recorded.reference}"
        return ""

    def says(self, pin: Pin) -> bool:
        """Whether both line and metadata name this image and tag already."""
        lines = [from_line(_source(cell)) for cell in self._code_cells().values()]
        said = [from_record(self.content["metadata"].get(KEY)), *filter(None, lines)]
        return len(said) > 1 and all(
            one is not None and (one.image, one.digest, one.tag) == (pin.image, pin.digest, pin.tag) for one in said
        )

    def pinned(self, pin: Pin) -> str:
        """Return the text with this pin: line and record, in the place of older ones.

        A new line becomes the first code cell; one cell that only loads the extension stays before it, and where
        there is none the line brings ``%load_ext`` along, so that the notebook runs from its top.
        """
        text = self.text
        found = False
        for index, cell in self._code_cells().items():
            source = _source(cell)
            changed = replace_lines(source, pin)
            found = found or from_line(changed) is not None
            if changed != source:
                text = replace_value(text, ("cells", index, "source"), _as_written(changed, cell))
                # What is below the cell was said of the other image.
                text = replace_value(text, ("cells", index, "outputs"), [])
                text = replace_value(text, ("cells", index, "execution_count"), None)
        if not found:
            text = self._with_cell(text, pin.line())
        if KEY in self.content["metadata"]:
            return replace_value(text, ("metadata", KEY), pin.record())
        return append_member(text, ("metadata",), KEY, pin.record())

    def write(self, text: str) -> Notebook:
        """Put `text` into the file at once or not at all, and sign it if it was trusted.

        Raises
        ------
        PollyError
            The file cannot be written; it is as it was then.
        """
        trusted = is_trusted(self.text)
        _write(self.path, text)
        if trusted:
            sign(text)
        return Notebook(self.path, text, json.loads(text))

    def _code_cells(self) -> dict[int, dict[str, Any]]:
        cells = enumerate(self.content["cells"])
        return {index: cell for index, cell in cells if cell.get("cell_type") == "code"}

    def _with_cell(self, text: str, line: str) -> str:
        index, loads = next(iter(self._code_cells()), len(self.content["cells"])), False
        if index < len(self.content["cells"]):
            loads = _source(self.content["cells"][index]).strip() == _LOAD
        source = [line] if loads else [f"{_LOAD}\n", line]
        cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
        if self.content["nbformat_minor"] >= 5:
            taken = [cell.get("id") for cell in self.content["cells"]]
            numbered = ("polly-pin", *(f"polly-pin-{number}" for number in range(2, len(taken) + 3)))
            cell["id"] = next(name for name in numbered if name not in taken)
        return insert_item(text, ("cells",), index + loads, dict(sorted(cell.items())))


def read_notebook(path: Path) -> Notebook:
    """Read a notebook.

    Raises
    ------
    UsageError
        There is no such file, it cannot be read, or it is no notebook of format 4.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"There is no notebook {str(path)!r}.", "See what there is: ls *.ipynb") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"it is not in UTF-8 ({error.reason} at byte {error.start})") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise _unreadable(path, getattr(error, "strerror", None) or str(error)) from error
    try:
        content: object = json.loads(text)
    except ValueError as error:
        raise _unreadable(path, f"it is no JSON ({error})") from error
    except RecursionError as error:
        raise _unreadable(path, "its JSON is nested too deeply") from error
    if wrong := _what_is_wrong(content):
        raise _unreadable(path, wrong)
    return Notebook(path, text, cast("dict[str, Any]", content))


def _what_is_wrong(content: object) -> str:
    match content:
        case {"nbformat": int() as version} if version != _FORMAT:
            return f"it has the notebook format {version}, not {_FORMAT}: save it anew in JupyterLab"
        case {"nbformat": int(), "nbformat_minor": int(), "metadata": dict(), "cells": list() as cells}:
            for number, cell in enumerate(cast("list[object]", cells), 1):
                match cell:
                    case {"cell_type": "code", "source": str() | list(), "outputs": _, "execution_count": _}:
                        pass
                    case {"cell_type": str() as kind} if kind != "code":
                        pass
                    case _:
                        return f"its cell {number} is none"
            return ""
        case _:
            return "it is no notebook: nbformat, nbformat_minor, metadata or cells are missing"


def _source(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(map(str, source))


def _as_written(source: str, cell: dict[str, Any]) -> str | list[str]:
    # A cell's text is a string, or a list of lines: as it was.
    return source if isinstance(cell["source"], str) else source.splitlines(keepends=True)


def _write(path: Path, text: str) -> None:
    temporary = ""
    try:
        path = path.resolve()
        before = path.stat()
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with open(handle, "wb") as file:  # noqa: PTH123 - a file descriptor
            os.fchmod(handle, stat.S_IMODE(before.st_mode))
            with suppress(PermissionError):
                os.fchown(handle, before.st_uid, before.st_gid)
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(handle)
        Path(temporary).replace(path)
    except OSError as error:
        raise PollyError(
            f"The notebook {str(path)!r} cannot be written: {error.strerror}.", "See who may write there: ls -l"
        ) from error
    finally:
        if temporary:
            with suppress(FileNotFoundError):
                Path(temporary).unlink()


def _unreadable(path: Path, reason: str) -> UsageError:
    return UsageError(f"The notebook {str(path)!r} cannot be read: {reason}.", "Put that right, then try again.")

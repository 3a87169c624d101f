"""The copy of a notebook that is run: the notebook itself is never written to."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polly_magic.errors import UsageError
from polly_magic.pinning.pin import Pin, from_line, replace_lines

if TYPE_CHECKING:
    from pathlib import Path

    from polly_magic.pinning.notebook import Notebook

__all__ = ["PIN_TAG", "Copy", "copy_of"]

PIN_TAG = "polly-pin"
_IGNORE = "nbval-ignore-output"


@dataclass(frozen=True)
class Copy:
    """What is run in the place of a notebook.

    Parameters
    ----------
    path : pathlib.Path
        Of the notebook.
    content : dict
        As the file of the copy gets it.
    sources : tuple of str
        The first line that says something, of each code cell.
    """

    path: Path
    content: dict[str, Any]
    sources: tuple[str, ...]


def copy_of(notebook: Notebook, pin: Pin) -> Copy:
    """Make the copy that runs in the image of a pin.

    A cell with nothing but the pin's line is not compared: it checks by raising, and what it prints names a digest.

    Raises
    ------
    UsageError
        The notebook is in another language than Python, or has no code.
    """
    _see_that_it_is_python(notebook)
    content = copy.deepcopy(notebook.content)
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    sources = [_source(cell) for cell in cells]
    if not any(source.strip() for source in sources):
        raise UsageError(f"The notebook {str(notebook.path)!r} has no code to run.", "Name one that has code cells.")
    for cell, source in zip(cells, sources, strict=True):
        if (moved := replace_lines(source, pin)) != source:
            cell["source"] = moved
        if _is_pin_only(source):
            metadata = cell["metadata"] if isinstance(cell.get("metadata"), dict) else {}
            tags = metadata.get("tags")
            cell["metadata"] = metadata | {"tags": [*(tags if isinstance(tags, list) else ()), _IGNORE, PIN_TAG]}
    return Copy(notebook.path, content, tuple(_first_line(source) for source in sources))


def _see_that_it_is_python(notebook: Notebook) -> None:
    metadata = notebook.content["metadata"]
    for key, name in (("kernelspec", "language"), ("language_info", "name")):
        match metadata.get(key):
            case {**described} if isinstance(language := described.get(name), str) and language.lower() != "python":
                raise UsageError(
                    f"The notebook {str(notebook.path)!r} is in {language}, and only Python can be run again.",
                    "Name a notebook with a Python kernel.",
                )
            case _:
                pass


def _is_pin_only(source: str) -> bool:
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return from_line(source) is not None and all(
        from_line(line) is not None or line.startswith(("%load_ext ", "#")) for line in lines
    )


def _source(cell: dict[str, Any]) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(map(str, cell["source"]))


def _first_line(source: str) -> str:
    return next((line.strip() for line in source.splitlines() if line.strip()), "")

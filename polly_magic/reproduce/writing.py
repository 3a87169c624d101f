"""New outputs into a notebook's file, which stays byte for byte as it was around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polly_magic.errors import PollyError
from polly_magic.pinning.json_text import replace_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polly_magic.pinning.notebook import Notebook
    from polly_magic.reproduce.cells import Cell

__all__ = ["with_outputs", "write_outputs"]


def write_outputs(notebook: Notebook, cells: Sequence[Cell]) -> bool:
    """Put the new outputs of cells that ran without an error into the notebook; return whether there were any.

    Raises
    ------
    PollyError
        The file cannot be written, or somebody changed it since it was read.
    """
    text = with_outputs(notebook, cells)
    if text == notebook.text:
        return False
    try:
        now = notebook.path.read_bytes()
    except OSError:
        now = b""
    if now != notebook.text.encode():
        raise PollyError(
            f"The notebook {str(notebook.path)!r} was changed while it ran: the new outputs are not written.",
            "Run it again, once nobody works in it.",
        )
    notebook.write(text)
    return True


def with_outputs(notebook: Notebook, cells: Sequence[Cell]) -> str:
    """Return a notebook's text with the new outputs of the cells that ran without an error.

    Parameters
    ----------
    notebook : Notebook
    cells : sequence of Cell
        All its code cells. One that the stored notebook never ran is counted by its place.
    """
    text = notebook.text
    places = [place for place, cell in enumerate(notebook.content["cells"]) if cell["cell_type"] == "code"]
    for place, cell in zip(places, cells, strict=True):
        stored = notebook.content["cells"][place]
        if cell.outputs is None or not cell.source:
            continue
        number = stored["execution_count"]
        if number is None:
            number = cell.number
            text = replace_value(text, ("cells", place, "execution_count"), number)
        outputs = [
            output | ({"execution_count": number} if "execution_count" in output else {}) for output in cell.outputs
        ]
        if [_plain(output) for output in outputs] != [_plain(output) for output in stored["outputs"]]:
            text = replace_value(text, ("cells", place, "outputs"), outputs)
    return text


def _plain(value: Any) -> Any:
    """Return an output as it is compared: text may stand in a file as a string or as its lines."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if key != "execution_count"}
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value

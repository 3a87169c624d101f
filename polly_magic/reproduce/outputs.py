"""What a kernel sent while a cell ran, as a notebook's file has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["OUTPUT_MESSAGES", "REDRAWING", "as_written", "from_messages"]

_CLEAR, _UPDATE = "clear_output", "update_display_data"
REDRAWING = frozenset({_CLEAR, _UPDATE})
OUTPUT_MESSAGES = REDRAWING | {"stream", "display_data", "execute_result", "error"}


def from_messages(messages: Iterable[dict[str, Any]]) -> list[Any]:
    """Return the outputs, as nodes of nbformat, that are left of messages.

    Parameters
    ----------
    messages : iterable of dict
        As kernels send them, of the types in `OUTPUT_MESSAGES`.

    Examples
    --------
    >>> print_ = {"header": {"msg_type": "stream"}, "content": {"name": "stdout", "text": "a"}}
    >>> from_messages([print_, print_])
    [{'output_type': 'stream', 'name': 'stdout', 'text': 'aa'}]
    """
    from nbformat import v4

    outputs: list[tuple[Any, str | None]] = []
    clear = False
    for message in messages:
        kind, content = message["header"]["msg_type"], message["content"]
        name = content.get("transient", {}).get("display_id")
        if kind == _UPDATE:
            for output, known in outputs:
                if name and known == name:
                    output.data, output.metadata = content["data"], content["metadata"]
            continue
        if kind == _CLEAR and content.get("wait"):
            clear = True  # once something new comes
            continue
        if kind == _CLEAR or clear:
            outputs.clear()
            clear = False
        if kind == _CLEAR:
            continue
        output = v4.output_from_msg(message)
        if kind == "stream" and outputs and outputs[-1][0].get("name") == output.name:
            outputs[-1][0].text += output.text
        else:
            outputs.append((output, name))
    return [output for output, _ in outputs]


def as_written(outputs: Iterable[Any]) -> list[dict[str, Any]]:
    """Return outputs the way that Jupyter writes them into a file."""
    from nbformat import v4

    cell = v4.new_code_cell(outputs=[*outputs])
    return json.loads(v4.writes(v4.new_notebook(cells=[cell])))["cells"][0]["outputs"]

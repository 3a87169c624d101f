"""Notebook files as people have them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def code(source: str | list[str], **more: Any) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source} | more


def text(source: str | list[str], **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source} | more


def content(*cells: dict[str, Any], minor: int = 5, **metadata: Any) -> dict[str, Any]:
    if minor >= 5:
        cells = tuple({"id": f"cell-{number}"} | cell for number, cell in enumerate(cells))
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return {"cells": [*cells], "metadata": kernel | metadata, "nbformat": 4, "nbformat_minor": minor}


def write(path: Path, *cells: dict[str, Any], minor: int = 5, **metadata: Any) -> Path:
    """Write a notebook as Jupyter does."""
    path.write_text(json.dumps(content(*cells, minor=minor, **metadata), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))

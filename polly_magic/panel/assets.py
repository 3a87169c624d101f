"""The panel's JavaScript and style, which lie beside this file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["STYLE", "module"]


@cache
def _read(name: str) -> str:
    return files("polly_magic.panel").joinpath(name).read_text(encoding="utf-8")


def module(name: str) -> str:
    """Return a widget's module, and before it what all of them use: one text, as anywidget takes it."""
    return _read("shared.js") + _read(name)


STYLE = _read("panel.css")

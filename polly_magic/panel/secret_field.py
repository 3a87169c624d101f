"""A password field whose text passes once, as a message: never the widget's state, and so never a notebook's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anywidget
import traitlets

from polly_magic.panel.assets import STYLE, module
from polly_magic.redaction import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["SecretField"]


class SecretField(anywidget.AnyWidget):
    """Asks for a secret, and hands it to `given` once.

    ``ipywidgets.Password`` keeps its text in a trait, which the front end holds, echoes and may save.
    """

    _esm = module("secret_field.js")
    _css = STYLE
    label = traitlets.Unicode().tag(sync=True)
    action = traitlets.Unicode().tag(sync=True)
    disabled = traitlets.Bool(default_value=False).tag(sync=True)

    def __init__(self, action: str, given: Callable[[Secret], None]) -> None:
        super().__init__(action=action)
        self._given = given
        self.on_msg(self._take)

    def _take(self, _widget: object, content: Mapping[str, object], _buffers: object) -> None:
        text = content.get("text")
        if content.get("kind") == "secret" and isinstance(text, str) and not self.disabled:
            self._given(Secret(text))

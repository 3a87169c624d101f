"""What is going on, in one place of a view: loading, a hint, or an error with a way to try again."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import ipywidgets as widgets

if TYPE_CHECKING:
    from collections.abc import Callable

    from polly_magic.errors import PollyError

__all__ = ["Notice", "button"]


class Notice(widgets.HBox):
    """A line or two of text, and at an error a Retry button. Takes no room while there is nothing to say."""

    def __init__(self) -> None:
        self._text = widgets.HTML()
        self._retry = button("Retry", self._try_again)
        self._again: Callable[[], None] | None = None
        super().__init__([])
        self.add_class("polly-notice")

    @property
    def text(self) -> str:
        """The markup that is shown."""
        return self._text.value if self.children else ""

    @property
    def retry(self) -> widgets.Button | None:
        """The Retry button, while there is one."""
        return self._retry if self._retry in self.children else None

    def say(self, text: str) -> None:
        """Say a line that is no error."""
        self._show(f'<div role="status" class="polly-quiet">{escape(text)}</div>')

    def wait(self, text: str) -> None:
        """Say what is being waited for."""
        self._show(f'<div role="status" class="polly-quiet"><span class="polly-spinner"></span>{escape(text)}</div>')

    def fail(self, error: PollyError, again: Callable[[], None] | None = None) -> None:
        """Show an error's two lines, and a Retry button where there is something to do again."""
        self._again = again
        remedy = f'<div class="polly-quiet">{escape(error.remedy)}</div>' if error.remedy else ""
        self._show(f'<div role="alert" class="polly-error"><div>{escape(error.problem)}</div>{remedy}</div>', again)

    def clear(self) -> None:
        """Say nothing."""
        self.children = ()

    def _try_again(self) -> None:
        if self._again:
            self._again()

    def _show(self, markup: str, again: Callable[[], None] | None = None) -> None:
        self._text.value = markup
        self.children = (self._text, self._retry) if again else (self._text,)


def button(text: str, act: Callable[[], None], *, primary: bool = False, tooltip: str = "") -> widgets.Button:
    """Make a button that does something when it is clicked."""
    made = widgets.Button(description=text, tooltip=tooltip or None, button_style="primary" if primary else "")
    made.add_class("polly-button")

    def clicked(_: object) -> None:
        act()

    made.on_click(clicked)
    return made

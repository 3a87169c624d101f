"""What stands in a notebook's file for a panel that no kernel runs any more."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

__all__ = ["Summary"]


@dataclass(frozen=True)
class Summary:
    """A panel in a few words.

    Parameters
    ----------
    service : str
        Host of the registry, empty where it is not known.
    user : str
        Who was logged in, empty for no one.
    count : int
        How many repositories there were.
    reference : str
        What was chosen, if anything.
    """

    service: str
    user: str
    count: int
    reference: str

    def text(self) -> str:
        """Return it in one line."""
        return f"Docker repositories panel: {'; '.join([self._where(), *self._choice()])}"

    def html(self) -> str:
        """Return it for a saved or exported notebook."""
        choice = f"<p>Chosen: <code>{escape(self.reference)}</code></p>" if self.reference else ""
        return (
            f"<div><p><strong>Docker repositories</strong>: {escape(self._where())}</p>{choice}"
            "<p>Run this cell to use the panel: <code>%polly_dockers</code></p></div>"
        )

    def _where(self) -> str:
        service = f" on {self.service}" if self.service else ""
        if not self.user:
            return "choose one, and get the cell that pulls it"
        return f"{self.count} {'repository' if self.count == 1 else 'repositories'}{service}, as {self.user}"

    def _choice(self) -> list[str]:
        return [self.reference] if self.reference else []

"""The commits of one repository to choose one from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets
import traitlets

from polly_magic.models import Commit
from polly_magic.panel.grid import Column, Grid
from polly_magic.panel.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polly_magic.errors import PollyError

__all__ = ["CommitsView"]

# The colours of Polly's own program: active green, inactive yellow.
_TONES = {"active": "good", "inactive": "warn"}
_COLUMNS = (
    Column("tag", "Tag", width="minmax(5.5em, 2fr)", filter=True),
    Column("tag_status", "Status", "badge", "6.8em", _TONES, filter=True),
    Column("pushed_at", "Pushed", "time", "8em"),
    Column("pushed_by", "Pushed by", width="minmax(7.2em, 2fr)"),
    Column("commit_hash", "Digest", "digest", "8.4em"),
    Column("size", "Size", "bytes", "5.4em"),
    Column("platforms", "Platforms", width="minmax(7em, 1.5fr)"),
)


class CommitsView(widgets.VBox):
    """A grid of commits.

    Attributes
    ----------
    commit : Commit or None
        The one that is selected.
    """

    commit: Commit | None = traitlets.Instance(Commit, allow_none=True)  # pyright: ignore[reportAssignmentType] - what it holds

    def __init__(self) -> None:
        self.grid = Grid(_COLUMNS, label="Commits", placeholder="Search commits")
        self.notice = Notice()
        self.commits: list[Commit] = []
        self._by_key: dict[str, Commit] = {}
        super().__init__([self.grid, self.notice])
        self.add_class("polly-commits")
        self.grid.observe(self._choose, "selected")
        self.clear()

    def clear(self) -> None:
        """Show that no repository is selected."""
        self.forget()
        self.notice.clear()
        self.grid.hint = "Select a repository to see what was pushed to it."

    def forget(self) -> None:
        """Take away what is shown of one repository before another one's comes."""
        self.commit = None
        self.show([])
        self.grid.filters = {}
        self.grid.search = ""

    def wait(self) -> None:
        """Say that the commits are being asked for."""
        self.grid.hint = ""
        self.notice.wait("Loading commits ...")

    def show(self, commits: Sequence[Commit], path: str = "") -> None:
        """Show these, and keep the choice where it is among them."""
        self.notice.clear()
        self.grid.hint = f"Nothing was pushed yet. Push with: %polly_dockers push IMAGE {path}:latest"
        self.commits = [*commits]
        self._by_key = {_key(commit): commit for commit in commits}
        self.grid.show(
            {
                key: (
                    c.tag, c.tag_status, c.pushed_at.timestamp(), c.pushed_by, c.commit_hash, c.size,
                    ", ".join(c.platforms),
                )
                for key, c in self._by_key.items()
            }
        )  # fmt: skip
        if self.grid.selected not in self._by_key:
            self.grid.selected = ""
        self._choose()

    def fail(self, error: PollyError, again: Callable[[], None]) -> None:
        """Show why there are none."""
        self.notice.fail(error, again)

    @traitlets.observe("commit")
    def _follow(self, _: object) -> None:
        self.grid.selected = _key(self.commit) if self.commit else ""

    def _choose(self, _: object = None) -> None:
        # A program may choose before the rows are there.
        if self.commit is None or _key(self.commit) != self.grid.selected or self._by_key:
            self.commit = self._by_key.get(self.grid.selected)


def _key(commit: Commit) -> str:
    # One digest can have been pushed under several tags, and under one tag several times.
    return f"{commit.tag}@{commit.commit_hash}@{commit.pushed_at.isoformat()}"

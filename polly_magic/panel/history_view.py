"""The picture of a repository's history to choose a commit in, by mouse or by key."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from polly_magic.history import draw
from polly_magic.models import Commit

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HistoryView"]


class HistoryView(anywidget.AnyWidget):
    """A history in which a commit can be selected, by the reader and by Python.

    Parameters
    ----------
    commits : sequence of Commit
        Newest first, all of one repository.
    path : str, optional
        What stands above the picture.

    Attributes
    ----------
    commit : Commit or None
        The one that is selected; None where that is none of the commits shown.

    Examples
    --------
    >>> view = HistoryView([])
    >>> view.observe(lambda change: print(change.new), "commit")
    """

    _esm = Path(__file__).with_name("history_view.js")
    _css = Path(__file__).with_name("history_view.css")
    commit = traitlets.Instance(Commit, allow_none=True)
    picture = traitlets.Unicode().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)

    def __init__(self, commits: Sequence[Commit] = (), path: str = "") -> None:
        self._commits: dict[str, Commit] = {}
        super().__init__()
        self.show(commits, path)

    def show(self, commits: Sequence[Commit], path: str = "") -> None:
        """Show other commits, and keep the choice where it is among them."""
        self._commits = {_key(commit): commit for commit in commits}
        self.picture = draw(path, commits).svg({commit: key for key, commit in self._commits.items()})
        self.commit = self._commits.get(self.selected)

    @traitlets.validate("commit")
    def _known(self, proposal: dict[str, Any]) -> Commit | None:
        # As it is now: one that was active when it was selected may have been replaced.
        commit: Commit | None = proposal["value"]
        return commit and self._commits.get(_key(commit))

    @traitlets.observe("commit")
    def _mark(self, change: dict[str, Any]) -> None:
        self.selected = _key(change["new"]) if change["new"] else ""

    @traitlets.observe("selected")
    def _choose(self, change: dict[str, Any]) -> None:
        # A click on a picture that is no longer shown selects nothing.
        self.commit = self._commits.get(change["new"])
        if self.commit is None:
            self.selected = ""


def _key(commit: Commit) -> str:
    known = repr((commit.repository, commit.tag, commit.commit_hash, commit.pushed_at))
    return hashlib.sha256(known.encode()).hexdigest()[:16]

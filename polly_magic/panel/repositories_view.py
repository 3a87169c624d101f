"""The repositories to choose one from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as widgets
import traitlets

from polly_magic.models import Repository
from polly_magic.panel.grid import Column, Grid
from polly_magic.panel.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polly_magic.errors import PollyError

__all__ = ["RepositoriesView"]

_COLUMNS = (
    Column("name", "Repository", width="minmax(13em, 3fr)"),
    Column("access", "Access", "badge", "6em", {"public": "info"}),
    Column("created_at", "Created", "time", "8em"),
    Column("description", "Description", width="minmax(12em, 3fr)"),
    Column("created_by", "Created by", width="minmax(9em, 2fr)"),
)


class RepositoriesView(widgets.VBox):
    """A grid of repositories.

    Attributes
    ----------
    repository : Repository or None
        The one that is selected.
    """

    repository: Repository | None = traitlets.Instance(Repository, allow_none=True)  # pyright: ignore[reportAssignmentType] - what it holds

    def __init__(self) -> None:
        self.grid = Grid(_COLUMNS, label="Docker repositories", placeholder="Search repositories")
        self.notice = Notice()
        self.repositories: list[Repository] = []
        self._by_key: dict[str, Repository] = {}
        self._organization = ""
        super().__init__([widgets.HTML('<div class="polly-tab">Repositories</div>'), self.grid, self.notice])
        self.add_class("polly-repositories")
        self.grid.observe(self._choose, "selected")

    def wait(self, count: int = 0) -> None:
        """Say that the repositories are being asked for, and how many are there."""
        self.grid.hint = ""
        self.notice.wait(f"Loading repositories ... {count:,}" if count else "Loading repositories ...")

    def show(self, repositories: Sequence[Repository], organization: str = "") -> None:
        """Show these, and keep the choice where it is among them.

        Parameters
        ----------
        repositories : sequence of Repository
        organization : str, optional
            Whose names are shown without it.
        """
        self._organization = organization
        self.notice.clear()
        self.grid.hint = "No repositories yet. Create the first one with New repository."
        self.repositories = [*repositories]
        self._by_key = {repository.path: repository for repository in repositories}
        self.grid.show(
            {
                path: (self._name(r), r.access, r.created_at.timestamp(), r.description, r.created_by)
                for path, r in self._by_key.items()
            }
        )
        if self.grid.selected not in self._by_key:
            self.grid.selected = ""
        self._choose()

    def fail(self, error: PollyError, again: Callable[[], None]) -> None:
        """Show why there are none."""
        self.notice.fail(error, again)

    def put(self, repository: Repository) -> None:
        """Show one that is new or changed, and select it."""
        known = repository.path in self._by_key
        others = (repository if r.path == repository.path else r for r in self.repositories)
        self.show([*others] if known else [repository, *others], self._organization)
        self.grid.selected = repository.path

    @traitlets.observe("repository")
    def _follow(self, _: object) -> None:
        self.grid.selected = self.repository.path if self.repository else ""

    def _choose(self, _: object = None) -> None:
        # A program may choose before the rows are there.
        if self.repository is None or self.repository.path != self.grid.selected or self._by_key:
            self.repository = self._by_key.get(self.grid.selected)

    def _name(self, repository: Repository) -> str:
        # Without the host, which is the same for each and stands above.
        return repository.path.partition("/")[2].removeprefix(f"{self._organization}/")

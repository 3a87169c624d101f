"""What commands return: rows that know how to become a DataFrame, plain values and a table of a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polly_magic.commands.display import local_time, utc_time, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from rich.console import RenderableType
    from rich.table import Table

    from polly_magic.models import Commit, Repository

__all__ = ["Commits", "Created", "Repositories", "Rows"]


@dataclass(frozen=True)
class Rows:
    """Rows of any other kind.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequences
        Plain values that JSON can hold, in the order of the columns.
    title : str, optional
        Line above the table.
    styles : sequence of str, optional
        A colour of rich's for each row.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    styles: Sequence[str] = ()

    def frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.records(), columns=pd.Index(self.columns))

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as plain values."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def renderable(self) -> RenderableType:
        """Return a table."""
        rows = ([str(value) for value in row] for row in self.rows)
        return _titled(self.title, _table(self.columns, rows, self.styles))


@dataclass(frozen=True)
class Repositories:
    """Repositories, as ``list`` and ``update`` return them."""

    models: Sequence[Repository]
    title: str = ""
    columns = ("repository", "description", "created_by", "created_at", "access")

    def frame(self) -> pd.DataFrame:
        """Return one row a repository."""
        from polly_magic.frames import repositories_frame

        return repositories_frame([*self.models])

    def records(self) -> list[dict[str, Any]]:
        """Return one row a repository; times are RFC 3339 in UTC."""
        return [
            {
                "repository": model.path,
                "description": model.description,
                "created_by": model.created_by,
                "created_at": utc_time(model.created_at),
                "access": model.access,
            }
            for model in self.models
        ]

    def renderable(self) -> RenderableType:
        """Return the table that Polly's own program prints."""
        rows = ([m.path, m.created_by, local_time(m.created_at), m.access] for m in self.models)
        return _titled(self.title, _table(("docker repository", "created by", "created at", "docker access"), rows))


@dataclass(frozen=True)
class Created:
    """The repository that ``create`` made."""

    model: Repository
    columns = Repositories.columns

    def frame(self) -> pd.DataFrame:
        """Return its row."""
        return Repositories([self.model]).frame()

    def records(self) -> list[dict[str, Any]]:
        """Return its row."""
        return Repositories([self.model]).records()

    def renderable(self) -> RenderableType:
        """Return what Polly's own program prints."""
        table = _table(("docker name", "description"), [[self.model.path, self.model.description]])
        return _titled("Success: docker repository generation", table)


@dataclass(frozen=True)
class Commits:
    """Commits of one repository, newest first unless asked otherwise.

    Parameters
    ----------
    path : str
        Full path of the repository.
    models : sequence of Commit
    """

    path: str
    models: Sequence[Commit]
    columns = ("tag", "pushed_by", "pushed_at", "commit_hash", "tag_status", "size", "platforms", "pull_path")

    def frame(self) -> pd.DataFrame:
        """Return one row a commit."""
        from polly_magic.frames import commits_frame

        return commits_frame([*self.models])

    def records(self) -> list[dict[str, Any]]:
        """Return one row a commit; times are RFC 3339 in UTC, sizes are bytes."""
        return [
            {
                "tag": model.tag,
                "pushed_by": model.pushed_by,
                "pushed_at": utc_time(model.pushed_at),
                "commit_hash": model.commit_hash,
                "tag_status": model.tag_status,
                "size": model.size,
                "platforms": [*model.platforms],
                "pull_path": model.pull_path,
            }
            for model in self.models
        ]

    def renderable(self) -> RenderableType:
        """Return the table that Polly's own program prints: active rows green, inactive ones yellow."""
        from rich.console import Group
        from rich.text import Text

        table = _table(
            ("tag", "pushed by", "pushed at", "commit_hash", "tag status"),
            ([m.tag, m.pushed_by, local_time(m.pushed_at), m.commit_hash, m.tag_status] for m in self.models),
            styles=["green" if m.tag_status == "active" else "yellow" for m in self.models],
        )
        path = visible(self.path)
        return Group(
            Text(f"Commits for the docker repository {path}"),
            table,
            Text("To pull the docker for:"),
            Text(f"  active tag: docker pull {path}:tag", style="green"),
            Text(f"  inactive tag: docker pull {path}@commit_hash", style="yellow"),
        )


def _table(columns: Sequence[str], rows: Any, styles: Sequence[str] = ()) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SQUARE)
    for column in columns:
        table.add_column(column, overflow="fold")
    for number, row in enumerate(rows):
        # Text, not str: what a service sends is data and never rich's markup.
        table.add_row(*(Text(visible(value)) for value in row), style=styles[number] if styles else None)
    return table


def _titled(title: str, table: Table) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    return Group(Text(visible(title)), table) if title else table

"""Models to DataFrames: the one place that names columns, fixes their types and says how they look."""

from __future__ import annotations

import hashlib
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from polly_magic.models import Commit, Repository

__all__ = ["commits_frame", "history_frame", "html", "pins_frame", "repositories_frame", "reproduction_frame"]

_MARK = "polly_magic"
_DOTS = "..."
_WHOLE = frozenset({"repository", "commit_hash", "pull_path", "notebook", "image", "digest", "newer", "problem"})
_TIMES = frozenset({"created_at", "pushed_at", "replaced_at", "pinned_at"})
_PIN_COLUMNS = (
    "notebook", "image", "tag", "digest", "platform", "pinned_at", "pinned_by", "state", "newer", "problem",
)  # fmt: skip
_PIN_STATE = pd.CategoricalDtype(["current", "newer", "unknown", "unpinned", "unreadable"])
_STATUS = pd.CategoricalDtype(["same", "different", "error", "not compared"])
_ACCESS = pd.CategoricalDtype(["private", "public"])
_TAG_STATUS = pd.CategoricalDtype(["active", "inactive"])

# Polly's CLI writes active commits green and inactive ones yellow. A tint shows on white and on black, and leaves
# the text in the theme's own colour, so that it can be read in both.
_GREEN, _YELLOW, _RED = "rgba(46, 160, 67, 0.3)", "rgba(214, 168, 0, 0.3)", "rgba(220, 60, 60, 0.3)"
_COLORS = {
    "tag_status": {"active": f"background-color: {_GREEN}", "inactive": f"background-color: {_YELLOW}"},
    "status": {
        "same": f"background-color: {_GREEN}",
        "different": f"background-color: {_YELLOW}",
        "error": f"background-color: {_RED}",
    },
}


def repositories_frame(repositories: Sequence[Repository]) -> pd.DataFrame:
    """Return one row for each repository, in the order given.

    Returns
    -------
    pandas.DataFrame
        With the columns ``repository``, ``description``, ``created_by``, ``created_at`` and ``access``.

    Examples
    --------
    >>> repositories_frame([]).dtypes.to_dict()["created_at"]
    datetime64[ns, UTC]
    """
    return _frame(
        {
            "repository": _texts(row.path for row in repositories),
            "description": _texts(row.description for row in repositories),
            "created_by": _texts(row.created_by for row in repositories),
            "created_at": _times(row.created_at for row in repositories),
            "access": _words((row.access for row in repositories), _ACCESS),
        },
    )


def commits_frame(commits: Sequence[Commit]) -> pd.DataFrame:
    """Return one row for each commit, in the order given.

    Returns
    -------
    pandas.DataFrame
        With the columns ``tag``, ``pushed_by``, ``pushed_at``, ``commit_hash``, ``tag_status``, ``size`` (bytes),
        ``platforms`` (comma between two) and ``pull_path`` (what to hand to ``docker pull``).

    Examples
    --------
    >>> list(commits_frame([]))
    ['tag', 'pushed_by', 'pushed_at', 'commit_hash', 'tag_status', 'size', 'platforms', 'pull_path']
    """
    return _frame(
        {
            "tag": _texts(row.tag for row in commits),
            "pushed_by": _texts(row.pushed_by for row in commits),
            "pushed_at": _times(row.pushed_at for row in commits),
            "commit_hash": _texts(row.commit_hash for row in commits),
            "tag_status": _words((row.tag_status for row in commits), _TAG_STATUS),
            "size": pd.array([row.size for row in commits], dtype="Int64"),
            "platforms": _texts(", ".join(row.platforms) for row in commits),
            "pull_path": _texts(row.pull_path for row in commits),
        },
    )


def history_frame(commits: Sequence[Commit]) -> pd.DataFrame:
    """Return the rows of `commits_frame` with one column more: ``replaced_at``, when the tag moved on.

    Examples
    --------
    >>> list(history_frame([]))[2:4]
    ['pushed_at', 'replaced_at']
    """
    frame = commits_frame(commits)
    frame.insert([*frame].index("pushed_at") + 1, "replaced_at", _times(row.replaced_at for row in commits))
    return frame


def pins_frame(rows: Sequence[Mapping[str, str | None]]) -> pd.DataFrame:
    """Return one row for each notebook, in the order given.

    Parameters
    ----------
    rows : sequence of mappings
        By the names of the columns; None for what is not known.

    Returns
    -------
    pandas.DataFrame
        With the columns ``notebook``, ``image``, ``tag``, ``digest``, ``platform``, ``pinned_at``, ``pinned_by``,
        ``state`` (current, newer, unknown, unpinned or unreadable), ``newer`` (digest that the tag has now, where it is
        another one) and ``problem``.

    Examples
    --------
    >>> pins_frame([]).dtypes["state"].categories.to_list()
    ['current', 'newer', 'unknown', 'unpinned', 'unreadable']
    """
    columns: dict[str, Any] = {}
    for name in _PIN_COLUMNS:
        values = [row[name] for row in rows]
        if name == "pinned_at":
            columns[name] = pd.to_datetime(pd.Series(values, dtype=object), utc=True, format="ISO8601").dt.as_unit("ns")
        elif name == "state":
            columns[name] = pd.Categorical(values, dtype=_PIN_STATE)
        else:
            columns[name] = pd.array(values, dtype="string")
    return _frame(columns)


def reproduction_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row for each code cell, in the order given.

    Parameters
    ----------
    rows : sequence of mappings
        By the names of the columns.

    Returns
    -------
    pandas.DataFrame
        With the columns ``notebook``, ``cell`` (among the code cells, from 1), ``status`` (same, different, error or
        not compared), ``source`` (its first line), ``seconds`` (missing where it did not run), ``detail`` and ``diff``.

    Examples
    --------
    >>> reproduction_frame([]).dtypes.astype(str)[["cell", "status", "seconds"]].to_list()
    ['Int64', 'category', 'Float64']
    """
    return _frame(
        {
            "notebook": _texts(row["notebook"] for row in rows),
            "cell": pd.array([row["cell"] for row in rows], dtype="Int64"),
            "status": _words((row["status"] for row in rows), _STATUS),
            "source": _texts(row["source"] for row in rows),
            "seconds": pd.array([row["seconds"] for row in rows], dtype="Float64"),
            "detail": _texts(row["detail"] for row in rows),
            "diff": _texts(row["diff"] for row in rows),
        },
    )


def html(frame: pd.DataFrame) -> str | None:
    """Return a frame of ours as a notebook shows it, the tag status in colour.

    More rows than ``pd.options.display.max_rows`` are cut in the middle as pandas does, descriptions at
    ``pd.options.display.max_colwidth``; a digest never is, since it is there to be copied.

    Returns
    -------
    str or None
        None for every other frame, and for one of ours that was reshaped: pandas shows these itself.
    """
    options = pd.options.display
    if _MARK not in frame.attrs or frame.index.nlevels > 1 or frame.columns.nlevels > 1:
        return None
    if options.max_columns and len(frame.columns) > options.max_columns:
        return None
    rows = _rows_to_show(len(frame), options.max_rows, options.min_rows)
    columns = list(frame.columns)
    # Text by position: labels may repeat, and a row of dots has none.
    texts = [
        [_DOTS if row is None else _text(frame.iat[row, n], column) for n, column in enumerate(columns)] for row in rows
    ]
    styles = [[_style(text, column) for text, column in zip(row, columns, strict=True)] for row in texts]
    labels = [_DOTS if row is None else escape(str(frame.index[row])) for row in rows]
    headings = [escape(str(column)) for column in columns]

    def give_styles(_: pd.DataFrame) -> np.ndarray[Any, Any]:
        return np.array(styles, dtype=object).reshape(len(rows), len(columns))

    style = (
        pd.DataFrame(texts, columns=range(len(columns)), dtype=object)
        .style.format(escape="html")
        .format_index(labels.__getitem__)
        .format_index(headings.__getitem__, axis=1)
        .apply(give_styles, axis=None)
        .set_table_styles([{"selector": "th, td", "props": "text-align: left"}])
        # The same rows give the same text, so that a notebook run again shows no difference.
        .set_uuid(hashlib.sha256(repr((texts, labels, headings)).encode()).hexdigest()[:12])
    )
    size = f"<p>{len(frame)} rows × {len(columns)} columns</p>" if None in rows else ""
    return style.to_html() + size


def _rows_to_show(count: int, most: int | None, few: int | None) -> list[int | None]:
    """Return positions of rows; None stands for those that are left out."""
    if not most or count <= most:
        return list(range(count))
    half = max(1, min(few or most, most) // 2)
    return [*range(half), None, *range(count - half, count)]


def _text(value: object, column: object) -> str:
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M:%S %Z")
    if column == "size" and isinstance(value, int | np.integer):
        return _bytes(int(value))
    text = "" if value is None or value is pd.NA or (value is pd.NaT and column == "pinned_at") else str(value)
    most = pd.options.display.max_colwidth
    if column in _WHOLE or not most or len(text) <= most:
        return text
    return f"{text[: most - 3]}..."


def _style(text: str, column: object) -> str:
    if column in _COLORS:
        return _COLORS[str(column)].get(text, "")
    return "white-space: nowrap" if column in _TIMES else ""


def _bytes(size: int) -> str:
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"


def _frame(columns: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(columns, copy=False)
    frame.attrs[_MARK] = True
    return frame


def _texts(values: Iterable[str]) -> Any:
    return pd.array(list(values), dtype="string")


def _times(values: Iterable[datetime | None]) -> Any:
    # pandas 2 makes nanoseconds of them, pandas 3 microseconds.
    moments: list[Any] = [*values]
    return pd.to_datetime(moments, utc=True).as_unit("ns")


def _words(values: Iterable[str], words: pd.CategoricalDtype) -> Any:
    return pd.Categorical(list(values), dtype=words)

"""A panel in a running event loop, as in a kernel, and what a reader does with it."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from polly_magic.models import Commit
    from polly_magic.panel import Panel
    from polly_magic.panel.notice import Notice

PATIENCE = 30.0


async def until(true: Callable[[], object], complaint: str = "it does not come to that") -> None:
    """Let the loop run until something is true."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while not true():
        assert asyncio.get_running_loop().time() < end, complaint
        await asyncio.sleep(0.01)


def said(notice: Notice) -> list[str]:
    """The lines that a notice shows."""
    lines = re.split(r"</div>|<div[^>]*>", notice.text)
    return [unescape(re.sub(r"<[^>]+>", "", line)) for line in lines if re.sub(r"<[^>]+>", "", line)]


def names(panel: Panel) -> list[str]:
    return [repository.path.rpartition("/")[2] for repository in panel.repositories.repositories]


async def opened(panel: Panel, name: str) -> None:
    """Click the row of a repository, and wait for its commits."""
    await until(lambda: name in names(panel))
    path = next(r.path for r in panel.repositories.repositories if r.path.endswith(f"/{name}"))
    click(panel.repositories.grid, path)
    await until(lambda: panel.commits.commits)


def choose(panel: Panel, digest: str) -> Commit:
    """Click the row of a commit."""
    keys = panel.commits.grid._rows["keys"]
    click(panel.commits.grid, next(key for key in keys if digest in key))
    assert panel.commit is not None
    return panel.commit


def click(grid: Any, key: str) -> None:
    """Do what a click on a row does: the front end sets the trait."""
    grid.set_state({"selected": key})


def is_shown(widget: Any) -> bool:
    return widget.layout.display != "none"


def beside(form: Any, field: str) -> str:
    """The markup beside a field of a form."""
    return form._errors[field].value


def facts(panel: Panel) -> dict[str, Any]:
    return {
        item["label"]: item.get("value", item.get("values", item.get("sizes")))
        for item in panel.details.sheet.items
        if "label" in item
    }

"""Lists, page after page: each page names the next by a cursor, until one names none."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from polly_magic.api.contract import broken
from polly_magic.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from polly_magic.api.session import Session

T = TypeVar("T")

__all__ = ["read_list"]

_PAGE_SIZE = 1_000
# Ten million rows: more is a service that does not come to an end.
_MOST_PAGES = 10_000


def read_list(
    session: Session,
    path: str,
    parameters: Mapping[str, str],
    read: Callable[[object], T],
    *,
    limit: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[T]:
    """Read a list to its end, or to `limit`.

    Parameters
    ----------
    session : Session
    path : str
        Where the list is.
    parameters : mapping
        Its filters and order.
    read : callable
        Makes a model of a resource object.
    limit : int, optional
        How many at most.
    progress : callable, optional
        Called with the rows so far and `limit` after each page, if there is more than one.

    Raises
    ------
    ServiceFailure
        A page is not as the contract says, names one that was read already, or there is no end.
    UsageError
        The limit is below zero.
    """
    rows: list[T] = []
    if limit is not None and limit < 0:
        raise UsageError(f"{limit} rows cannot be listed.", "Ask for 1 or more, or for all.")
    if limit == 0:
        return rows
    size = _PAGE_SIZE if limit is None else min(limit, _PAGE_SIZE)
    document, url = session.get(path, {**parameters, "page[size]": str(size)})
    seen = {url}
    while True:
        data = document["data"]
        if not isinstance(data, list):
            raise broken("'data' of a list is no list")
        rows += map(read, cast("list[object]", data))
        following = _next(session, document, url)
        if following is None or (limit is not None and len(rows) >= limit):
            if progress and len(seen) > 1:
                progress(len(rows), limit)
            return rows[:limit]
        if not data:
            raise broken("an empty page names a next one")
        if following in seen:
            raise broken("a page names one that was read before as the next")
        if len(seen) == _MOST_PAGES:
            raise broken(f"the list has no end after {_MOST_PAGES} pages")
        seen.add(following)
        if progress:
            progress(len(rows), limit)
        document, url = session.get_page(following)


def _next(session: Session, document: dict[str, object], url: str) -> str | None:
    links = document.get("links")
    if links is None:
        return None
    if not isinstance(links, dict):
        raise broken("'links' is no object")
    link = cast("dict[str, object]", links).get("next")
    if isinstance(link, dict):  # JSON:API lets a link be an object
        link = cast("dict[str, object]", link).get("href")
    if link is None:
        return None
    if not isinstance(link, str):
        raise broken("'links.next' is no URL")
    return session.join(url, link)

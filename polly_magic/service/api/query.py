"""Query parameters of the API: checked by name and value, and the cursor that a page ends with."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, and_, or_

from polly_magic.service.api.jsonapi import ApiError, is_storable
from polly_magic.service.authentication import base_url

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["Query"]

PAGE_SIZE = 100
LARGEST_PAGE = 1000
_LARGEST_NUMBER = 2**63 - 1


class Query:
    """The query parameters of a request.

    Parameters
    ----------
    request : web.Request
    names : tuple of str
        What there is; anything else is refused.
    """

    def __init__(self, request: web.Request, *names: str) -> None:
        self._request = request
        self._values: dict[str, str] = {}
        for name, value in request.query.items():
            if name not in names:
                known = f"There are: {', '.join(names)}." if names else "There are none here."
                raise self._refusal(name, f"There is no parameter {name[:100]!a}. {known}", "unknown_parameter")
            if name in self._values:
                raise self.invalid(name, "It stands there twice.")
            if not is_storable(value):
                raise self.invalid(name, "It holds a character that is no text.")
            self._values[name] = value

    def get(self, name: str) -> str | None:
        """Return a value as it was given."""
        return self._values.get(name)

    def required(self, name: str) -> str:
        """Return a value that must be there."""
        if name not in self._values:
            raise self._refusal(name, f"{name!r} is missing.", "missing_parameter")
        return self._values[name]

    def choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        """Return a value that is one of `choices`, if it was given."""
        value = self._values.get(name)
        if value is not None and value not in choices:
            raise self.invalid(name, f"It is one of: {', '.join(choices)}.")
        return value

    @property
    def size(self) -> int:
        """How many rows a page has."""
        text = self._values.get("page[size]", str(PAGE_SIZE))
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= LARGEST_PAGE):
            raise self.invalid("page[size]", f"It is a whole number from 1 to {LARGEST_PAGE}.")
        return int(text)

    def page(self, select: Any, sort: str, value: ColumnElement[Any] | None, number: ColumnElement[int]) -> Any:
        """Return the query for one page and one row more, which tells that there is a next one.

        Parameters
        ----------
        select : Select
        sort : str
            ``field`` or ``-field``.
        value : ColumnElement or None
            What to sort by; without it, by `number` alone.
        number : ColumnElement
            What tells rows of the same value apart.
        """
        columns = [number] if value is None else [value, number]
        descending = sort.startswith("-")
        after = self._after(sort, columns)
        if after:
            last = columns[-1] < after[-1] if descending else columns[-1] > after[-1]
            if len(columns) == 2:
                beyond = columns[0] < after[0] if descending else columns[0] > after[0]
                last = or_(beyond, and_(columns[0] == after[0], last))
            select = select.where(last)
        return select.order_by(*(column.desc() if descending else column for column in columns)).limit(self.size + 1)

    def next_link(self, sort: str, *position: int | str) -> str:
        """Return the URL of the page after the row at `position` (its values of what is sorted by)."""
        cursor = base64.urlsafe_b64encode(json.dumps([sort, *position]).encode()).decode().rstrip("=")
        parameters = urlencode({**self._values, "page[after]": cursor}, safe="[]")
        return f"{base_url(self._request)}{self._request.rel_url.raw_path}?{parameters}"

    def _after(self, sort: str, columns: list[ColumnElement[Any]]) -> list[Any]:
        cursor = self._values.get("page[after]")
        if cursor is None:
            return []
        try:
            position = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=="))
        except (binascii.Error, ValueError, RecursionError):
            position = None
        if not isinstance(position, list) or position[:1] != [sort] or len(position) != len(columns) + 1:
            raise self.invalid("page[after]", "It is no cursor from 'links.next' of the same query.")
        values: list[Any] = position[1:]
        for column, value in zip(columns, values, strict=True):
            kind = column.type.python_type
            fits = type(value) is kind and (kind is not int or 0 <= value <= _LARGEST_NUMBER)
            if not fits or (kind is str and not is_storable(value)):
                raise self.invalid("page[after]", "It is no cursor from 'links.next' of the same query.")
        return values

    def invalid(self, name: str, detail: str) -> ApiError:
        """Return the error that points at a parameter."""
        return self._refusal(name, f"{name!r} is not valid. {detail}", "invalid_parameter")

    def _refusal(self, name: str, detail: str, code: str) -> ApiError:
        return ApiError(400, code, "Query parameter refused", detail, parameter=ascii(name[:100])[1:-1])

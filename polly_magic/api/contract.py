"""Reading what the service sent: each value has the type the contract says, or the service is at fault."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, cast

from polly_magic.errors import ServiceFailure
from polly_magic.redaction import redact

__all__ = ["attributes", "broken", "count", "resource_id", "text", "text_list", "time", "word"]

# datetime.fromisoformat of Python 3.10 knows neither "Z" nor fractions of other lengths than 3 and 6.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)")


def broken(what: str) -> ServiceFailure:
    """Make the error for an answer that is not as the contract says."""
    return ServiceFailure(
        f"The service answered, but not as its contract says: {what}.",
        "Look whether POLLY_SERVICE is the URL of a repository service, and its version fits this one's.",
    )


def attributes(resource: object, kind: str) -> dict[str, Any]:
    """Return the attributes of a resource object of this type."""
    if not isinstance(resource, dict):
        raise broken(f"{_shown(resource)} stands where an object of type {kind!r} should be")
    resource = cast("dict[str, Any]", resource)
    if resource.get("type") != kind:
        raise broken(f"type is {_shown(resource.get('type'))} where {kind!r} should be")
    found = resource.get("attributes")
    if not isinstance(found, dict):
        raise broken(f"an object of type {kind!r} has no attributes")
    return cast("dict[str, Any]", found)


def resource_id(resource: dict[str, Any]) -> str:
    """Return the id of a resource object."""
    return text(resource, "id")


def text(values: dict[str, Any], name: str) -> str:
    """Return a value that is text."""
    value = values.get(name)
    if type(value) is not str:
        raise _wrong(values, name, "a text")
    return value


def word(values: dict[str, Any], name: str, words: frozenset[str]) -> str:
    """Return a value that is one of these words."""
    value = values.get(name)
    if type(value) is not str or value not in words:
        raise _wrong(values, name, " or ".join(sorted(words)))
    return value


def count(values: dict[str, Any], name: str) -> int:
    """Return a value that is a whole number, not below zero."""
    value = values.get(name)
    if type(value) is not int or not 0 <= value < 2**63:
        raise _wrong(values, name, "a number")
    return value


def text_list(values: dict[str, Any], name: str) -> tuple[str, ...]:
    """Return a value that is a list of texts."""
    value = values.get(name)
    if type(value) is not list or not all(type(item) is str for item in cast("list[object]", value)):
        raise _wrong(values, name, "a list of texts")
    return tuple(cast("list[str]", value))


def time(values: dict[str, Any], name: str) -> datetime:
    """Return a value that is a time, in UTC.

    Examples
    --------
    >>> time({"pushed_at": "2020-06-17T19:03:35.123456Z"}, "pushed_at")
    datetime.datetime(2020, 6, 17, 19, 3, 35, 123456, tzinfo=datetime.timezone.utc)
    """
    value = values.get(name)
    if type(value) is not str:
        raise _wrong(values, name, "a time")
    try:
        moment = _moment(value)
    except (ValueError, OverflowError) as error:
        raise _wrong(values, name, "an RFC 3339 time") from error
    if not 1970 <= moment.year <= 2200:  # what nanoseconds since 1970, as DataFrames count, can hold
        raise _wrong(values, name, "a time of these days")
    return moment


def _moment(value: str) -> datetime:
    if len(value) == 27 and value[-1] == "Z":  # what the contract says, and every row has
        return datetime.fromisoformat(f"{value[:-1]}+00:00")
    match = _TIME.fullmatch(value)
    if not match:
        raise ValueError(value)
    date, clock, fraction, zone = match.groups()
    normal = f"{date}T{clock}.{(fraction or '')[:6]:0<6}{'+00:00' if zone in 'Zz' else zone}"
    return datetime.fromisoformat(normal).astimezone(timezone.utc)


def _wrong(values: dict[str, Any], name: str, expected: str) -> ServiceFailure:
    if name not in values:
        return broken(f"{name!r} is missing")
    return broken(f"{name!r} is {_shown(values[name])} where {expected} should be")


def _shown(value: object) -> str:
    shown = redact(ascii(value))
    return shown if len(shown) <= 60 else f"{shown[:57]}..."

"""Repositories as the API sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from polly_magic.api.contract import attributes, resource_id, text, time, word
from polly_magic.models import Access, Repository

if TYPE_CHECKING:
    from typing import Any

__all__ = ["KIND", "read_repository"]

KIND = "repositories"
_ACCESS = frozenset({"private", "public"})


def read_repository(resource: object, registry: str) -> Repository:
    """Make a model of a resource object, whose id is ``organisation/name``."""
    values = attributes(resource, KIND)
    return Repository(
        f"{registry}/{resource_id(cast('dict[str, Any]', resource))}",
        text(values, "description"),
        text(values, "created_by"),
        time(values, "created_at"),
        cast("Access", word(values, "access", _ACCESS)),
    )

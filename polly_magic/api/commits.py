"""Commits as the API sends them."""

from __future__ import annotations

from typing import cast

from polly_magic.api.contract import attributes, count, text, text_list, time, word
from polly_magic.models import Commit, TagStatus

__all__ = ["KIND", "read_commit"]

KIND = "commits"
_TAG_STATUS = frozenset({"active", "inactive"})


def read_commit(resource: object, registry: str) -> Commit:
    """Make a model of a resource object."""
    values = attributes(resource, KIND)
    return Commit(
        f"{registry}/{text(values, 'repository')}",
        text(values, "tag"),
        text(values, "commit_hash"),
        cast("TagStatus", word(values, "tag_status", _TAG_STATUS)),
        text(values, "pushed_by"),
        time(values, "pushed_at"),
        count(values, "size"),
        text(values, "media_type"),
        text_list(values, "platforms"),
        # Not every service keeps it; then the tag's next commit tells.
        None if values.get("replaced_at") is None else time(values, "replaced_at"),
    )

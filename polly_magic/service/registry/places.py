"""The repository that a request to the registry is about, and whether its caller may go there."""

from __future__ import annotations

import shlex
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web
from sqlalchemy import bindparam, select

from polly_magic.references import is_name
from polly_magic.service.authentication import Grant, authorize
from polly_magic.service.lookups import LOOKUPS
from polly_magic.service.oci_errors import OciError
from polly_magic.service.schema import organizations, repositories

if TYPE_CHECKING:
    from polly_magic.service.lookups import Lookups

__all__ = ["PLACES", "Place", "Places", "enter"]

_KEPT = 10_000

_FIND = (
    select(repositories.c.id)
    .join(organizations, organizations.c.id == repositories.c.organization_id)
    .where(organizations.c.name == bindparam("organization"), repositories.c.name == bindparam("repository"))
)


class Places:
    """Numbers of repositories by path. A repository is never renamed nor removed: what was found once holds."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._ids: OrderedDict[str, int] = OrderedDict()

    def find(self, path: str) -> int | None:
        """Return the number of the repository at ``organisation/name``."""
        known = self._ids.get(path)
        if known is not None:
            return known
        organization, _, name = path.partition("/")
        row = self._lookups.row(_FIND, organization=organization, repository=name)
        if row is None:
            return None
        if len(self._ids) >= _KEPT:
            self._ids.popitem(last=False)
        self._ids[path] = row[0]
        return row[0]


PLACES: web.AppKey[Places] = web.AppKey("places", Places)


@dataclass(frozen=True, slots=True)
class Place:
    """A repository that the caller may enter.

    Parameters
    ----------
    repository_id : int
    path : str
        ``organisation/name``.
    grant : Grant
        What the caller may do, here and elsewhere.
    lookups : Lookups
    """

    repository_id: int
    path: str
    grant: Grant
    lookups: Lookups

    @property
    def user_id(self) -> int:
        """Who writes here.

        Raises
        ------
        OciError
            DENIED: nobody can write without a name.
        """
        user_id = self.grant.principal.user_id
        if user_id is None:
            raise OciError("DENIED", f"Log in to push to {self.path}.")
        return user_id


def enter(request: web.Request, path: str, *actions: str) -> Place:
    """Return the repository at `path`.

    Raises
    ------
    OciError
        NAME_INVALID, UNAUTHORIZED, or NAME_UNKNOWN with the command that creates the repository.
    """
    if not is_name(path):
        raise OciError("NAME_INVALID", f"{path!r} is no name of a repository.", {"name": path})
    grant = authorize(request, path, *actions)
    repository_id = request.app[PLACES].find(path)
    if repository_id is None:
        if "push" not in actions:
            raise OciError("NAME_UNKNOWN", f"There is no repository {path}.", {"name": path})
        create = f"polly-dockers create --name {shlex.quote(path)} --description 'What it is for'"
        raise OciError(
            "NAME_UNKNOWN",
            f"There is no repository {path}. Create it with: {create}",
            {"name": path, "create": create},
        )
    return Place(repository_id, path, grant, request.app[LOOKUPS])

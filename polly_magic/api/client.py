"""The calls of the API, one method each."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from polly_magic.api import commits, repositories
from polly_magic.api.login import RegistryToken, Scope, read_token, read_user
from polly_magic.api.pages import read_list
from polly_magic.api.session import Session
from polly_magic.errors import Forbidden
from polly_magic.references import validate_name
from polly_magic.settings import Login, current_login

if TYPE_CHECKING:
    from collections.abc import Callable

    from polly_magic.models import Access, Commit, Repository, TagStatus, User

__all__ = ["Client"]


class Client:
    """Client of a repository service.

    It is a context manager, and may be used from several threads at once. Every method raises the kinds of
    `PollyError` that its call can meet: `NotLoggedIn`, `ServiceUnavailable` and `ServiceFailure` any of them.

    Parameters
    ----------
    login : Login, optional
        The service and a key for it; whatever `polly_magic.settings.current_login` says where it is left out.
    patience : float, optional
        Seconds to wait for an answer, and to spend on trying again.

    Examples
    --------
    The digest that a tag had before the last push::

        with Client() as client:
            active, before, *_ = client.commits("elucidata/16june", tag="latest")
            print(before.commit_hash)
    """

    def __init__(self, login: Login | None = None, *, patience: float = 30.0) -> None:
        self.login = login or current_login()
        self._session = Session(self.login, patience)
        self._user = self.login.user

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    @property
    def registry(self) -> str:
        """Host of the service's registry."""
        return self.login.service.registry

    @property
    def user(self) -> User:
        """Whoever is logged in; asked of the service once, where the login does not say."""
        if self._user is None:
            self._user = self.me()
        return self._user

    def me(self) -> User:
        """Ask the service who is logged in: so also whether the key is good."""
        return read_user(self._session.get("/users/me")[0]["data"])

    def repositories(
        self,
        *,
        name: str | None = None,
        access: Access | None = None,
        oldest_first: bool = False,
        limit: int | None = None,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> list[Repository]:
        """List the repositories that the user can see, newest first.

        Parameters
        ----------
        name : str, optional
            Only those whose name fits.
        access : {"private", "public"}, optional
        oldest_first : bool
        limit : int, optional
            How many at most.
        progress : callable, optional
            Called with the rows so far and `limit`, if there is more than one page.
        """
        parameters = {"sort": "created_at" if oldest_first else "-created_at"}
        parameters |= _filters(name=name, access=access)
        return read_list(
            self._session, "/repositories", parameters, self._read_repository, limit=limit, progress=progress
        )

    def repository(self, path: str) -> Repository:
        """Get one repository.

        Parameters
        ----------
        path : str
            ``organisation/name``, without host.

        Raises
        ------
        NotFound
            There is none, or none that the user can see.
        """
        return self._read_repository(self._session.get(_location(path))[0]["data"])

    def create(self, path: str, *, description: str, access: Access = "private") -> Repository:
        """Create a repository in the user's organisation.

        Raises
        ------
        Conflict
            It exists.
        Forbidden
            The path starts with another organisation.
        Rejected
            The service refuses the name or the description.
        """
        validate_name(path)
        organization, _, name = path.partition("/")
        if organization != self.user.organization:
            raise Forbidden(
                f"{path!r} would be in the organisation {organization!r}, and you are in {self.user.organization!r}.",
                f"Create {self.user.organization}/{name or path}",
            )
        values = {"name": name, "description": description, "access": access}
        return self._read_repository(self._session.post("/repositories", repositories.KIND, values)["data"])

    def update(self, path: str, *, description: str | None = None, access: Access | None = None) -> Repository:
        """Change a repository's description or access, or both.

        Raises
        ------
        NotFound
            There is none, or none that the user can see.
        Forbidden
            The user may not change it.
        """
        values = {
            name: value for name, value in {"description": description, "access": access}.items() if value is not None
        }
        return self._read_repository(self._session.patch(_location(path), repositories.KIND, path, values)["data"])

    def commits(
        self,
        path: str,
        *,
        tag: str | None = None,
        status: TagStatus | None = None,
        commit_hash: str | None = None,
        oldest_first: bool = False,
        limit: int | None = None,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> list[Commit]:
        """List the commits of a repository, newest first.

        Parameters
        ----------
        path : str
            ``organisation/name``, without host.
        tag, status, commit_hash : str, optional
            Only those of this tag, status, and digest (or its beginning, seven digits or more).
        oldest_first : bool
        limit : int, optional
            How many at most.
        progress : callable, optional
            Called with the rows so far and `limit`, if there is more than one page.

        Raises
        ------
        NotFound
            There is no such repository, or none that the user can see.
        """
        validate_name(path)
        parameters = {"sort": "pushed_at" if oldest_first else "-pushed_at"}
        parameters |= _filters(repository=path, tag=tag, tag_status=status, commit_hash=commit_hash)
        return read_list(self._session, "/commits", parameters, self._read_commit, limit=limit, progress=progress)

    def registry_token(self, scope: Scope, lifetime: int) -> RegistryToken:
        """Get a short-lived password for the registry.

        Parameters
        ----------
        scope : {"pull", "pull,push"}
        lifetime : int
            Seconds; the service may give less.
        """
        values = {"scope": scope, "lifetime": lifetime}
        return read_token(self._session.post("/registry-tokens", "registry-tokens", values)["data"])

    def _read_repository(self, resource: object) -> Repository:
        return repositories.read_repository(resource, self.registry)

    def _read_commit(self, resource: object) -> Commit:
        return commits.read_commit(resource, self.registry)


def _filters(**values: str | None) -> dict[str, str]:
    return {f"filter[{name}]": value for name, value in values.items() if value is not None}


def _location(path: str) -> str:
    validate_name(path)
    return f"/repositories/{quote(path)}"

"""The engine's life, and what is pulled and pushed with it."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from docker.errors import APIError, ImageNotFound, NullResource
from docker.errors import NotFound as NoSuchThing

from polly_magic.engine.attached import AttachedContainer
from polly_magic.engine.connection import connect, is_local
from polly_magic.engine.containers import run_container
from polly_magic.engine.failures import asked, explain, translated
from polly_magic.engine.progress import Update, follow, ignore
from polly_magic.errors import EngineFailure, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from docker.models.images import Image

    from polly_magic.engine.attached import ContainerSettings, File
    from polly_magic.redaction import Secret
    from polly_magic.references import Reference

__all__ = ["Container", "Credentials", "Engine", "Pulled"]


class Credentials(Protocol):
    """User and password for a registry, such as the service's short-lived token."""

    @property
    def username(self) -> str:
        """Name of the user."""
        ...

    @property
    def secret(self) -> Secret:
        """The password."""
        ...


@dataclass(frozen=True)
class Pulled:
    """An image that the engine holds.

    Parameters
    ----------
    digest : str
        Of the manifest, as the service knows it.
    image_id : str
        The engine's own name for it, which is another digest.
    size : int
        Bytes on the engine's disk.
    """

    digest: str
    image_id: str
    size: int


@dataclass(frozen=True)
class Container:
    """A container of the engine.

    Parameters
    ----------
    name : str
    state : str
        ``created``, ``running``, ``exited`` and so on.
    created_at : float
        Seconds since 1970.
    """

    name: str
    state: str
    created_at: float


class Engine:
    """The Docker engine that the ``docker`` program would use. A context manager.

    Credentials are passed with each call and written nowhere. Without any, those that Docker's own configuration
    has for the host count.

    Raises
    ------
    EngineUnavailable
        On entering: no engine, or no permission to use it.

    Examples
    --------
    ::

        with Engine() as engine:
            engine.pull(reference, client.registry_token("pull", 300))
    """

    def __enter__(self) -> Engine:
        self._client = connect()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def find(self, reference: Reference) -> Pulled | None:
        """Return the image of a reference with a digest if the engine holds it, else None."""
        with translated(reference):
            try:
                image = self._client.images.get(_name(reference))
            except ImageNotFound:
                return None
        return _pulled(image, reference)

    def pull(self, reference: Reference, credentials: Credentials | None = None, progress: Update = ignore) -> Pulled:
        """Pull an image, and see that the engine then holds that very digest.

        Parameters
        ----------
        reference : Reference
            Complete, with a tag or a digest; the digest wins.
        credentials : Credentials, optional
            For the registry.
        progress : callable, optional
            Is told the bar of each layer.

        Raises
        ------
        EngineFailure
            With the engine's reason and what to do.
        """
        version = reference.digest or reference.tag or "latest"
        with translated(reference):
            events = self._client.api.pull(
                reference.repository, tag=version, stream=True, decode=True, auth_config=_auth(credentials)
            )
            digest, failure = follow(events, progress)
        if failure:
            raise explain(failure, reference)
        wanted = reference.with_digest(reference.digest or digest)
        found = self.find(wanted)
        if not found:
            raise EngineFailure(
                f"The Docker engine says that it pulled {wanted}, but does not hold that digest.",
                f"Look at it with docker images --digests {reference.repository}, and pull again.",
            )
        return found

    def push(
        self,
        local_image: str,
        reference: Reference,
        credentials: Credentials | None = None,
        progress: Update = ignore,
    ) -> str:
        """Tag an image of this machine with a reference, push it, and return its digest.

        Raises
        ------
        NotFound
            The engine has no such image.
        EngineFailure
            With the engine's reason and what to do.
        """
        with translated(reference):
            image = self._local(local_image)
            image.tag(reference.repository, tag=reference.tag)
            # A registry may take its time over the last layer, and the engine is silent until it is through.
            with self._without_timeout():
                events = self._client.api.push(
                    reference.repository, tag=reference.tag, stream=True, decode=True, auth_config=_auth(credentials)
                )
                digest, failure = follow(events, progress)
        if failure:
            raise explain(failure, reference)
        if not digest:
            raise EngineFailure(
                f"The Docker engine pushed {reference} and does not say which digest it has.",
                f"See %polly_dockers commit-list --name {reference.path}",
            )
        return digest

    def run(
        self,
        reference: Reference,
        command: Sequence[str],
        *,
        write: Callable[[str], None],
        mounts: Mapping[str, str] | None = None,
        workdir: str | None = None,
        credentials: Callable[[], Credentials] | None = None,
        progress: Update = ignore,
    ) -> int:
        """Run a command in a new container, which is removed at its end, and return its exit code.

        Parameters
        ----------
        reference : Reference
            With a digest; pulled where the engine does not hold it. The container is told it by ``POLLY_IMAGE``.
        command : sequence of str
            Program and arguments; empty for what the image says.
        write : callable
            Is given standard output and standard error as they come.
        mounts : mapping, optional
            Directories of this machine, and where they stand in the container.
        workdir : str, optional
            Directory in the container in which the command starts.
        credentials : callable, optional
            Asked for credentials if the image must be pulled.
        progress : callable, optional
            Is told the bar of each layer if the image must be pulled.

        Raises
        ------
        EngineFailure
            The image cannot be pulled, or the command not be started; `exit_status` is 126 or 127 then as in a shell.
        KeyboardInterrupt
            Ctrl-C, or the notebook's stop button; the container is gone then.
        """
        if not self.find(reference):
            self.pull(reference, credentials and credentials(), progress)
        with translated(reference):
            return run_container(
                self._client.api,
                reference,
                _name(reference),
                command,
                write=write,
                mounts=mounts or {},
                workdir=workdir,
            )

    def attach(
        self,
        reference: Reference,
        name: str,
        settings: ContainerSettings,
        files: Sequence[File] = (),
    ) -> AttachedContainer:
        """Start a container that goes on, and lives as long as what is returned is held.

        It has a connection to the engine of its own, and outlives this context.

        Parameters
        ----------
        reference : Reference
            With a digest; the engine must hold it.
        name : str
            Of the container.
        settings : ContainerSettings
        files : sequence of File, optional
            Put into the container before it starts.

        Raises
        ------
        EngineFailure
            The engine does not hold the image, or cannot start the container; none is left behind then.
        """
        if not is_local(self._client.api):
            raise EngineFailure(
                f"The Docker engine is on another machine ({self._client.api.base_url}), and sees no directory of this"
                " one.",
                "Unset DOCKER_HOST to use this machine's engine: docker context use default",
            )
        if not self.find(reference):
            short = reference.shortened()  # a front end may show one line, and cut it
            raise EngineFailure(f"{short} is not on this machine.", f"Pull it: polly-dockers pull {short}")
        with translated(reference):
            return AttachedContainer(connect().api, _name(reference), name, settings, files)

    def this_user(self) -> tuple[int, int]:
        """Return the numbers of user and group by which a container writes files that belong to this process's user.

        An engine without root's rights runs containers in a name space in which its user is root. Windows has no such
        numbers, and lets anybody write to what is mounted.
        """
        with asked():
            options: list[str] = self._client.api.info().get("SecurityOptions") or []
        if "name=rootless" in options or not hasattr(os, "getuid"):
            return 0, 0
        return os.getuid(), os.getgid()

    def containers(self, label: str) -> list[Container]:
        """Return the containers that bear a label, whatever state they are in."""
        with asked():
            found: list[dict[str, Any]] = self._client.api.containers(all=True, filters={"label": label})
        return [
            Container(
                str(one["Names"][0]).lstrip("/") if one["Names"] else str(one["Id"]),
                str(one["State"]),
                float(one["Created"]),
            )
            for one in found
        ]

    def remove(self, container: str) -> None:
        """Remove a container, whatever it is doing; one that is gone already, or going, is no error."""
        with asked(), suppress(NoSuchThing):
            try:
                self._client.api.remove_container(container, force=True, v=True)
            except APIError as error:
                # 409: the engine is removing it already
                if error.status_code != 409:
                    raise

    def image_of(self, container: str) -> tuple[str, frozenset[str]] | None:
        """Return the name and the digests of the image that a container was made of.

        Parameters
        ----------
        container : str
            ID, or its first digits.

        Returns
        -------
        tuple or None
            The name that the container was made with, and the digests that registries have for the image: none for
            one that was built here and not pushed. None for a container that this engine does not know.
        """
        with asked():
            try:
                attributes: dict[str, Any] = self._client.api.inspect_container(container)
                image = self._client.images.get(attributes["Image"])
            except NoSuchThing:
                return None
        digests = frozenset(name.partition("@")[2] for name in image.attrs.get("RepoDigests") or ())
        return str(attributes["Config"]["Image"]), digests

    def _local(self, name: str) -> Image:
        try:
            return self._client.images.get(name)
        except (ImageNotFound, NullResource) as error:
            raise NotFound(f"This machine's Docker engine has no image {name!r}.", "See docker images") from error
        except APIError as error:
            if error.is_client_error():
                raise NotFound(f"{name!r} is no name of an image: {error.explanation}.", "See docker images") from error
            raise

    @contextmanager
    def _without_timeout(self) -> Generator[None]:
        api: Any = self._client.api
        usual, api.timeout = api.timeout, None
        try:
            yield
        finally:
            api.timeout = usual


def _name(reference: Reference) -> str:
    if reference.digest:
        return f"{reference.repository}@{reference.digest}"
    return f"{reference.repository}:{reference.tag or 'latest'}"


def _pulled(image: Image, reference: Reference) -> Pulled | None:
    held = [digest for digest in image.attrs.get("RepoDigests") or () if digest == _name(reference)]
    if not held or not reference.digest:
        return None
    return Pulled(reference.digest, str(image.id), int(image.attrs.get("Size", 0)))


def _auth(credentials: Credentials | None) -> dict[str, str] | None:
    if credentials is None:
        return None
    return {"username": credentials.username, "password": credentials.secret.reveal()}

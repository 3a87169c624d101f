"""Whether this is the image that the notebook needs. Digests are compared, never names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from polly_magic.errors import NotFound, PollyError, UnknownEnvironment, WrongEnvironment
from polly_magic.references import parse_repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from polly_magic.pinning.environment import Environment
    from polly_magic.pinning.pin import Pin
    from polly_magic.registry import RegistryClient

__all__ = ["ask_related", "check"]

_PATIENCE = 5.0
_TOKEN_LIFETIME = 60


def check(pin: Pin, here: Environment, related: Callable[[Pin, frozenset[str]], bool]) -> None:
    """Pass if this is the image, or a platform of it.

    Parameters
    ----------
    pin : Pin
    here : Environment
        Where this process runs.
    related : callable
        Whether the pin and one of some digests are an index and its platform. Asked only where none is the same.

    Raises
    ------
    WrongEnvironment
        It is another image, or none.
    UnknownEnvironment
        It cannot be told.
    """
    needs = f"This notebook needs {pin.reference}{_as_pinned(pin)}"
    if not here.known:
        raise UnknownEnvironment(
            f"{needs}, and it cannot be told what this kernel runs in: {here.said}.",
            f"Start the kernel in that image, {_way(pin)}; a container that others start tells by "
            f"-e POLLY_IMAGE={pin.reference}. With --warn this is no error.",
        )
    if pin.digest in here.digests:
        return
    doubt = ""
    if here.digests:
        try:
            if related(pin, here.digests):
                return
        except PollyError as error:
            doubt = (
                " Whether one of both is the other's image for a platform could not be asked: "
                f"{error.problem.rstrip('.')}."
            )
    if here.said == "no container":
        found = "this kernel runs in no container"
    elif not here.digests:
        found = f"this kernel runs in {here.said}, which has no digest: it was neither pulled nor pushed"
    else:
        found = f"this kernel runs in {here.said}"
    raise WrongEnvironment(f"{needs}, and {found}.{doubt}", f"Get there {_way(pin)}")


def ask_related(pin: Pin, digests: frozenset[str]) -> bool:
    """Ask the registry whether the pin is an index that holds one of these digests, or the other way round.

    Raises
    ------
    PollyError
        The registry cannot be asked.
    """
    try:
        from polly_magic.api import Client
        from polly_magic.registry import RegistryClient
    except ModuleNotFoundError as error:  # a kernel brings this package along into an image without its libraries
        raise PollyError(f"this environment has no {error.name}") from error

    where = parse_repository(pin.image)
    with Client(patience=_PATIENCE) as client:
        if where.host != client.registry:
            raise PollyError(f"you are logged in to {client.registry}, not to {where.host}")
        token = client.registry_token("pull", _TOKEN_LIFETIME)
    with RegistryClient(where.host, token.username, token.secret) as registry:
        if digests & _platforms(registry, where.path, pin.digest):
            return True
        return any(pin.digest in _platforms(registry, where.path, digest) for digest in sorted(digests))


def _platforms(registry: RegistryClient, path: str, digest: str) -> frozenset[str]:
    """Return the digests that an index holds; none for an image, and for one that the repository does not have."""
    try:
        manifest: object = json.loads(registry.get_manifest(path, digest).content)
    except (NotFound, ValueError):  # ValueError: no JSON, so no index
        return frozenset()
    match manifest:
        case {"manifests": list() as held}:
            items = cast("list[object]", held)
            return frozenset(
                str(cast("dict[str, object]", item).get("digest")) for item in items if isinstance(item, dict)
            )
        case _:
            return frozenset()


def _as_pinned(pin: Pin) -> str:
    name = f"{pin.image.rpartition('/')[2]}:{pin.tag}" if pin.tag else ""
    when = f"pinned {pin.pinned_on}" if pin.pinned_on else ""
    text = ", ".join(filter(None, (name, when)))
    return f" ({text})" if text else ""


def _way(pin: Pin) -> str:
    image = parse_repository(pin.image).with_digest(pin.digest).shortened()
    return (
        f"with: polly-dockers kernel install {image} - then choose that kernel in the notebook's menu Kernel;"
        f" for a program: polly-dockers run {image} -- COMMAND"
    )

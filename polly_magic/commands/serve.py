"""``serve``: the repository service, in the foreground."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.errors import PollyError, UsageError

if TYPE_CHECKING:
    import argparse

    from polly_magic.service.serving import Started

__all__ = ["COMMAND"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="DIR", type=Path, help="directory that keeps everything")
    parser.add_argument("--host", metavar="H", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port",
        metavar="P",
        type=int,
        default=0,
        help="port to listen on; 0, the default: as last time, or a free one",
    )
    parser.add_argument("--public-url", metavar="URL", help="under which clients reach it, behind a proxy")
    parser.add_argument(
        "--allow-delete", action="store_true", help="let admins delete tags, manifests and blobs of their organisation"
    )
    parser.add_argument("--organization", metavar="O", help="at the first start: the organisation to make")
    parser.add_argument("--email", metavar="E", help="at the first start: its administrator")
    parser.add_argument("--log", action="store_true", help="a line on stderr for each request")


def _run(arguments: argparse.Namespace, face: Face) -> int:
    if not face.acts_at_once:
        raise PollyError(
            "A notebook's kernel would be busy for as long as it serves.",
            "Run %polly_dockers login --local, which starts the service in the background.",
        )
    if not 0 <= arguments.port <= 65535:
        raise UsageError(f"{arguments.port} is no port.", "Give one from 1 to 65535, or 0 for any free one: --port P")
    data = (arguments.data or _default_data()).expanduser().absolute()
    public_url = arguments.public_url and _checked_url(arguments.public_url)
    require_service()
    from polly_magic.service.config import Config
    from polly_magic.service.serving import run

    config = Config(
        data,
        arguments.host,
        arguments.port,
        public_url,
        arguments.allow_delete,
        arguments.organization,
        arguments.email,
        arguments.log,
    )

    def ready(started: Started) -> None:
        if started.first_account and started.on_loopback:
            _log_in(started, data, face)
        face.note(f"Serving {data} at {started.url} (Ctrl-C ends it).")

    run(config, ready)
    return 0


def require_service() -> None:
    """Refuse to go on where the service's own dependencies are not installed."""
    missing = [name for name in ("aiohttp", "alembic", "jwt", "sqlalchemy") if find_spec(name) is None]
    if missing:
        raise PollyError(
            f"The repository service is not installed ({', '.join(missing)} missing).",
            "Run: pip install 'polly-magic[service]'",
        )


def _default_data() -> Path:
    from polly_magic.settings import service_data

    return service_data()


def _checked_url(url: str) -> str:
    from polly_magic.settings import service_at

    return service_at(url).api_url


def _log_in(started: Started, data: Path, face: Face) -> None:
    """Log in whoever made the first start, as ``login`` would."""
    from polly_magic import docker_config
    from polly_magic.service.local import issue_local_key
    from polly_magic.settings import Login, Service, remember, service_at

    try:
        service = service_at(started.url)
        remember(Login(Service(service.api_url, service.registry, str(data)), issue_local_key(data)))
        docker_config.register_helper(service.registry)
        face.note(f"Logged in as {started.first_account}.")
    except PollyError as error:  # it serves all the same
        face.note(f"Not logged in: {error}")


COMMAND = Command(
    name="serve",
    summary="Serve Docker repositories from a directory of this machine.",
    example="serve\nserve --data /srv/polly --port 5005 --log",
    add_arguments=_add_arguments,
    run=_run,
)

"""The service as one aiohttp application."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aiohttp import web

from polly_magic.errors import StoreUnusable
from polly_magic.service import api, registry, token_endpoint
from polly_magic.service.api import jsonapi
from polly_magic.service.authentication import AUTHENTICATOR, Authenticator
from polly_magic.service.blobs import BlobStore
from polly_magic.service.database import open_database
from polly_magic.service.first_start import make_first_account
from polly_magic.service.keys import BLOBS, CONFIG, DATABASE
from polly_magic.service.tokens import Signer, load_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from polly_magic.service.config import Config

__all__ = ["FIRST_ACCOUNT", "build_application", "make_data_directory"]

FIRST_ACCOUNT: web.AppKey[str | None] = web.AppKey("first_account")
"""Address of the account that this start made, if it was the first."""

# Of the API; the registry streams what it takes, and limits manifests itself.
_LARGEST_BODY = 1 << 20


def build_application(config: Config) -> web.Application:
    """Open everything in the data directory and return the application; its clean-up closes it.

    One process at a time may do so: `run` sees to that by a lock.

    Raises
    ------
    StoreUnusable
        The data directory cannot be used.
    """
    make_data_directory(config.data)
    signer = Signer(load_key(config.data / "token.key"))
    database = open_database(config.database)
    try:
        first_account = database.write_now(lambda connection: make_first_account(connection, config))
        blobs = BlobStore(config.blobs, config.uploads)
    except BaseException:
        database.close()
        raise
    app = web.Application(middlewares=[jsonapi.middleware], client_max_size=_LARGEST_BODY)
    app[CONFIG] = config
    app[DATABASE] = database
    app[BLOBS] = blobs
    app[AUTHENTICATOR] = Authenticator(signer)
    app[FIRST_ACCOUNT] = first_account

    async def close_database(_app: web.Application) -> AsyncIterator[None]:
        yield
        database.close()

    # Contexts end in the opposite order: the database after everything that uses it.
    app.cleanup_ctx.append(close_database)
    for part in (api, token_endpoint, registry):
        part.add_routes(app)
    return app


def make_data_directory(path: Path) -> None:
    """Make the directory for nobody else to read.

    Raises
    ------
    StoreUnusable
        It cannot be made, or not be written to.
    """
    remedy = "Give a directory of your own: --data DIR"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not any(path.iterdir()):
            path.chmod(0o700)
    except OSError as error:
        raise StoreUnusable(f"The data directory {path} cannot be used: {error.strerror}.", remedy) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise StoreUnusable(f"The data directory {path} cannot be used: it is not yours to write to.", remedy)

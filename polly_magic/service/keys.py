"""What the handlers find in the application: its database, its blobs and its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from polly_magic.service.blobs import BlobStore
    from polly_magic.service.config import Config
    from polly_magic.service.database import Database

DATABASE: web.AppKey[Database] = web.AppKey("database")
BLOBS: web.AppKey[BlobStore] = web.AppKey("blobs")
CONFIG: web.AppKey[Config] = web.AppKey("config")

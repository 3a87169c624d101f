"""The HTTP API: JSON:API, stated exactly by ``docs/openapi.yaml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polly_magic.service.api import access, commits, repositories

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["add_routes"]


def add_routes(app: web.Application) -> None:
    """Serve the API."""
    for part in (access, repositories, commits):
        part.add_routes(app)

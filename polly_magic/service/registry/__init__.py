"""The registry: OCI Distribution 1.1 under /v2."""

from polly_magic.service.registry.routes import RUNNER_OPTIONS, add_routes

__all__ = ["RUNNER_OPTIONS", "add_routes"]

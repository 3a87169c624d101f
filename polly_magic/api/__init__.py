"""Client of a repository service's HTTP API.

The contract, JSON:API over HTTP, is in ``docs/openapi.yaml``. What Polly should one day do differently is a change
in this package alone.
"""

from polly_magic.api.client import Client
from polly_magic.api.login import RegistryToken, Scope

__all__ = ["Client", "RegistryToken", "Scope"]

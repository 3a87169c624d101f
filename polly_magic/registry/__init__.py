"""Client of the OCI distribution API, ``/v2``: blobs, manifests and tags of any registry.

`RegistryClient` speaks the OCI Distribution Specification 1.1 with Docker's token authentication; it knows nothing
of Polly's own API.
"""

from polly_magic.registry.client import Manifest, RegistryClient

__all__ = ["Manifest", "RegistryClient"]

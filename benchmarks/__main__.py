"""``python -m benchmarks``: needs docker-registry, wrk and curl."""

from __future__ import annotations

from benchmarks.listing import compare_listing
from benchmarks.registries import distribution, polly
from benchmarks.transfer import compare_transfer


def main() -> None:
    """Run all, print as they come."""
    with polly() as (ours, client), distribution() as peer:
        compare_transfer(ours, peer)
        print(
            f"memory at most: polly {ours.peak_memory():.0f} MB, distribution {peer.peak_memory():.0f} MB", flush=True
        )
        compare_listing(ours, client)


if __name__ == "__main__":
    main()

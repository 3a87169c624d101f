"""``python -m benchmarks [service] [panel] [kernels]``: all unless named.

``service`` needs docker-registry, wrk and curl; ``panel`` needs chromium; ``kernels`` needs docker.
"""

from __future__ import annotations

import argparse


def main() -> None:
    """Run them, print as they come."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("group", nargs="*", help=" or ".join(_GROUPS))
    named = parser.parse_args().group
    if unknown := set(named) - set(_GROUPS):
        parser.error(f"there is no group {' nor '.join(sorted(unknown))}; there are {' and '.join(_GROUPS)}")
    for name in named or _GROUPS:
        _GROUPS[name]()


def _service() -> None:
    from benchmarks.listing import compare_listing
    from benchmarks.registries import distribution, polly
    from benchmarks.transfer import compare_transfer

    with polly() as (ours, client), distribution() as peer:
        compare_transfer(ours, peer)
        print(
            f"memory at most: polly {ours.peak_memory():.0f} MB, distribution {peer.peak_memory():.0f} MB", flush=True
        )
        compare_listing(ours, client)


def _panel() -> None:
    from benchmarks.panel import measure_panel

    measure_panel()


def _kernels() -> None:
    from benchmarks.kernels import measure_kernels

    measure_kernels()


_GROUPS = {"service": _service, "panel": _panel, "kernels": _kernels}

if __name__ == "__main__":
    main()

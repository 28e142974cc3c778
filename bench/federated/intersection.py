"""Measures a private set intersection of two parties with a million identifiers each, both on this computer.

A quarter of each set is common. Time is that of both parties together, one after the other, each on all processors.
"""

from __future__ import annotations

import resource
import time

from bench.claim import Claim
from bench.options import make_parser
from federated.secure.intersection import IntersectionParty, IntersectionTerms


def main() -> None:
    """Measure and print each claim."""
    size = 20_000 if make_parser(__doc__).parse_args().quick else 1_000_000
    terms = IntersectionTerms("bench", peer_most=size)
    start, used = time.perf_counter(), time.process_time()
    ours = IntersectionParty((f"customer {at}" for at in range(size)), terms)
    theirs = IntersectionParty((f"customer {at}" for at in range(size * 3 // 4, size * 7 // 4)), terms)
    to_them, to_us = ours.blind(), theirs.blind()
    back_to_us, back_to_them = theirs.blind_peer(to_them), ours.blind_peer(to_us)
    matched = ours.match(back_to_us), theirs.match(back_to_them)
    seconds, processor_seconds = time.perf_counter() - start, time.process_time() - used
    expected = sorted(f"customer {at}" for at in range(size * 3 // 4, size))
    if matched != (expected, expected):
        raise AssertionError("The intersection is wrong")
    name = f"intersection of {size:,} × {size:,}"
    Claim(name, seconds, "s", bar=300).print_json()
    Claim(f"{name}, of the processors", processor_seconds, "s").print_json()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    Claim(f"{name}, memory of both parties", peak, "GiB", bar=4).print_json()


if __name__ == "__main__":
    main()

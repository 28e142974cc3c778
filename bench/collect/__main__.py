"""Measures the collector: delivery under kills, throughput, times, and consent at collection.

Delivery: events are sent while the collector and the loader are killed at random moments; every acknowledged event is
counted in bronze. Consent: 100,000 random visitors go through the policy of a source, anonymous, identified,
consenting, withdrawn, late; every stored event is compared with an independent evaluation, and every consent that was
recorded.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.claim import Claim
from bench.collect.consent import compare
from bench.collect.delivery import deliver
from bench.collect.speed import RATE, p99, throughput, times
from bench.options import make_parser

SEED = 25
_MS = 1000


def main() -> int:
    """Run the parts; print the claims."""
    parts: dict[str, Callable[[Path, bool], list[Claim]]] = {
        "consent": _consent, "delivery": _delivery, "speed": _speed,
    }  # fmt: skip
    parser = make_parser(__doc__, "python -m bench.collect")
    parser.add_argument("--part", choices=sorted(parts), help="measure this part only")
    options = parser.parse_args()
    claims = []
    for name in [options.part] if options.part else sorted(parts):
        with tempfile.TemporaryDirectory() as folder:
            claims += parts[name](Path(folder), options.quick)
    for claim in claims:
        claim.print_json()
    return int(not all(claim.holds for claim in claims))


def _delivery(folder: Path, is_quick: bool) -> list[Claim]:
    events, kills = (20_000, 4) if is_quick else (1_000_000, 50)
    found = deliver(folder, events, kills, SEED)
    _report(f"{found.events:,} events acknowledged, {found.resent:,} sent again, {found.seconds:.0f} s")
    return [
        Claim(f"acknowledged events lost in {kills} kills", found.lost, "events", bar=0),
        Claim(f"events doubled in {kills} kills", found.doubled, "events", bar=0),
    ]


def _speed(folder: Path, is_quick: bool) -> list[Claim]:
    places = [folder / name for name in ("throughput", "times")]
    for place in places:
        place.mkdir()
    rate = throughput(places[0], 20_000 if is_quick else 200_000)
    _report(f"{rate:,.0f} events a second")
    found = times(places[1], 10 if is_quick else 60)
    acknowledged, empty = p99(found.acknowledged) * _MS, p99(found.empty) * _MS
    _report(f"{len(found.acknowledged):,} batches, {len(found.feature):,} events followed to feature and bronze")
    return [
        Claim("time of 5,000 events in batches of 100", 5_000 / rate, "s", bar=1),
        Claim("p99 of the acknowledgement, less that of an empty endpoint", acknowledged - empty, "ms", bar=10),
        Claim("p99 of the acknowledgement", acknowledged, "ms", other=empty, peer="empty endpoint", bar=empty + 10),
        Claim(f"p99 from event to feature at {RATE} events/s", p99(found.feature) * _MS, "ms", bar=200),
        Claim(f"p99 from event to bronze at {RATE} events/s", p99(found.bronze), "s", bar=10),
    ]


def _consent(folder: Path, is_quick: bool) -> list[Claim]:
    visitors = 1_000 if is_quick else 100_000
    claims = []
    for user_ids in ("trusted", "claimed"):
        started = time.perf_counter()
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else folder) as place:
            found = compare(Path(place), visitors // 2, SEED, user_ids)
        _report(
            f"{user_ids}: {found.visitors} visitors, {found.stored} events stored, {found.released} of them after "
            f"they had waited, {found.recorded} verdicts, {time.perf_counter() - started:.0f} s"
        )
        claims += [
            Claim(f"stored without a permitting consent, {user_ids} users", len(found.unpermitted), "events", bar=0),
            Claim(f"permitted and not stored, {user_ids} users", len(found.missing), "events", bar=0),
            Claim(f"consents recorded otherwise than given, {user_ids} users", len(found.verdicts), "verdicts", bar=0),
        ]
    return claims


def _report(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

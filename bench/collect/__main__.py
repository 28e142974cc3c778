"""Measures the collector and topics: delivery under kills, throughput, times, memory, and consent at collection.

Delivery: events are sent while the collector and the loader are killed at random moments; every acknowledged event is
counted in bronze. Topic: the same with messages of a topic of Kafka, two loaders, more partitions, and a broker that is
killed. Backlog: nobody loads while events arrive. Consent: 100,000 random visitors go through the policy of a source,
anonymous, identified, consenting, withdrawn, late; every stored event is compared with an independent evaluation, and
every consent that was recorded.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.claim import Claim, of_runs
from bench.collect.backlog import peaks
from bench.collect.consent import compare_apart
from bench.collect.delivery import Delivery, deliver
from bench.collect.speed import RATE, Times, p99, throughput, times
from bench.collect.topic import deliver_messages
from bench.options import make_parser, runs_of

SEED = 25
_MS = 1000


def main() -> int:
    """Run the parts; print the claims."""
    parts: dict[str, Callable[[Path, Namespace], list[Claim]]] = {
        "backlog": _backlog, "consent": _consent, "delivery": _delivery, "speed": _speed, "topic": _topic,
    }  # fmt: skip
    parser = make_parser(__doc__, "python -m bench.collect")
    parser.add_argument("--part", choices=sorted(parts), help="measure this part only")
    options = parser.parse_args()
    claims = []
    for name in [options.part] if options.part else sorted(parts):
        with tempfile.TemporaryDirectory() as folder:
            claims += parts[name](Path(folder), options)
    for claim in claims:
        claim.print_json()
    return int(any(claim.holds is False for claim in claims))


def _backlog(folder: Path, options: Namespace) -> list[Claim]:
    events = 20_000 if options.quick else 250_000
    few, many = peaks(folder / "few", events), peaks(folder / "many", 4 * events)
    return [
        Claim(
            f"peak memory of {what}, {4 * events:,} events wait", getattr(many, name) / 2**20, "MiB",
            other=getattr(few, name) / 2**20, peer=f"{events:,} wait", bar=1.5, on_ratio=True,
        )
        for name, what in (("collector", "the collector"), ("load", "a load"), ("load_of_topic", "a load of a topic"))
    ]  # fmt: skip


def _delivery(folder: Path, options: Namespace) -> list[Claim]:
    events, kills = (20_000, 4) if options.quick else (1_000_000, 50)
    return _counted(deliver(folder, events, kills, SEED), "events")


def _topic(folder: Path, options: Namespace) -> list[Claim]:
    messages, kills = (20_000, 4) if options.quick else (1_000_000, 50)
    return _counted(deliver_messages(folder, messages, kills, SEED), "messages of a topic")


def _counted(found: Delivery, what: str) -> list[Claim]:
    _report(f"{found.events:,} {what} acknowledged, {found.resent:,} sent again, {found.seconds:.0f} s")
    return [
        Claim(f"acknowledged {what} lost in {found.kills} kills", found.lost, "events", bar=0),
        Claim(f"{what} doubled in {found.kills} kills", found.doubled, "events", bar=0),
    ]


def _speed(folder: Path, options: Namespace) -> list[Claim]:
    rates, found = list[float](), list[Times]()
    for run in range(runs_of(options, 3)):
        places = [folder / f"{name}-{run}" for name in ("throughput", "times")]
        for place in places:
            place.mkdir()
        rates.append(throughput(places[0], 20_000 if options.quick else 200_000))
        found.append(times(places[1], 10 if options.quick else 60))
        _report(
            f"{rates[-1]:,.0f} events a second; {len(found[-1].acknowledged):,} batches, {len(found[-1].feature):,} "
            f"events followed, {found[-1].unseen} of them not seen as a feature, {found[-1].late_seconds:.1f} s late"
        )
    acknowledged = [p99(one.acknowledged) * _MS for one in found]
    empty = [p99(one.empty) * _MS for one in found]
    added = [ours - other for ours, other in zip(acknowledged, empty, strict=True)]
    return [
        of_runs("time of 5,000 events in batches of 100", [5_000 / rate for rate in rates], "s", bar=1),
        of_runs("p99 of the acknowledgement, less that of an empty endpoint", added, "ms", bar=10),
        of_runs("p99 of the acknowledgement", acknowledged, "ms", others=empty, peer="empty endpoint"),
        of_runs(
            f"p99 from event to feature at {RATE} events/s", [p99(one.feature) * _MS for one in found], "ms", bar=200
        ),
        of_runs("events that were never seen as a feature", [float(one.unseen) for one in found], "events", bar=0),
        of_runs(f"p99 from event to bronze at {RATE} events/s", [p99(one.bronze) for one in found], "s", bar=10),
    ]


def _consent(folder: Path, options: Namespace) -> list[Claim]:
    visitors = 1_000 if options.quick else 100_000
    claims = []
    with ProcessPoolExecutor(2) as pool:
        running = {
            user_ids: pool.submit(compare_apart, visitors // 2, SEED, user_ids) for user_ids in ("trusted", "claimed")
        }
    for user_ids, done in running.items():
        found = done.result()
        _report(
            f"{user_ids}: {found.visitors} visitors, {found.stored} events stored, {found.released} of them after "
            f"they had waited, {found.recorded} verdicts, {found.seconds:.0f} s"
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

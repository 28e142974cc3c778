"""Measures accuracy and time on each labelled data set, compared with plain Splink in the same run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.claim import Claim, of_runs
from bench.identity import korean
from pipelines.evaluation.dataset import FEBRL, HISTORICAL, LabelledFile, load_febrl, load_historical, load_simulated
from pipelines.evaluation.evaluation import Evaluation, Metrics, evaluate
from pipelines.simulate.simulation import simulate

PEER = "plain Splink"
# Data set -> which F1 is measured, and the largest allowed difference of it from 1.
MOST_ERROR = {
    "febrl4": ("pairs", 0.0003),
    "febrl3": ("pairs", 0.003),
    "febrl2": ("clusters", 0.001),
    HISTORICAL: ("clusters", 0.10),
    "simulated": ("clusters", 0.03),
    korean.NAME: ("clusters", 0.04),
}
# Data set -> largest allowed share of the true pairs that blocking misses.
MOST_MISSED = {HISTORICAL: 0.12}
MOST_TIME = 1.2
# Largest allowed value of plain Splink's F1 minus Bojagi's on simulated people.
LEAST_LEAD = -0.05


def labelled_files(historical: Path | None, simulated: Path | None, *, quick: bool) -> Iterator[LabelledFile]:
    """Load the data sets: `historical_50k` if its file is given; simulated people are made if no folder is given."""
    yield korean.draw_korean()
    yield from (load_febrl(name) for name in (FEBRL if not quick else ("febrl3", "febrl4")))
    if historical:
        yield load_historical(historical)
    if simulated:
        yield load_simulated(simulated)
        return
    with TemporaryDirectory(prefix="bojagi-bench-") as folder:
        simulate(Path(folder), households=300 if quick else None)
        yield load_simulated(Path(folder))


def measure(data: LabelledFile, runs: int) -> None:
    """Evaluate a data set several times and print its claims."""
    found = [evaluate(data) for _ in range(runs)]
    ours, plain = _metrics(found[0])
    kind, bar = MOST_ERROR.get(data.name, ("clusters", None))
    error, other = 1 - getattr(ours, kind).f1, 1 - getattr(plain, kind).f1
    Claim(f"{data.name}: 1 - F1 of {kind}", error, "", other=other, peer=PEER, bar=bar, runs=runs).print_json()
    missed, other = 1 - ours.blocking_recall, 1 - plain.blocking_recall
    most = MOST_MISSED.get(data.name)
    Claim(f"{data.name}: true pairs not compared", missed, "", other=other, peer=PEER, bar=most, runs=runs).print_json()
    if data.name == "simulated":
        lead = plain.clusters.f1 - ours.clusters.f1
        Claim(f"{data.name}: {PEER}'s F1 minus ours", lead, "", bar=LEAST_LEAD, runs=runs).print_json()
    times = [_metrics(f) for f in found]
    of_runs(
        f"{data.name}: time",
        [a.seconds for a, _ in times],
        "s",
        others=[median(b.seconds for _, b in times)],
        peer=PEER,
        bar=MOST_TIME,
        on_ratio=True,
    ).print_json()


def _metrics(found: Evaluation) -> tuple[Metrics, Metrics]:
    if found.baseline is None:
        raise SystemExit(f"{found.data}: plain Splink was not run")
    return found.bojagi, found.baseline

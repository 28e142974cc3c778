"""How long a service waits for the variant of one customer, and for that of a new one."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import numpy as np
import yaml

from bench.claim import Claim
from bench.experiment.journey import STARTS, VARIANTS, experiment
from features.experiment.assignment import draw_variant
from features.experiment.service import Experiments
from features.retrieval.answer import Caller
from installation.installation import Installation
from installation.settings import load_settings
from privacy.consent.record import ConsentRecord
from privacy.consent.state import State


def measure(*, quick: bool) -> None:
    """Print the 99th percentiles in milliseconds."""
    count, asked, entering = (5_000, 1_000, 100) if quick else (100_000, 10_000, 1_000)
    names = [f"c_{number:026d}" for number in range(count + entering)]
    with (
        tempfile.TemporaryDirectory(prefix="bojagi-bench-") as folder,
        Installation(load_settings(data_dir=Path(folder))) as installation,
        Experiments(installation) as experiments,
    ):
        _permit(installation, names)
        document = {"name": "basket", "purpose": "analytics", "start": installation.decision_moment().date()}
        variants = [one.model_dump() for one in VARIANTS]
        text = yaml.safe_dump(document | {"variants": variants, "metric": {"name": "clicks"}})
        experiments.create(text, Caller("bench", "analyst"))
        experiments.assign("basket", names[:count])
        known = _p99(lambda name: experiments.assign("basket", [name]), names[:asked])
        new = _p99(lambda name: experiments.assign("basket", [name]), names[count:])
        with closing(sqlite3.connect(Path(folder) / "plain.db", isolation_level=None)) as plain:
            plain.execute("CREATE TABLE variant (customer_id TEXT PRIMARY KEY)")
            row = _p99(lambda name: plain.execute("INSERT INTO variant VALUES (?)", (name,)), names[count:])
    one = experiment("basket", STARTS[0], "sequence")
    drawn = _p99(lambda name: draw_variant(one, name), names[:asked])
    claim = f"variant of one of {count:,} customers with a stored one, consent decided, p99"
    Claim(claim, known, "ms", drawn, "a hash without store or consent", bar=5, runs=asked).print_json()
    claim = "variant of a new customer, committed to the disk, p99"
    Claim(claim, new, "ms", row, "a row committed by plain SQLite", runs=entering).print_json()


def _permit(installation: Installation, names: Sequence[str]) -> None:
    at = installation.decision_moment() - timedelta(days=30)
    installation.consent_store.append([
        ConsentRecord(
            record_id=f"r_{name}", subject_id=name, controller=installation.settings.controller, purpose="analytics",
            notice_version="1", notice_language="ko", jurisdiction="KR", method="web_form", state=State.GIVEN,
            effective_at=at, recorded_at=at, age_years=40, evidence_hash="0" * 64, asked="separately",
        )
        for name in names
    ])  # fmt: skip


def _p99(ask: Callable[[str], object], names: Sequence[str]) -> float:
    """Return the 99th percentile of the milliseconds of one call."""
    found = []
    for name in names:
        started = perf_counter()
        ask(name)
        found.append((perf_counter() - started) * 1000)
    return float(np.quantile(found, 0.99))

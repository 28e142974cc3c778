"""Measures a retrieval in the process that asks: 100 and 1 customers, 20 features of five views, all of them permitted.

In turn, in the same run and on the same values:
- FeatureReader with the consent decision and without the audit log, and with it;
- raw reads of the 20 values as one packed row, without views, consents and reasons: from LMDB, and from SQLite;
- Feast's own `get_online_features` on its SQLite store, which knows no consent;
- one durable append of as many bytes as an audit entry has: to a file, and to an SQLite table.
Then threads read at the same time, each with an audit entry, to show how many entries share a flush.

    python -m bench.features.retrieval [--quick] [--customers N]
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lmdb
import msgpack
import numpy as np
import yaml

from bench.claim import Claim
from bench.consent.market import customer_names, draw_records, fill_store
from bench.features.feast_peer import FeastPeer
from bench.options import make_parser
from features.definition import FeatureCatalog, FeatureType, FeatureView, read_catalog
from features.retrieval.answer import Caller
from features.retrieval.reader import FeatureReader
from features.store.online_store import ValueKind, ViewSchema, microseconds_of
from features.store.opening import open_online_store
from installation.installation import Installation
from installation.settings import load_settings
from privacy.access.plan import left_out

VIEWS = ("customer_purchase_behaviour", "customer_temporal_pattern", "customer_product_preference",
         "customer_session_context", "customer_feedback")  # fmt: skip
FEATURES_A_VIEW, STORED_A_VIEW = 4, 10
SERVICE, PURPOSE, CALLER = "bench", "personalisation", Caller("bench", "agent")
SEED = 20260504
NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
ENTRY = b"x" * 1300
"""As long as an audit entry that names 20 features."""
IN_A_ROW = 10
Ask = Callable[[Sequence[str]], object]


class Shop:
    """An installation with consents and stored features, and the customers who permit the purpose."""

    def __init__(self, folder: Path, customers: int) -> None:
        self.folder = folder
        settings = load_settings(data_dir=folder, controller="Shop", contract_dirs=[folder / "services"])
        self.installation = Installation(settings, clock=lambda: NOW)
        self.catalog = self._write_service()
        records = draw_records(customers, np.random.default_rng(SEED))
        fill_store(self.installation.settings.data_dir / "consent" / "consent.db", records)
        names = customer_names(customers).tolist()
        self.rows = self._store(names)
        moment, decisions = self.installation.decision_moment(), self.installation.live_decisions
        self.permitting = [n for n, no in zip(names, decisions.denials(names, PURPOSE, moment), strict=True) if not no]

    def _write_service(self) -> FeatureCatalog:
        """Write a service of readable features, so that every value of the answer is released."""
        one = self.installation
        (self.folder / "services").mkdir()
        role, chosen = one.roles[CALLER.role], {}
        known = read_catalog(one)
        for name in VIEWS:
            table = one.contracts.table(f"gold/{name}")
            free = [c for c, no in left_out(table, role, PURPOSE, one.policy).items() if no is None]
            may = [f for f in known.view(name).features if f.name in free and PURPOSE in f.purposes]
            chosen[name] = [f.name for f in may if f.type in _VALUES][:FEATURES_A_VIEW]
        service = {"name": SERVICE, "description": "20 features.", "purposes": [PURPOSE], "features": chosen}
        (self.folder / "services" / "bench.service.yaml").write_text(yaml.safe_dump(service), "utf-8")
        return read_catalog(one)

    def stored(self, view: str) -> FeatureView:
        """Return the view with the features that are stored: those of the service, and others."""
        whole, wanted = self.catalog.view(view), set(self.catalog.service(SERVICE).features)
        first = [f for f in whole.features if f.reference in wanted]
        others = [f for f in whole.features if f.reference not in wanted and f.type in _VALUES]
        return replace(whole, features=tuple((*first, *others)[:STORED_A_VIEW]))

    def _store(self, names: Sequence[str]) -> dict[str, list[list[Any]]]:
        rng, at, rows = random.Random(SEED), microseconds_of(NOW - timedelta(hours=9)), {}
        with closing(open_online_store(self.installation, verify=False)) as store:
            for name in VIEWS:
                view = self.stored(name)
                schema = ViewSchema(name, tuple((f.name, _KINDS[f.type]) for f in view.features))
                rows[name] = [[_VALUES[f.type](rng) for f in view.features] for _ in names]
                store.write(schema, names, [at] * len(names), rows[name])
        return rows


_KINDS = {t: ValueKind(t.value) for t in FeatureType}
_VALUES: dict[FeatureType, Callable[[random.Random], Any]] = {
    FeatureType.INT64: lambda rng: rng.randrange(1000),
    FeatureType.FLOAT64: lambda rng: rng.random(),
    FeatureType.STRING: lambda rng: f"value {rng.randrange(100)}",
    FeatureType.BOOL: lambda rng: rng.random() < 0.5,
}


class RawReads:
    """The 20 values of each customer as one packed row, in LMDB and in SQLite."""

    def __init__(self, folder: Path, names: Sequence[str], rows: dict[str, list[list[Any]]]) -> None:
        packed = [
            (name, msgpack.packb([value for view in VIEWS for value in rows[view][i][:FEATURES_A_VIEW]]))
            for i, name in enumerate(names)
        ]
        self._lmdb = lmdb.open(str(folder / "raw.lmdb"), map_size=1 << 34)
        with self._lmdb.begin(write=True) as txn:
            txn.cursor().putmulti([(name.encode(), row) for name, row in packed])
        self._db = sqlite3.connect(folder / "raw.db")
        self._db.execute("CREATE TABLE row (customer TEXT PRIMARY KEY, row BLOB) WITHOUT ROWID")
        self._db.executemany("INSERT INTO row VALUES (?, ?)", packed)
        self._db.commit()

    def from_lmdb(self, customers: Sequence[str]) -> object:
        """Read from LMDB."""
        with self._lmdb.begin() as txn:
            return [msgpack.unpackb(txn.get(name.encode())) for name in customers]

    def from_sqlite(self, customers: Sequence[str]) -> object:
        """Read from SQLite."""
        marks = ", ".join("?" * len(customers))
        found = self._db.execute(f"SELECT customer, row FROM row WHERE customer IN ({marks})", customers)
        return {name: msgpack.unpackb(row) for name, row in found}


class Appends:
    """One durable append, to a file and to an SQLite table."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "append.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self._db = sqlite3.connect(folder / "append.db", isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("CREATE TABLE entry (number INTEGER PRIMARY KEY, content TEXT)")

    def to_file(self, _: Sequence[str]) -> None:
        """Append to a file and flush it."""
        os.write(self._file, ENTRY)
        os.fdatasync(self._file)

    def to_sqlite(self, _: Sequence[str]) -> object:
        """Insert a row and commit."""
        return self._db.execute("INSERT INTO entry (content) VALUES (?)", (ENTRY.decode(),))


class NoLog:
    """An audit log that keeps nothing."""

    def append(self, _: object) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """Close nothing."""


def measure(contenders: dict[str, Ask], permitting: Sequence[str], size: int, rounds: int) -> dict[str, list[float]]:
    """Return the sorted milliseconds of each contender, called for random customers.

    In each round, each contender is called some times in a row, as a service under load is; the first call of a row is
    left out, because it pays for the caches that the contender before has filled.
    """
    rng = random.Random(SEED)
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, ask in contenders.items():
            for call in range(IN_A_ROW + 1):
                asked = rng.sample(permitting, size)
                begun = time.perf_counter()
                ask(asked)
                if call:
                    found[name].append((time.perf_counter() - begun) * 1000)
    return {name: sorted(times) for name, times in found.items()}


def at(times: Sequence[float], share: float) -> float:
    """Return a quantile of sorted times."""
    return times[min(len(times) - 1, int(len(times) * share))]


def claims_of(size: int, times: dict[str, list[float]], bars: dict[str, float]) -> list[Claim]:
    """Return the claims of one number of customers."""
    title, found = f"{size} × 20 in process", []
    for quantile, share in (("p50", 0.5), ("p99", 0.99)):
        ours, bar = at(times["ours"], share), bars.get(quantile)
        for peer in ("Feast SQLite", "raw LMDB row", "raw SQLite row"):
            limit = bar if peer == "Feast SQLite" else None
            claim = f"{title}, consent checked, {quantile}"
            found.append(Claim(claim, ours, "ms", at(times[peer], share), peer, limit, len(times["ours"])))
    added = at(times["ours, logged"], 0.5) - at(times["ours"], 0.5)
    for peer in ("append to a file", "append to SQLite"):
        floor = at(times[peer], 0.5)
        claim = f"{title}, what the audit entry adds, p50"
        found.append(Claim(claim, added, "ms", floor, peer, floor + 0.2, len(times["ours"])))
    return found


def entries_a_second(reader: FeatureReader, permitting: Sequence[str], threads: int, seconds: float) -> float:
    """Return the logged reads a second of threads that read at the same time."""
    until, counts = time.monotonic() + seconds, [0] * threads

    def read(place: int) -> None:
        rng = random.Random(place)
        while time.monotonic() < until:
            reader.retrieve(rng.sample(permitting, 1), SERVICE, PURPOSE, CALLER)
            counts[place] += 1

    running = [threading.Thread(target=read, args=(place,)) for place in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(counts) / seconds


def main() -> None:
    """Measure and print the claims."""
    parser = make_parser(__doc__)
    parser.add_argument("--customers", type=int, help="number of customers in the store")
    options = parser.parse_args()
    customers = options.customers or (1000 if options.quick else 10_000)
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder), customers)
        print(f"{len(shop.permitting)} of {customers} customers permit {PURPOSE}", file=sys.stderr)
        names = customer_names(customers).tolist()
        peers = set(names[:10_000])
        feast = FeastPeer(Path(folder), [shop.stored(view) for view in VIEWS], FEATURES_A_VIEW)
        feast.write(sorted(peers), shop.rows, NOW - timedelta(hours=9))
        raw, appends = RawReads(Path(folder), names, shop.rows), Appends(Path(folder))
        asked = [name for name in shop.permitting if name in peers]
        with FeatureReader.open(shop.installation) as plain, FeatureReader.open(shop.installation) as logged:
            plain._audit.close()
            plain._audit = NoLog()  # type: ignore[assignment]
            contenders: dict[str, Ask] = {
                "ours": lambda c: plain.retrieve(c, SERVICE, PURPOSE, CALLER),
                "raw LMDB row": raw.from_lmdb,
                "raw SQLite row": raw.from_sqlite,
                "Feast SQLite": feast.read,
                "ours, logged": lambda c: logged.retrieve(c, SERVICE, PURPOSE, CALLER),
                "append to a file": appends.to_file,
                "append to SQLite": appends.to_sqlite,
            }
            found = plain.retrieve(asked[:100], SERVICE, PURPOSE, CALLER)
            assert all(reason is None for _, _, _, reason in found.values())
            assert len(found.features) == FEATURES_A_VIEW * len(VIEWS)
            for size, bars in ((100, {"p50": 0.6, "p99": 1.5}), (1, {"p50": 0.05})):
                rounds = 6 if options.quick else 100
                times = measure(contenders, asked, size, rounds)
                for claim in claims_of(size, times, bars):
                    claim.print_json()
            one, many = (entries_a_second(logged, asked, n, 1 if options.quick else 5) for n in (1, 8))
            Claim("logged reads a second, 8 threads", many, "1/s", one, "1 thread").print_json()


if __name__ == "__main__":
    main()

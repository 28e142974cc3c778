"""Compares a batch of 1 % of the register entries with a full run, as `bojagi run` matches them.

The entries are encrypted, each with a key of its own. A full run decrypts, standardises and compares all of them. A
batch opens the stored sketches of all entries and decrypts only likely matches of the new ones. Only matching is
measured: the rest of the build (reading keys, assigning and writing customer ids) is the same for both.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa

from bench.claim import Claim, of_runs
from bench.identity.people import draw_people
from pipelines.matching.cluster import cluster
from pipelines.matching.resolution import Options
from pipelines.register.batch_matching import match_reached
from pipelines.register.entry_matching import Matching, match_all
from pipelines.register.register_entry import Ints, RegisterEntries
from pipelines.register.sketch_book import SketchBook, SketchKeys
from privacy.protection.field import FieldCipher, TableColumn
from privacy.protection.key_store import WrappedKeyStore
from privacy.protection.key_wrapper import FileKeyWrapper

MOST_SHARE_OF_TIME = 0.10
MOST_DISAGREEMENT = 0.001
SEEN = pd.Timestamp("2017-01-01")


@dataclass(frozen=True)
class _Moment:
    """Wall time and processor time in seconds: a moment, or a duration."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> _Moment:
        return cls(time.perf_counter(), time.process_time())

    def passed(self) -> _Moment:
        """Return the duration since this moment."""
        now = _Moment.now()
        return _Moment(now.wall - self.wall, now.processor - self.processor)


@dataclass(frozen=True)
class _Register:
    """Register entries in memory; all values are encrypted."""

    cipher: FieldCipher
    encrypted: dict[str, pa.Array]
    rows: pa.Array

    @classmethod
    def of(cls, frame: pd.DataFrame, cipher: FieldCipher) -> _Register:
        rows = pa.array([f"r{n}" for n in range(len(frame))])
        encrypted = {
            name: cipher.encrypt(pa.array(frame[name], pa.string()), rows, rows, _place(name)) for name in frame.columns
        }
        return cls(cipher, encrypted, rows)

    def people(self, chosen: Ints, book: SketchBook) -> RegisterEntries:
        """Return the chosen entries in the form in which the pipeline reads them."""
        names = list(self.encrypted)
        outline = pd.DataFrame({"kind": "member_no", "token": [f"r{n:09}" for n in chosen], "source": "crm"})
        outline["seen_at"] = pd.Series(SEEN, index=outline.index).astype("datetime64[us]")

        def read(rows: Ints) -> pd.DataFrame:
            wanted = pa.array(chosen[rows])
            marks = self.rows.take(wanted)
            values = {
                n: self.cipher.decrypt(self.encrypted[n].take(wanted), marks, _place(n)).to_pandas() for n in names
            }
            return pd.DataFrame(values)

        return RegisterEntries(outline, names, read, book)


def measure(records: int, runs: int) -> None:
    """Match all entries, then 99 % of them, then the last 1 % as a batch (`runs` times); print the claims."""
    frame = draw_people(records).drop(columns=["person"])
    with (
        TemporaryDirectory(prefix="bojagi-bench-") as folder,
        closing(WrappedKeyStore(Path(folder, "keys.db"), FileKeyWrapper(Path(folder, "kek.json")))) as store,
    ):
        _measure(_Register.of(frame, FieldCipher(store)), len(frame), runs)


def _measure(register: _Register, size: int, runs: int) -> None:
    all_rows, old, keys = np.arange(size), size * 99 // 100, SketchKeys.random()
    before = register.people(all_rows[:old], SketchBook(keys))
    first = match_all(before, Options(memory="3GB"))
    if first.trained is None or first.sketches is None:
        raise SystemExit("No two entries share a blocking key, so no model was trained. Use more records.")
    book = SketchBook(keys, before.book.encrypt_rows(before.frame, first.sketches.values, first.sketches.layout))
    group, fresh = np.concatenate([_groups(first, old), all_rows[old:]]), all_rows >= old
    rebuilds, batches, read = [], [], 0
    for _ in range(runs):
        began = _Moment.now()
        whole = match_all(register.people(all_rows, SketchBook(keys)), Options(memory="3GB"))
        rebuilds.append(began.passed())
        people, untouched = register.people(all_rows, book), np.zeros(size, dtype=bool)
        began = _Moment.now()
        found = match_reached(people, group, fresh, untouched, first.trained, Options(memory="3GB"))
        batches.append(began.passed())
        read = people.read_count
    name = f"register of {size} people, {size - old} new"
    # The bar is on the wall time, for which a user waits. On a busy machine the processor time shows the work done.
    for what, bar in (("wall", MOST_SHARE_OF_TIME), ("processor", None)):
        ours, others = ([getattr(moment, what) for moment in moments] for moments in (batches, rebuilds))
        claim = f"{name}: {what} time of matching, as a share of a rebuild's"
        of_runs(claim, ours, "s", others=others, peer="full rebuild", bar=bar, on_ratio=True).print_json()
    Claim(f"{name}: share read in clear", read / size, "", peer="full rebuild", other=1.0).print_json()
    differs = float(np.mean(_after(group, found) != _groups(whole, size)))
    Claim(f"{name}: people grouped otherwise", differs, "", peer="full rebuild", bar=MOST_DISAGREEMENT).print_json()


def _groups(matching: Matching, size: int) -> Ints:
    pairs = matching.pairs
    return cluster(size, pairs.left, pairs.right, pairs.weight)


def _after(group: Ints, matching: Matching) -> Ints:
    """Return the groups after a batch, each named by its first member; only reached entries are clustered again."""
    clustered, size = _groups(matching, len(group)), len(group)
    together = pd.Series(np.where(matching.reached, clustered + size, group))
    return np.asarray(pd.Series(np.arange(size)).groupby(together.to_numpy()).transform("min"), dtype=np.int64)


def _place(column: str) -> TableColumn:
    return TableColumn("bronze/crm_customer", column)

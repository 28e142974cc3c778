"""Sketches: what is kept of each person to find who may be the same without reading anybody in clear.

A sketch is one keyed hash of 64 bits for each thing that blocking and comparison look at for equality: the name, its
first letters, the phone, the town … A hash stands for a value: two people have the same one exactly where the values
are equal (but for one chance in 2^64).

sketch(person, k) = first half of AES-256(key, hash(expression k of the person) || k), and 0 where that is unknown.

Guarantee: AES is a keyed permutation, so who does not hold the key can neither test a guessed name against a sketch nor
see that two columns say the same. Who sees many sketches sees how frequent values are; so they lie sealed
(`sketch_book.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import pandas as pd
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from numpy.typing import NDArray

from pipelines.matching.blocking import BlockingRule, rules_for
from pipelines.matching.comparison import Level, PartComparison, comparisons_for
from pipelines.matching.model import Model
from pipelines.matching.workspace import Workspace

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
TABLE = "sketch"
# Pairs whose sketches give odds below one to 2^15 are not read in clear. Of 89,000 pairs that shared a key with a batch
# 1,300 passed; all of the 600 that stood a chance when compared in clear were among them, by three bits at least.
SKETCH_FLOOR = -15.0


@dataclass(frozen=True)
class Layout:
    """What a sketch holds, in this order.

    Attributes:
        expressions: SQL over the prepared columns.
    """

    expressions: tuple[str, ...]

    @classmethod
    def of(cls, columns: Sequence[str]) -> Layout:
        """Return what blocking and comparison look at, of prepared columns."""
        blocked = [key for rule in rules_for(columns) for key in rule.keys]
        compared = [c.column for c in comparisons_for(columns)]
        terms = [level.term for c in comparisons_for(columns) for level in c.levels if level.term]
        return cls(tuple(sorted({*blocked, *compared, *terms})))

    @property
    def names(self) -> tuple[str, ...]:
        """The column of the table `sketch` that holds each: its own name, or a number for what is made of columns."""
        return tuple(e if e.isidentifier() else f"made_{n}" for n, e in enumerate(self.expressions))

    @property
    def version(self) -> str:
        """What must be the same for two sketches to be compared: DuckDB's hash may change with its version."""
        return "|".join((duckdb.__version__, *self.expressions))

    def rules(self, columns: Sequence[str]) -> list[BlockingRule]:
        """Return the blocking rules over the table `sketch`."""
        name = dict(zip(self.expressions, self.names, strict=True))
        return [replace(rule, keys=tuple(name[key] for key in rule.keys)) for rule in rules_for(columns)]


def draw_sketches(workspace: Workspace, layout: Layout, key: bytes, table: str = "person") -> tuple[Ints, Hashes]:
    """Return the numbers of the records of a prepared table, and a row of keyed hashes for each."""
    hashes = ", ".join(
        f"case when ({e}) is null then 0::ubigint else hash({e}) end as {name}"
        for e, name in zip(layout.expressions, layout.names, strict=True)
    )
    found = workspace.execute(f"select rid::bigint as rid, {hashes} from {table} order by rid").fetchnumpy()
    values = np.stack([np.asarray(found[name], dtype=np.uint64) for name in layout.names], axis=1)
    return np.asarray(found["rid"], dtype=np.int64), _keyed(values, key)


def put_sketches(workspace: Workspace, layout: Layout, values: Hashes) -> None:
    """Write sketches to the table `sketch`, numbered as they come; unknown is null."""
    # Null for what is unknown; the database reads hashes as signed numbers.
    frame = pd.DataFrame(values.view(np.int64), columns=list(layout.names))
    frame.insert(0, "rid", np.arange(len(frame), dtype=np.int64))
    workspace.register("drawn", frame)
    known = ", ".join(f"nullif({name}, 0) as {name}" for name in layout.names)
    workspace.execute(f"create or replace table {TABLE} as select rid, '' as source, {known} from drawn")
    workspace.unregister("drawn")


def rough_model(model: Model) -> Model:
    """Return the model that knows of each part only whether it is equal: what sketches can tell.

    The shares of all other levels are added up, so its weights are those that Fellegi and Sunter's model has when the
    levels cannot be told apart.
    """
    comparisons = tuple(
        PartComparison(c.name, c.column, (Level("equal", f"{c.column}_l = {c.column}_r", 0.9),))
        for c in model.comparisons
    )
    matched, chance = (
        tuple((s[0], max(1.0 - s[0], 1e-9)) for s in shares) for shares in (model.match_shares, model.chance_shares)
    )
    return replace(model, comparisons=comparisons, match_shares=matched, chance_shares=chance)


def _keyed(values: Hashes, key: bytes) -> Hashes:
    rows, columns = values.shape
    if not rows:
        return values
    blocks = np.empty((rows * columns, 2), dtype="<u8")
    blocks[:, 0] = values.ravel()
    blocks[:, 1] = np.tile(np.arange(columns, dtype=np.uint64), rows)
    # One block a value, each different or meant to show that it is equal: what ECB leaks is what is wanted.
    sealed = Cipher(AES256(key), ECB()).encryptor().update(blocks.data.cast("B"))
    keyed = np.frombuffer(sealed, "<u8").reshape(-1, 2)[:, 0].reshape(rows, columns).astype(np.uint64)
    return np.where(values == 0, np.uint64(0), np.maximum(keyed, np.uint64(1)))

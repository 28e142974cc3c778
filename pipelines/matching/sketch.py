"""Sketches: keyed hashes of a person's values, by which likely matches are found without decrypting the values.

A sketch has one keyed hash of 64 bits for each value that blocking or comparison tests for equality: the name, its
first letters, the phone, the town and so on. Two people have equal hashes where their values are equal, and otherwise
with a chance of 1 in 2^64.

    sketch(person, k) = first half of AES-256(key, hash(expression k of the person) || k); 0 if the value is unknown

Guarantee: AES is a keyed permutation. Without the key one can neither test a guessed name against a sketch nor see that
two columns have equal values. Many sketches together show how frequent values are; therefore they are stored encrypted
(`sketch_book`).
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
# Pairs whose sketches give a match weight below this are not decrypted. In a test, 89,000 pairs shared a blocking key
# with a batch and 1,300 passed. All 600 pairs above the floor of scoring passed, by three bits or more.
SKETCH_FLOOR = -15.0


@dataclass(frozen=True)
class Layout:
    """The values that a sketch contains hashes of, in order.

    Attributes:
        expressions: SQL of each value, over the prepared columns.
    """

    expressions: tuple[str, ...]

    @classmethod
    def of(cls, columns: Sequence[str]) -> Layout:
        """Return the layout with all values that blocking and comparison test for equality, for prepared columns."""
        blocked = [key for rule in rules_for(columns) for key in rule.keys]
        compared = [c.column for c in comparisons_for(columns)]
        terms = [level.term for c in comparisons_for(columns) for level in c.levels if level.term]
        return cls(tuple(sorted({*blocked, *compared, *terms})))

    @property
    def names(self) -> tuple[str, ...]:
        """Column of each expression in the table `sketch`: the expression if it is a column name, else `made_<n>`."""
        return tuple(e if e.isidentifier() else f"made_{n}" for n, e in enumerate(self.expressions))

    @property
    def version(self) -> str:
        """Text that is equal for comparable sketches. It has DuckDB's version, with which DuckDB's hash may change."""
        return "|".join((duckdb.__version__, *self.expressions))

    def rules(self, columns: Sequence[str]) -> list[BlockingRule]:
        """Return the blocking rules for prepared columns, with keys over the columns of the table `sketch`."""
        name = dict(zip(self.expressions, self.names, strict=True))
        return [replace(rule, keys=tuple(name[key] for key in rule.keys)) for rule in rules_for(columns)]


def compute_sketches(workspace: Workspace, layout: Layout, key: bytes, table: str = "person") -> tuple[Ints, Hashes]:
    """Return the `rid`s of a prepared table, and the sketch of each record (one row of keyed hashes)."""
    hashes = ", ".join(
        f"case when ({e}) is null then 0::ubigint else hash({e}) end as {name}"
        for e, name in zip(layout.expressions, layout.names, strict=True)
    )
    found = workspace.execute(f"select rid::bigint as rid, {hashes} from {table} order by rid").fetchnumpy()
    values = np.stack([np.asarray(found[name], dtype=np.uint64) for name in layout.names], axis=1)
    return np.asarray(found["rid"], dtype=np.int64), _keyed(values, key)


def write_sketches(workspace: Workspace, layout: Layout, values: Hashes) -> None:
    """Write sketches to the table `sketch`; `rid` is their row number, and unknown values are null."""
    # As signed numbers, because the database reads hashes as such.
    frame = pd.DataFrame(values.view(np.int64), columns=list(layout.names))
    frame.insert(0, "rid", np.arange(len(frame), dtype=np.int64))
    workspace.register("drawn", frame)
    known = ", ".join(f"nullif({name}, 0) as {name}" for name in layout.names)
    workspace.execute(f"create or replace table {TABLE} as select rid, '' as source, {known} from drawn")
    workspace.unregister("drawn")


def rough_model(model: Model) -> Model:
    """Return a model whose comparisons have only the levels equal and different, because sketches only show equality.

    The m and u probabilities of all levels but the first are added up. The weights are those of the Fellegi-Sunter
    model for levels that cannot be distinguished.
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
    # ECB shows which blocks are equal. That is intended here: equal values of one column must have equal hashes.
    encrypted = Cipher(AES256(key), ECB()).encryptor().update(blocks.data.cast("B"))
    keyed = np.frombuffer(encrypted, "<u8").reshape(-1, 2)[:, 0].reshape(rows, columns).astype(np.uint64)
    return np.where(values == 0, np.uint64(0), np.maximum(keyed, np.uint64(1)))

"""A release of a table whose units outgrow one process: the engine cuts them into parts, each is searched alone.

Rows, units, labels and counts lie in a scratch folder that the engine can write. This process holds the units of one
part at a time (`spec.memory_units`), histograms of a few thousand cells, and the different labels of each column. The
parts are those of `cut`, so the release is that of `anonymize`, whatever the engine and the partitioning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.anonymity.allocation import SUPPRESSED, Allocation
from privacy.anonymity.anonymize import loss_of, search
from privacy.anonymity.cut import find_edges, join_broken
from privacy.anonymity.domain import LARGEST_TABLE, Domain
from privacy.anonymity.engine_row import HOME, KEY, RANK, ROWS, rank_rows, upload
from privacy.anonymity.errors import SpecError
from privacy.anonymity.spec import Spec
from privacy.anonymity.table import FrequencyTable, Sensitive, encode_quasi, encode_sensitive, modelled_columns
from privacy.anonymity.unit_key import Packing, make_packing, to_table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

CODE, WORD, LABELS, FIRST, LAST = "__code_", "__word_", "__labels_", "__first", "__last"
LABEL_BITS, LABELS_A_WORD = 21, 3
"""Numbers of labels are joined to the rows packed into words; a word holds three columns."""
CHUNK = 200_000
"""Rows sent to the engine at once."""


@dataclass
class Outcome:
    """What all parts came to."""

    published: DataFrame
    loss: float
    suppressed: int
    units: int


def release_in_parts(keyed: DataFrame, spec: Spec, scratch: str) -> Outcome:
    """The published frame, written below `scratch`, from rows with keys (`engine_row.with_keys`).

    Raises:
        SpecError: the algorithm needs all units at once, or a column has too many labels.
        InfeasibleError: a part does not satisfy the models and cannot be joined with another.
    """
    if spec.algorithm != "local":
        raise SpecError(
            f"algorithm `global` needs all units at once and the table has more than {spec.memory_units}; raise "
            "`memory_units`, or use algorithm `local`"
        )
    return _Parts(keyed, spec, scratch).run()


class _Parts:
    """One run: the folders below `scratch` are row, unit, whole, split and released."""

    def __init__(self, keyed: DataFrame, spec: Spec, scratch: str) -> None:
        self.keyed, self.spec, self.scratch, self.session = keyed, spec, scratch, keyed.sparkSession
        self.names = [*spec.quasi, *modelled_columns(spec)]
        self.domains, self.sensitive, self.maps = self._encode()
        self.packing: Packing = make_packing(self.domains, self.sensitive)
        self.keys = [f"{WORD}{word}" for word in range(self.packing.words)]
        self.labels: list[dict[str, int]] = [{} for _ in spec.quasi]
        self.written: set[str] = set()

    def run(self) -> Outcome:
        """See `release_in_parts`."""
        from pyspark.sql import functions as f

        self._write_rows()
        units = self._read("row").groupBy(*self.keys).agg(f.count(f.lit(1)).alias(ROWS))
        units.write.parquet(self._place("unit"))
        lost, suppressed, number = 0.0, 0, 0
        for words, table in self._tables():
            allocation = search(table, self.spec)
            lost += loss_of(table, allocation) * table.rows
            suppressed += allocation.suppressed
            number += len(words)
            self._write_labels(words, allocation)
        rows = int(sum(self.domain_rows))
        self._publish().write.parquet(self._place("released"))
        return Outcome(self._read("released"), lost / rows, suppressed, number)

    def _place(self, name: str) -> str:
        return f"{self.scratch}/{name}"

    def _read(self, name: str) -> DataFrame:
        return self.session.read.parquet(self._place(name))

    def _encode(self) -> tuple[tuple[Domain, ...], tuple[Sensitive, ...], list[pd.DataFrame]]:
        """Domains, sensitive columns, and the code of each value of each column, from counts of one column each."""
        from pyspark.sql import functions as f

        domains: list[Domain] = []
        sensitive: list[Sensitive] = []
        maps = []
        for i, name in enumerate(self.names):
            counted = self.keyed.groupBy(f"{KEY}{i}").agg(f.count(f.lit(1)).alias(ROWS)).limit(LARGEST_TABLE + 1)
            values = counted.toPandas().sort_values(f"{KEY}{i}", ignore_index=True)
            text, rows = values[f"{KEY}{i}"], values[ROWS].to_numpy(np.int64)
            self.domain_rows = rows
            if name in self.spec.quasi:
                domain, codes = encode_quasi(text, name, self.spec, rows)
                domains.append(domain)
            else:
                if len(values) > LARGEST_TABLE:
                    raise SpecError(f"sensitive column {name!r} has more than {LARGEST_TABLE} values", column=name)
                first_bin = sum(len(column.values) for column in sensitive)
                column, codes = encode_sensitive(text, name, self.spec, rows, first_bin)
                sensitive.append(column)
            maps.append(pd.DataFrame({f"{KEY}{i}": text, f"{CODE}{i}": codes}))
        return tuple(domains), tuple(sensitive), maps

    def _write_rows(self) -> None:
        """Rows with words in place of keys."""
        from pyspark.sql import functions as f

        rows = self.keyed
        for i, codes in enumerate(self.maps):
            rows = f.broadcast(upload(self.session, codes)).join(rows, f"{KEY}{i}", "inner")
        names = [*[f"{CODE}{i}" for i in range(len(self.maps))], f"(CASE WHEN {HOME} THEN 0L ELSE 1L END)"]
        words = [f.expr(self.packing.sql(word, names)).alias(key) for word, key in enumerate(self.keys)]
        kept = [name for name in self.keyed.columns if not name.startswith(KEY) and name != HOME]
        rows.select(*[f.col(f"`{name}`") for name in kept], *words).write.parquet(self._place("row"))

    def _tables(self) -> Iterator[tuple[NDArray[np.int64], FrequencyTable]]:
        """Words and frequency table of each part."""
        from pyspark.sql import functions as f

        key = f.col(self.keys[0])
        for low, high in pairwise(self._edges()):
            held = self._read("unit").where((key >= low) & (key < high)).toArrow()
            words = np.stack([held[name].to_numpy() for name in self.keys], 1)
            order = np.lexsort(words.T[::-1])
            count = held[ROWS].to_numpy()[order]
            yield words[order], to_table(self.packing, self.domains, self.sensitive, words[order], count)

    def _edges(self) -> list[int]:
        from pyspark.sql import functions as f

        unit = self._read("unit")
        total = unit.count()
        first = self.keys[0]
        if total <= self.spec.memory_units:
            return [0, self.packing.steps()[0]]

        def histogram(stride: int, low: int, high: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            inside = unit.where((f.col(first) >= low) & (f.col(first) < high))
            cells = inside.groupBy(f.expr(f"{first} div {stride}L").alias("cell")).agg(f.count(f.lit(1)).alias(ROWS))
            counted = cells.toPandas().sort_values("cell")
            return counted["cell"].to_numpy(np.int64), counted[ROWS].to_numpy(np.int64)

        def numbered(edges: list[int]) -> DataFrame:
            part: Column = f.lit(len(edges) - 2)
            for number in range(len(edges) - 3, -1, -1):
                part = f.when(f.col(first) < edges[number + 1], f.lit(number)).otherwise(part)
            return unit.withColumn("part", part)

        def content(edges: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
            rest = self.keys[self.packing.tuple_words :]
            held = numbered(edges).groupBy("part", *rest).agg(f.sum(ROWS).alias(ROWS)).toPandas()
            words = np.zeros((len(held), len(self.keys)), np.int64)
            words[:, self.packing.tuple_words :] = held[rest].to_numpy(np.int64)
            return held["part"].to_numpy(np.int64), words, held[ROWS].to_numpy(np.int64)

        edges = find_edges(self.packing, histogram, self.spec.memory_units // 2)
        counted = numbered(edges).groupBy("part").count().toPandas().sort_values("part")["count"]
        none = np.zeros((0, len(self.keys)), np.int64)
        lender = to_table(self.packing, self.domains, self.sensitive, none, none[:, 0])
        return join_broken(self.packing, lender, edges, counted.tolist(), content, self.spec)

    def _write_labels(self, words: NDArray[np.int64], allocation: Allocation) -> None:
        """Labels of the units of one part: of whole units by their words, of split ones by words and ranks as well."""
        last = np.cumsum(allocation.count)
        begin = np.r_[True, allocation.unit[1:] != allocation.unit[:-1]]
        before = np.maximum.accumulate(np.where(begin, last - allocation.count, 0))
        frame = pd.DataFrame({key: words[allocation.unit, i] for i, key in enumerate(self.keys)})
        frame[FIRST], frame[LAST] = last - allocation.count - before, last - before
        for at, packed in enumerate(self._pack_labels(allocation.labels).T):
            frame[f"{LABELS}{at}"] = packed[allocation.group]
        is_kept = allocation.group != SUPPRESSED
        is_split = ~(begin & np.r_[begin[1:], True])
        self._append("whole", frame[is_kept & ~is_split].drop(columns=[FIRST, LAST]))
        self._append("split", frame[is_kept & is_split])

    def _append(self, name: str, frame: pd.DataFrame) -> None:
        for start in range(0, len(frame), CHUNK):
            chunk = upload(self.session, frame.iloc[start : start + CHUNK])
            chunk.write.mode("append").parquet(self._place(name))
            self.written.add(name)

    def _pack_labels(self, labels: NDArray[np.object_]) -> NDArray[np.int64]:
        """(classes, words) numbers of labels."""
        out = np.zeros((len(labels), -(-labels.shape[1] // LABELS_A_WORD)), np.int64)
        for j, known in enumerate(self.labels):
            number, different = pd.factorize(labels[:, j])
            code = np.array([known.setdefault(label, len(known)) for label in different], np.int64)
            if len(known) > 2**LABEL_BITS:
                raise SpecError(
                    f"column {self.spec.quasi[j]!r} has more than {2**LABEL_BITS} different labels; give it a "
                    "hierarchy or make it `is_ordered`",
                    column=self.spec.quasi[j],
                )
            out[:, j // LABELS_A_WORD] |= code[number] << LABEL_BITS * (j % LABELS_A_WORD)
        return out

    def _publish(self) -> DataFrame:
        """Rows with labels, from the scratch folder.

        The smaller table stands left: Sail builds its hash tables of that side when it knows no sizes.
        """
        from pyspark.sql import functions as f

        rows, parts = self._read("row"), []
        if "whole" in self.written:
            parts.append(self._read("whole").join(rows, self.keys, "inner"))
        if "split" in self.written:
            ranges = self._read("split")
            among = ranges.select(*self.keys).distinct().join(rows, self.keys, "inner")
            joined = ranges.join(rank_rows(among, self.keys, self.spec), self.keys, "inner")
            inside = (f.col(RANK) >= f.col(FIRST)) & (f.col(RANK) < f.col(LAST))
            parts.append(joined.where(inside).drop(RANK, FIRST, LAST))
        out = parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])
        for j, known in enumerate(self.labels):
            packed, shift = f"{LABELS}{j // LABELS_A_WORD}", LABEL_BITS * (j % LABELS_A_WORD)
            number = f"(shiftright({packed}, {shift}) & {2**LABEL_BITS - 1}L)"
            names = pd.DataFrame({f"__number_{j}": list(known.values()), f"__label_{j}": list(known)})
            named = out.withColumn(f"__number_{j}", f.expr(number))
            out = f.broadcast(upload(self.session, names)).join(named, f"__number_{j}", "inner").drop(f"__number_{j}")
        quasi = {name: f"__label_{j}" for j, name in enumerate(self.spec.quasi)}
        columns = self.spec.columns.items()
        released = [name for name, c in columns if c.role != "identifying" and name != self.spec.person]
        person = [f.col(f"`{self.spec.person}`")] if self.spec.person else []
        return out.select(*[f.col(f"`{quasi.get(name, name)}`").alias(name) for name in released], *person)

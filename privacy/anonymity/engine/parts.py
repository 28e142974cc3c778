"""Releases a table with more units than one process holds: the engine divides it into parts, searched one by one.

Rows, units, labels and counts are in a scratch folder that the engine can write. This process holds the units of one
part (`spec.memory_units`), histograms of at most 65,536 cells, and the distinct labels of each column. The parts are
those of `search.table_part`, so the release equals that of `anonymize` on any engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.anonymity.anonymize import loss_of, search
from privacy.anonymity.engine.row import HOME, KEY, RANK, ROWS, rank_rows
from privacy.anonymity.errors import SpecError
from privacy.anonymity.search.allocation import SUPPRESSED, Allocation
from privacy.anonymity.search.region import run_all
from privacy.anonymity.search.table_part import find_edges, join_broken
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.domain import LARGEST_TABLE, Domain
from privacy.anonymity.table.frequency_table import (
    FrequencyTable,
    Sensitive,
    encode_quasi,
    encode_sensitive,
    modelled_columns,
)
from privacy.anonymity.table.unit_key import Packing, make_packing, to_table

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

WORD, LABEL, FIRST, LAST = "__word_", "__label_", "__first", "__last"
COLUMN, TEXT = "__column", "__text"
CHUNK, WRITERS = 100_000, 2
"""Rows sent to the engine at once, and the number of threads that send them."""
JOINED = 4
"""Units whose labels are joined to rows at once, as a multiple of `memory_units`."""


@dataclass
class PartsRelease:
    """The released table, its information loss, and the numbers of suppressed rows and of distinct combinations."""

    published: DataFrame
    loss: float
    suppressed: int
    units: int


def release_in_parts(keyed: DataFrame, spec: Spec, scratch: str) -> PartsRelease:
    """Returns the release, written below `scratch`, of rows with keys (`row.with_keys`).

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
    """Makes one release in parts.

    Folders below `scratch`: row, unit, released; and for each batch of parts whole, split, key and ranked. No join
    takes the result of another join. Sail knows the sizes of Parquet files, but not of joined frames, and would build
    the hash table of a second join from the rows.
    """

    def __init__(self, keyed: DataFrame, spec: Spec, scratch: str) -> None:
        self.keyed, self.spec, self.scratch, self.session = keyed, spec, scratch, keyed.sparkSession
        self.names = [*spec.quasi, *modelled_columns(spec)]
        self.domains, self.sensitive, self.codes = self._encode()
        self.packing: Packing = make_packing(self.domains, self.sensitive)
        self.keys = [f"{WORD}{word}" for word in range(self.packing.words)]
        self.written: set[str] = set()

    def run(self) -> PartsRelease:
        """Runs the release, see `release_in_parts`."""
        from pyspark.sql import functions as f

        self._write_rows()
        counted = self._read("row").groupBy(*self.keys).agg(f.count(f.lit(1)).alias(ROWS))
        counted.write.parquet(self._place("unit"))
        lost, suppressed, units, rows, waiting, batch = 0.0, 0, 0, 0, 0, 0
        edges = self._edges()
        start = edges[0]
        for low, high in pairwise(edges):
            words, table = self._table(low, high)
            allocation = search(table, self.spec)
            lost += loss_of(table, allocation) * table.rows
            suppressed += allocation.suppressed
            units, rows, waiting = units + len(words), rows + table.rows, waiting + len(words)
            self._write_labels(batch, words, allocation)
            if waiting >= JOINED * self.spec.memory_units or high == edges[-1]:
                self._publish(batch, start, high)
                start, waiting, batch = high, 0, batch + 1
        return PartsRelease(self._read("released"), lost / rows, suppressed, units)

    def _place(self, name: str) -> str:
        return f"{self.scratch}/{name}"

    def _read(self, name: str) -> DataFrame:
        return self.session.read.parquet(self._place(name))

    def _encode(self) -> tuple[tuple[Domain, ...], tuple[Sensitive, ...], list[Column]]:
        """Returns domains, sensitive columns, and for each column an expression that maps its text to a code."""
        from pyspark.sql import functions as f

        counts = [self._count_texts(i) for i in range(len(self.names))]
        counted = reduce(lambda one, other: one.unionAll(other), counts).toPandas()
        domains: list[Domain] = []
        sensitive: list[Sensitive] = []
        codes = []
        for i, name in enumerate(self.names):
            found = counted[counted[COLUMN] == i].sort_values(TEXT, ignore_index=True)
            text, rows = found[TEXT], found[ROWS].to_numpy(np.int64)
            if name in self.spec.quasi:
                domain, number = encode_quasi(text, name, self.spec, rows)
                domains.append(domain)
            else:
                if len(found) > LARGEST_TABLE:
                    raise SpecError(
                        f"sensitive column {name!r} has more than {LARGEST_TABLE} values; round or truncate them first",
                        column=name,
                    )
                first_bin = sum(len(column.values) for column in sensitive)
                column, number = encode_sensitive(text, name, self.spec, rows, first_bin)
                sensitive.append(column)
            often = np.argsort(-rows, kind="stable")
            codes.append(_lookup(f.col(f"{KEY}{i}"), text.iloc[often].tolist(), number[often].tolist()))
        return tuple(domains), tuple(sensitive), codes

    def _count_texts(self, i: int) -> DataFrame:
        """Returns the distinct texts of column `i` with their numbers of rows, at most `LARGEST_TABLE` + 1 texts."""
        from pyspark.sql import functions as f

        counted = self.keyed.groupBy(f"{KEY}{i}").agg(f.count(f.lit(1)).alias(ROWS)).limit(LARGEST_TABLE + 1)
        return counted.select(f.lit(i).alias(COLUMN), f.col(f"{KEY}{i}").alias(TEXT), ROWS)

    def _write_rows(self) -> None:
        """Writes the rows to the folder `row`, with packed integers (words, see `unit_key`) in place of text keys."""
        from pyspark.sql import functions as f

        home = f.when(f.col(HOME), f.lit(0)).otherwise(f.lit(1)).cast("long")
        columns = [*self.codes, home]
        words: list[Column] = [f.lit(0).cast("long")] * self.packing.words
        for column, word, stride in zip(columns, self.packing.word, self.packing.stride, strict=True):
            words[word] = words[word] + column * f.lit(stride).cast("long")
        named = [word.alias(key) for word, key in zip(words, self.keys, strict=True)]
        kept = [name for name in self.keyed.columns if not name.startswith(KEY) and name != HOME]
        self.keyed.select(*[f.col(f"`{name}`") for name in kept], *named).write.parquet(self._place("row"))

    def _table(self, low: int, high: int) -> tuple[NDArray[np.int64], FrequencyTable]:
        """Returns the words (see `unit_key`) and the frequency table of the units of one part."""
        units = self._within("unit", low, high).toArrow()
        words = np.stack([units[name].to_numpy() for name in self.keys], 1)
        order = np.lexsort(words.T[::-1])
        count = units[ROWS].to_numpy()[order]
        return words[order], to_table(self.packing, self.domains, self.sensitive, words[order], count)

    def _within(self, name: str, low: int, high: int) -> DataFrame:
        from pyspark.sql import functions as f

        key = f.col(self.keys[0])
        return self._read(name).where((key >= low) & (key < high))

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
            counted = numbered(edges).groupBy("part", *rest).agg(f.sum(ROWS).alias(ROWS)).toPandas()
            words = np.zeros((len(counted), len(self.keys)), np.int64)
            words[:, self.packing.tuple_words :] = counted[rest].to_numpy(np.int64)
            return counted["part"].to_numpy(np.int64), words, counted[ROWS].to_numpy(np.int64)

        edges = find_edges(self.packing, histogram, self.spec.memory_units // 2)
        counted = numbered(edges).groupBy("part").count().toPandas().sort_values("part")["count"]
        none = np.zeros((0, len(self.keys)), np.int64)
        lender = to_table(self.packing, self.domains, self.sensitive, none, none[:, 0])
        return join_broken(self.packing, lender, edges, counted.tolist(), content, self.spec)

    def _write_labels(self, batch: int, words: NDArray[np.int64], allocation: Allocation) -> None:
        """Writes the labels of one part, with the keys that join them to rows.

        The key of a unit in one class is its words. A unit in several classes also needs the rank of the row.
        """
        import pyarrow as pa

        last = np.cumsum(allocation.count)
        begin = np.r_[True, allocation.unit[1:] != allocation.unit[:-1]]
        before = np.maximum.accumulate(np.where(begin, last - allocation.count, 0))
        is_kept = allocation.group != SUPPRESSED
        is_split = ~(begin & np.r_[begin[1:], True])
        key = {key: np.ascontiguousarray(words[:, i])[allocation.unit] for i, key in enumerate(self.keys)}
        place = {FIRST: last - allocation.count - before, LAST: last - before}
        label = {}
        for j in range(len(self.spec.quasi)):
            number, texts = pd.factorize(allocation.labels[:, j])
            label[f"{LABEL}{j}"] = pa.array(texts, pa.string()), number[np.where(is_kept, allocation.group, 0)]

        def rows(chosen: NDArray[np.bool_], whole: dict[str, Any], coded: dict[str, Any]) -> pa.Table:
            texts = {name: values.take(pa.array(number[chosen])) for name, (values, number) in coded.items()}
            return pa.table({**{name: column[chosen] for name, column in whole.items()}, **texts})

        self._append(f"whole-{batch}", rows(is_kept & ~is_split, key, label))
        self._append(f"split-{batch}", rows(is_kept & is_split, {**key, **place}, label))
        self._append(f"key-{batch}", rows(is_split & begin, key, {}))

    def _append(self, name: str, table: pa.Table) -> None:
        chunks = [table.slice(start, CHUNK) for start in range(0, len(table), CHUNK)]
        if chunks:
            run_all(lambda chunk: self._write(name, chunk), chunks, WRITERS)
            self.written.add(name)

    def _write(self, name: str, table: pa.Table) -> None:
        self.session.createDataFrame(table).write.mode("append").parquet(self._place(name))

    def _publish(self, batch: int, low: int, high: int) -> None:
        """Appends the rows of a batch of parts with their labels to `released`."""
        from pyspark.sql import functions as f

        if f"whole-{batch}" in self.written:
            self._release(self._read(f"whole-{batch}").join(self._within("row", low, high), self.keys, "inner"))
        if f"split-{batch}" in self.written:
            among = self._read(f"key-{batch}").join(self._within("row", low, high), self.keys, "inner")
            rank_rows(among, self.keys, self.spec).write.parquet(self._place(f"ranked-{batch}"))
            joined = self._read(f"split-{batch}").join(self._read(f"ranked-{batch}"), self.keys, "inner")
            self._release(joined.where((f.col(RANK) >= f.col(FIRST)) & (f.col(RANK) < f.col(LAST))))

    def _release(self, rows: DataFrame) -> None:
        from pyspark.sql import functions as f

        label = {name: f"{LABEL}{j}" for j, name in enumerate(self.spec.quasi)}
        columns = self.spec.columns.items()
        released = [name for name, c in columns if c.role != "identifying" and name != self.spec.person]
        chosen = [f.col(f"`{label.get(name, name)}`").alias(name) for name in released]
        person = [f.col(f"`{self.spec.person}`")] if self.spec.person else []
        rows.select(*chosen, *person).write.mode("append").parquet(self._place("released"))


def _lookup(key: Column, texts: list[str], codes: list[int]) -> Column:
    """Returns an expression that maps a text to its code without a join. Give frequent texts first: it is faster."""
    from pyspark.sql import functions as f

    found = f.when(key == texts[0], f.lit(codes[0]))
    for text, code in zip(texts[1:], codes[1:], strict=True):
        found = found.when(key == text, f.lit(code))
    return found.cast("long")

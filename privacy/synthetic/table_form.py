"""Tables in the forms that scores need: coarse codes, and numbers for models. Both use the public domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from privacy.synthetic.coding import Coding, codings
from privacy.synthetic.number_coding import NumberCoding
from privacy.synthetic.specification import Specification
from privacy.synthetic.spread import Codes

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TableForm:
    """A table with the columns of a specification. Values outside the domain count as null."""

    table: pa.Table
    specification: Specification

    @cached_property
    def columns(self) -> Mapping[str, Coding]:
        """The coding of each column."""
        return codings(self.specification)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.table.num_rows)

    @cached_property
    def codes(self) -> Mapping[str, Codes]:
        """Coarse codes from 1; 0 is a value outside the domain."""
        return {name: one.encode(self._whole(name))[0] + 1 for name, one in self.columns.items()}

    @cached_property
    def numbers(self) -> Numbers:
        """One row of numbers a row: values of numeric columns, codes of categories, NaN for null."""
        found = []
        for name, coding in self.columns.items():
            if isinstance(coding, NumberCoding):
                found.append(coding.numbers(self._whole(name)))
            else:
                codes = self.codes[name].astype(np.float64)
                found.append(np.where(codes == 0, np.nan, codes - 1))
        return np.stack(found, 1)

    def _whole(self, name: str) -> pa.Array:
        return self.table[name].unify_dictionaries().combine_chunks()

    @property
    def is_category(self) -> list[bool]:
        """Whether each column of `numbers` holds codes of categories."""
        return [not isinstance(coding, NumberCoding) for coding in self.columns.values()]

    def take(self, rows: Codes) -> TableForm:
        """Return the rows with these indices."""
        return TableForm(self.table.take(pa.array(rows)), self.specification)

    def sample(self, rows: int, seed: int) -> TableForm:
        """Return a random sample without replacement; all rows if there are not more."""
        if rows >= self.rows:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(self.rows, rows, replace=False)))

    def halves(self, seed: int) -> tuple[TableForm, TableForm]:
        """Return two halves, divided at random."""
        order = np.random.default_rng(seed).permutation(self.rows)
        return self.take(order[: self.rows // 2]), self.take(order[self.rows // 2 :])


def independent_columns(form: TableForm, seed: int) -> TableForm:
    """Return the table with each column shuffled by itself: the reference of a model that relates nothing."""
    random = np.random.default_rng(seed)
    shuffled = {name: form.table[name].take(pa.array(random.permutation(form.rows))) for name in form.columns}
    return TableForm(pa.table(shuffled), form.specification)


def row_keys(tables: Sequence[Mapping[str, Codes]], columns: Sequence[str]) -> list[Codes]:
    """Return for each table a key of each row, such that rows of all tables have equal keys if their codes are equal.

    >>> one, two = {"a": np.array([1, 2])}, {"a": np.array([2, 7])}
    >>> [keys.tolist() for keys in row_keys([one, two], ["a"])]
    [[0, 1], [1, 2]]
    """
    ends = np.cumsum([len(table[columns[0]]) for table in tables])
    key = np.zeros(int(ends[-1]), np.int64)
    for name in columns:
        codes = np.unique(np.concatenate([table[name] for table in tables]), return_inverse=True)[1].ravel()
        key = np.unique(key * (int(codes.max(initial=0)) + 1) + codes, return_inverse=True)[1].ravel()
    return np.split(key, ends[:-1])

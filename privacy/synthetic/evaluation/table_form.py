"""Tables in the forms that scores need: coarse codes, and numbers for models. Both use the public domain."""

from __future__ import annotations

from collections.abc import Mapping
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
        """Coarse codes from 0; the first is null or a value outside the domain."""
        return {name: one.encode(self.table[name].combine_chunks())[0] + 1 for name, one in self.columns.items()}

    @cached_property
    def numbers(self) -> Numbers:
        """One row of numbers a row: values of numeric columns, codes of categories, NaN for null."""
        found = []
        for name, coding in self.columns.items():
            if isinstance(coding, NumberCoding):
                found.append(coding.numbers(self.table[name].combine_chunks()))
            else:
                codes = self.codes[name].astype(np.float64)
                found.append(np.where(codes == 0, np.nan, codes - 1))
        return np.stack(found, 1)

    @property
    def is_category(self) -> list[bool]:
        """Whether each column of `numbers` holds codes of categories."""
        return [not isinstance(coding, NumberCoding) for coding in self.columns.values()]

    def sample(self, rows: int, seed: int) -> TableForm:
        """Return a random sample without replacement; all rows if there are not more."""
        if rows >= self.rows:
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(self.rows, rows, replace=False))
        return TableForm(self.table.take(pa.array(chosen)), self.specification)


def independent_columns(form: TableForm, seed: int) -> TableForm:
    """Return the table with each column shuffled by itself: the reference of a model that relates nothing."""
    random = np.random.default_rng(seed)
    shuffled = {name: form.table[name].take(pa.array(random.permutation(form.rows))) for name in form.columns}
    return TableForm(pa.table(shuffled), form.specification)

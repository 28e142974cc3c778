"""Codes of a column with listed values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.specification import Category, Scalar
from privacy.synthetic.spread import Codes, Weights

_WHOLE = re.compile(r"-?\d+\.0+")
_UNLISTABLE = (kinds.is_nested, kinds.is_binary, kinds.is_large_binary, kinds.is_fixed_size_binary)


@dataclass(frozen=True)
class CategoryCoding:
    """Codes of a column with listed values: the values, then `other`, then null. Values are compared as text."""

    name: str
    spec: Category

    fine_size = 0

    @cached_property
    def _labels(self) -> pa.Array:
        """The value of each code. Values of several types, or with a label for other values, are text."""
        values: list[Scalar | None] = [*self.spec.values, *(() if self.spec.other is None else (self.spec.other,))]
        if len({type(value) for value in values}) > 1:
            values = [_text(value) for value in values]
        return pa.array([*values, *((None,) if self.spec.nullable else ())])

    @property
    def size(self) -> int:
        """Number of codes."""
        return len(self._labels)

    @property
    def values(self) -> int:
        """Number of listed values, whose codes come first."""
        return len(self.spec.values)

    @property
    def has_other(self) -> bool:
        """Whether a label stands for values that are not listed. Its code comes after those of the values."""
        return self.spec.other is not None

    @cached_property
    def _other(self) -> int:
        return -1 if self.spec.other is None else len(self.spec.values)

    @cached_property
    def _code(self) -> dict[str | None, int]:
        codes: dict[str | None, int] = {_text(value): code for code, value in enumerate(self.spec.values)}
        if self.spec.other is not None:
            codes[self.spec.other] = self._other
        codes[None] = self.size - 1 if self.spec.nullable else self._other
        return codes

    def require_type(self, found: pa.DataType) -> None:
        """Check that a column of this type can hold listed values.

        Raises:
            BadSpecification: its values are lists, records or bytes.
        """
        if any(is_one(found) for is_one in _UNLISTABLE):
            raise BadSpecification(f"{self.name} holds {found}, which cannot be listed as values; remove it")

    def encode(self, values: pa.Array) -> tuple[Codes, Codes]:
        """Return the codes, -1 for a value outside the domain, and no fine codes."""
        coded = values if kinds.is_dictionary(values.type) else values.dictionary_encode()
        codes = [self._code.get(self._listed(value), self._other) for value in coded.dictionary.to_pylist()]
        indices = pc.fill_null(coded.indices.cast(pa.int64()), len(codes)).to_numpy(zero_copy_only=False)
        return np.array([*codes, self._code[None]], np.int64)[indices], np.zeros(0, np.int64)

    def _listed(self, value: Any) -> str | None:
        """Return a value as text. Text is read as the type of the listed values: `True` as true, `1.0` as 1."""
        if isinstance(value, str) and value not in self._code:
            if self._types == {bool}:
                return value.lower()
            if self._types == {int} and _WHOLE.fullmatch(value):
                return value.partition(".")[0]
        return _text(value)

    @cached_property
    def _types(self) -> set[type]:
        return {type(value) for value in self.spec.values}

    def decode(self, codes: Codes, fine: Weights, random: np.random.Generator) -> pa.Array:
        """Return the value of each code."""
        return self._labels.take(pa.array(codes))

    def condition(self, value: Any) -> tuple[int, pa.Scalar]:
        """Return the code of one value, and the value as it is written.

        Raises:
            BadSpecification: the value is not listed.
        """
        code = self._code.get(self._listed(value), -1)
        if code < 0:
            raise BadSpecification(f"{self.name} has no value {value!r}; choose one that its domain lists")
        return code, self._labels[code]


def _text(value: Any) -> str | None:
    """Return a value as text; 1, 1.0 and Decimal("1.00") are the same, and so are true and True."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | Decimal) and value == value.__round__(0):
        return str(int(value))
    return str(value)

"""Finds identifiers of people who were learned from in the synthetic columns."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from privacy.synthetic.attack.risk import ALARM, Risk

NEAR_UNIQUE = 0.9
"""Least share of different values of a column that identifies people."""
LEAST_LETTERS = 6
"""Text of so many letters and digits that only one person has does not occur in honest synthetic data by chance."""
_SEPARATORS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Leak:
    """Values of one identifying column that occur in a synthetic column; the risk counts each value once."""

    column: str
    synthetic_column: str
    risk: Risk
    is_text: bool

    @property
    def is_proven(self) -> bool:
        """Whether values of people who were learned from occur more often than by chance.

        Three texts of such people are proof enough where no text of the control people occurs.
        """
        found = round(self.risk.success.value * self.risk.success.attacks)
        is_certain = self.is_text and found >= 3 and self.risk.control.value == 0 and self.risk.control.attacks > 0
        return is_certain or (found > 0 and self.risk.chance < ALARM)


def leaked_identifiers(train: pa.Table, control: pa.Table, synthetic: pa.Table) -> list[Leak]:
    """Return for each real column that identifies people the synthetic column with most of its values.

    `train` and `control` may have more columns than the synthetic table: its specification leaves out identifiers,
    which may have been learned all the same. Letters and digits are compared, in their order.
    """
    made = {name: _texts(synthetic[name]) for name in synthetic.column_names}
    leaks = []
    for name in train.column_names:
        if name not in control.column_names or not _identifies(train[name]):
            continue
        learned, others = _texts(train[name]), _texts(control[name])
        learned, others = learned - others, others - learned
        hits = {column: (len(learned & values), len(others & values)) for column, values in made.items()}
        column = max(hits, key=lambda one: hits[one][0] - hits[one][1] * len(learned) / max(1, len(others)))
        is_text = _is_text(train[name]) and _is_text(synthetic[column])
        if is_text:
            learned, others = (_long(values) for values in (learned, others))
            hits[column] = (len(learned & made[column]), len(others & made[column]))
        risk = Risk.of(f"{name} in {column}", len(learned), hits[column][0], len(others), hits[column][1], 0)
        leaks.append(Leak(name, column, risk, is_text))
    return leaks


def _is_text(values: pa.ChunkedArray) -> bool:
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _identifies(values: pa.ChunkedArray) -> bool:
    if not (_is_text(values) or pa.types.is_integer(values.type)):
        return False
    present = len(values) - values.null_count
    return bool(present > 0 and len(pc.unique(values).drop_null()) >= NEAR_UNIQUE * present)


def _long(values: set[str]) -> set[str]:
    return {value for value in values if len(value) >= LEAST_LETTERS}


def _texts(values: pa.ChunkedArray) -> set[str]:
    found = {_SEPARATORS.sub("", str(value)).casefold() for value in pc.unique(values).to_pylist() if value is not None}
    return found - {""}

"""SDV's synthesizers of one table: Gaussian copula, CTGAN and TVAE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import pyarrow as pa

from privacy.synthetic.constraint import keep_rows
from privacy.synthetic.errors import UnmetConstraint
from privacy.synthetic.sdv.translation import column_metadata, no_guarantee, sdv_imported, to_frame, to_table
from privacy.synthetic.specification import Specification
from privacy.synthetic.synthesizer import Guarantee, Progress, no_progress
from privacy.synthetic.unit_bound import bounded_rows

TableMethod = Literal["gaussian_copula", "ctgan", "tvae"]
TABLE_METHODS: tuple[TableMethod, ...] = get_args(TableMethod)
_CLASSES = {"gaussian_copula": "GaussianCopulaSynthesizer", "ctgan": "CTGANSynthesizer", "tvae": "TVAESynthesizer"}
_TABLE = "rows"
CHUNK_ROWS = 50_000
_MOST_TRIES = 20


@dataclass(frozen=True)
class SdvTable:
    """A fitted synthesizer of SDV. It holds what it learned in memory and states no guarantee. See `Synthesizer`."""

    specification: Specification
    method: TableMethod
    fitted: Any
    total: int

    @classmethod
    def fit(
        cls, table: pa.Table, specification: Specification, progress: Progress = no_progress, *,
        method: TableMethod = "gaussian_copula", options: Mapping[str, Any] | None = None,
    ) -> Self:  # fmt: skip
        """Return the fitted synthesizer. `options` are arguments of SDV's class, such as `epochs`.

        Guarantee: none.

        Raises:
            SyntheticError: the package `sdv` is not installed.
            BadSpecification: the table lacks the column of persons.
        """
        progress(f"fit SDV's {method}", 0.0)
        used = bounded_rows(table, specification.unit, specification.rows_per_unit)
        with sdv_imported():
            import sdv.single_table
            from sdv.metadata import Metadata

            metadata = Metadata.load_from_dict(
                {"tables": {_TABLE: {"columns": column_metadata(specification.columns)}}}
            )
            fitted = getattr(sdv.single_table, _CLASSES[method])(metadata, **(options or {}))
            fitted.fit({_TABLE: to_frame(used, specification.columns)})
        return cls(specification, method, fitted, used.num_rows)

    @property
    def kind(self) -> str:
        """Name of the kind of model."""
        return f"sdv:{self.method}"

    @property
    def guarantee(self) -> Guarantee:
        """The statement that there is none."""
        return no_guarantee(self.method, self.specification.unit)

    def sample(self, rows: int | None, seed: int, given: Mapping[str, Any] | None = None) -> Iterator[pa.Table]:
        """Yield tables with `rows` rows in all that meet the constraints and have the values in `given`.

        Raises:
            UnmetConstraint: SDV gives too few such rows.
        """
        left, tries = self.total if rows is None else rows, 0
        with sdv_imported():
            # Private: SDV has no public seed, only `reset_sampling`, which always gives the same rows.
            self.fitted._set_random_state(seed)
            while left > 0:
                drawn = to_table(self._drawn(min(left, CHUNK_ROWS), given), self.specification.columns)
                kept = keep_rows(drawn, self.specification).slice(0, left)
                left, tries = left - kept.num_rows, tries + 1 if not kept.num_rows else 0
                if tries == _MOST_TRIES:
                    raise UnmetConstraint(f"SDV drew no row that meets the constraints in {tries} tries; relax them")
                if kept.num_rows:
                    yield kept

    def _drawn(self, rows: int, given: Mapping[str, Any] | None) -> Any:
        if not given:
            return self.fitted.sample(rows)[_TABLE]
        from sdv.sampling import Condition

        try:
            condition = Condition(dict(given), num_rows=rows)
            return self.fitted.sample_from_conditions([condition])[_TABLE]
        except ValueError as error:
            raise UnmetConstraint("SDV drew no row with these values; ask for other values") from error

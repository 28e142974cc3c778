"""The specification of a release: roles of columns, models, form of labels, and limits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from privacy.anonymity.errors import SpecError
from privacy.anonymity.spec.model import AnyModel, KAnonymity, SensitiveModel
from privacy.anonymity.spec.release_context import Context

Role = Literal["identifying", "quasi", "sensitive", "insensitive"]
HierarchyKind = Literal["none", "file", "intervals", "dates", "regions", "automatic"]


class HierarchySpec(BaseModel):
    """The source of a column's hierarchy. Kind `none` publishes sets or ranges of values."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: HierarchyKind = "none"
    file: Path | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """Of the file; None takes the one that splits its lines into most cells."""
    widths: tuple[float, ...] = ()
    fan_out: int = Field(default=4, ge=2)

    @model_validator(mode="after")
    def _is_complete(self) -> HierarchySpec:
        if self.kind == "file" and self.file is None:
            raise ValueError("hierarchy kind `file` needs `file`: the path of a CSV in ARX's format")
        if self.kind == "intervals" and not (self.widths and all(0 < width < math.inf for width in self.widths)):
            raise ValueError("hierarchy kind `intervals` needs `widths` above 0, e.g. [5, 10, 20]")
        return self


class ColumnSpec(BaseModel):
    """Role and labels of a column. `is_ordered` makes labels ranges; `weight` is the column's weight in the loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    role: Role
    hierarchy: HierarchySpec = HierarchySpec()
    is_ordered: bool = False
    weight: float = Field(default=1.0, ge=0)
    is_confirmed: bool = False
    """True when a person has checked that the role is right although the column looks like an identifier."""


class Spec(BaseModel):
    """The specification of a release: `columns` by name, and `models` that must all hold.

    Columns that are not named are not released. `person` names the column that identifies people with several rows.
    Then k counts people; the column itself is never released.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    columns: dict[str, ColumnSpec]
    models: tuple[AnyModel, ...]
    algorithm: Literal["local", "global"] = "local"
    weights: Literal["given", "queries"] = "given"
    """`queries` gives more weight to columns without a hierarchy whose labels distort counts most (see `query_weight`),
    for releases that rows are counted in. The columns' own weights still count."""
    suppression_limit: float = Field(default=0.0, ge=0, le=1)
    """Largest share of rows that may be suppressed. Local recoding suppresses a row only when the others gain more than
    1."""
    cell_limit: float | None = Field(default=None, ge=0, lt=1)
    """Cells whose label would lose more than this share of the column are published as `*`. Suppressed rows are
    published as rows of `*` where they satisfy the models together. None: no cell is suppressed."""
    person: str | None = None
    target: str | None = None
    """Sensitive or insensitive column that recipients predict. The report then shows what a model loses by the release.
    """
    seed: int = 0
    effort: int | None = Field(default=None, ge=1, le=100)
    """How long to search: the rounds of refinement grow with its power of 2.5, and 1 is the fastest. None: 6, or less
    for large tables (`local_recoding.effort_for`)."""
    block_tuples: int = Field(default=20_000, ge=1000)
    """Distinct tuples that are searched at once. Larger tables are divided into blocks."""
    context: Context = Context()
    """What only people can say about the release. The report quotes it."""
    memory_units: int = Field(default=500_000, ge=1000)
    """Most distinct combinations of quasi-identifiers and modelled values that one process holds at once. Larger tables
    are divided into parts, searched one at a time."""

    @model_validator(mode="after")
    def _fits_together(self) -> Spec:
        if not self.quasi:
            raise ValueError("no column has role `quasi`; name at least one quasi-identifier")
        if not self.models:
            raise ValueError(
                "`models` is empty, so no person would be protected; name at least one, such as k_anonymity"
            )
        sensitive = set(self.by_role("sensitive"))
        for model in self.models:
            if isinstance(model, SensitiveModel) and model.column not in sensitive:
                raise ValueError(f"model {model.name!r} needs column {model.column!r} with role `sensitive`")
        if self.person in self.columns and self.columns[self.person].role != "identifying":
            raise ValueError(f"person {self.person!r} is never released; make its role `identifying`, or leave it out")
        if self.target is not None and self.target not in {*sensitive, *self.by_role("insensitive")}:
            raise ValueError(
                f"target {self.target!r} is not released as it is; name a column with role `sensitive` or `insensitive`"
            )
        if sum(self.columns[name].weight for name in self.quasi) <= 0:
            raise ValueError("the weights of the quasi-identifiers are all 0; give one a positive weight")
        return self

    def by_role(self, role: Role) -> tuple[str, ...]:
        """Returns the columns of a role, in the order of the specification."""
        return tuple(name for name, column in self.columns.items() if column.role == role)

    @property
    def quasi(self) -> tuple[str, ...]:
        """The quasi-identifiers."""
        return self.by_role("quasi")

    @property
    def k(self) -> int:
        """Smallest allowed class in people; 1 without k-anonymity."""
        return max((model.k for model in self.models if isinstance(model, KAnonymity)), default=1)


def load_spec(path: Path) -> Spec:
    """Reads a specification from YAML. Paths of hierarchies are relative to the file.

    Raises:
        SpecError: the file does not fit; the message lists each error with its place.
    """
    try:
        document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise SpecError(f"{path.name} is not YAML in UTF-8; give the path of a release specification") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise SpecError(f"{path.name} is not YAML: {getattr(error, 'problem', 'it cannot be read')}{where}") from error
    if not isinstance(document, dict):
        raise SpecError(f"{path.name} is not a release specification; expected `columns` and `models`")
    try:
        spec = Spec.model_validate(document)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'document'}: {fault['msg']}" for fault in error.errors()
        )
        raise SpecError(f"{path.name} is not a release specification: {faults}") from error
    columns = {
        name: column.model_copy(
            update={"hierarchy": column.hierarchy.model_copy(update={"file": path.parent / column.hierarchy.file})}
        )
        if column.hierarchy.file
        else column
        for name, column in spec.columns.items()
    }
    return spec.model_copy(update={"columns": columns})

"""The specification of a release: what each column is, which models must hold, how labels look, and the limits."""

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
    """Where a column's hierarchy comes from; `none` publishes sets or ranges of values."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: HierarchyKind = "none"
    file: Path | None = None
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
    """Role of a column. `is_ordered` makes labels ranges, `weight` its share of the loss that the search minimises."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    role: Role
    hierarchy: HierarchySpec = HierarchySpec()
    is_ordered: bool = False
    weight: float = Field(default=1.0, ge=0)
    is_confirmed: bool = False
    """Someone has looked and says that the role is right although the column looks like an identifier."""


class Spec(BaseModel):
    """A release: `columns` by name (columns left out are not released), `models` that must all hold.

    `person` names the column that tells people apart when a person has several rows; k then counts people, and the
    column itself is never released.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    columns: dict[str, ColumnSpec]
    models: tuple[AnyModel, ...]
    algorithm: Literal["local", "global"] = "local"
    weights: Literal["given", "queries"] = "given"
    """`queries` shifts weight to columns without a hierarchy whose labels mislead counts most (see `counting`): for
    releases that rows are counted in. The columns' own weights count as well."""
    suppression_limit: float = Field(default=0.0, ge=0, le=1)
    """Share of the rows that may be left out; local recoding leaves out only what the others gain more from."""
    cell_limit: float | None = Field(default=None, ge=0, lt=1)
    """Cells whose label would lose more than this share of its column are published as `*`, and suppressed rows as rows
    of `*` where they satisfy the models together. Without it no cell is suppressed."""
    person: str | None = None
    target: str | None = None
    """Sensitive or insensitive column that recipients predict; the report tells what a model loses by the release."""
    seed: int = 0
    effort: int | None = Field(default=None, ge=1, le=100)
    """Rounds of refinement grow with its power of 2.5: time for information. 1 is the fastest. If not given, 6 or what
    the size of the table allows (`local_recoding.effort_for`)."""
    block_tuples: int = Field(default=20_000, ge=1000)
    """Distinct tuples searched at once; larger tables are partitioned first."""
    context: Context = Context()
    """What only people can say about the release; the report quotes it."""
    memory_units: int = Field(default=500_000, ge=1000)
    """Distinct combinations of quasi-identifiers and modelled values that one process holds at once. The engine cuts a
    larger table into parts, which are searched one at a time."""

    @model_validator(mode="after")
    def _fits_together(self) -> Spec:
        if not self.quasi:
            raise ValueError("no column has role `quasi`; name at least one quasi-identifier")
        if not self.models:
            raise ValueError("no models; a release without a model protects nobody")
        sensitive = set(self.by_role("sensitive"))
        for model in self.models:
            if isinstance(model, SensitiveModel) and model.column not in sensitive:
                raise ValueError(f"model {model.name!r} is about column {model.column!r}, which is not `sensitive`")
        if self.person in self.columns and self.columns[self.person].role != "identifying":
            raise ValueError(f"person {self.person!r} is never released; make its role `identifying`, or leave it out")
        if self.target is not None and self.target not in {*sensitive, *self.by_role("insensitive")}:
            raise ValueError(f"target {self.target!r} is not released as it is; name a sensitive or insensitive column")
        if sum(self.columns[name].weight for name in self.quasi) <= 0:
            raise ValueError("the weights of the quasi-identifiers are all 0; give one a positive weight")
        return self

    def by_role(self, role: Role) -> tuple[str, ...]:
        """Columns of a role, in the order of the specification."""
        return tuple(name for name, column in self.columns.items() if column.role == role)

    @property
    def quasi(self) -> tuple[str, ...]:
        """Quasi-identifiers."""
        return self.by_role("quasi")

    @property
    def k(self) -> int:
        """Smallest allowed class in people (1 when no model of class size is asked for)."""
        return max((model.k for model in self.models if isinstance(model, KAnonymity)), default=1)


def load_spec(path: Path) -> Spec:
    """Read a specification from YAML; paths of hierarchies are relative to it.

    Raises:
        SpecError: the file does not fit; each fault with its place.
    """
    try:
        document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise SpecError(f"{path.name} is not YAML in UTF-8; is it the specification?") from error
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

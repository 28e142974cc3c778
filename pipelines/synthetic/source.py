"""Where the rows of a fit come from: lakehouse tables under their contracts, or files of the caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, Protocol

import pyarrow as pa
from pydantic import Field

from installation.contract.document import Contracts
from installation.errors import SettingsError
from installation.lakehouse.lakehouse import Lakehouse
from installation.settings import Settings
from pipelines.synthetic.file_rows import CsvForm, estimate_rows, fingerprint, read_file
from pipelines.synthetic.person_split import Rows
from pipelines.synthetic.request import SyntheticRequest
from pipelines.synthetic.table_rows import read_rows, specification_of
from privacy.consent.view import ConsentView
from privacy.dp.budget_account import BudgetAccount
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.fit import AnySpecification
from privacy.synthetic.specification import ColumnSpec, Part


class FileForm(Part):
    """Files of the caller, as a model's folder records them."""

    kind: Literal["file"] = "file"
    dataset: str
    purpose: str
    path: str
    events: str | None = None
    csv: CsvForm = CsvForm()
    scope: str

    @classmethod
    def of(
        cls, key: bytes, dataset: str, purpose: str, path: Path, events: Path | None, csv: CsvForm | None = None
    ) -> FileForm:
        """Return the form of files. Their scope is a keyed hash of their content: the same content costs once."""
        return cls(
            dataset=dataset, purpose=purpose, path=str(path.absolute()),
            events=None if events is None else str(events.absolute()), csv=csv or CsvForm(),
            scope=_content(key, path, events),
        )  # fmt: skip

    def require_own(self, settings: Settings) -> None:
        """Check that the files are the caller's own, and not tables or received files of the installation.

        Tables are learned from by name only, so that consent, contract, role and their own budget decide.

        Raises:
            SettingsError: a file lies in the data folder, among the received files or in the lakehouse.
        """
        inside = [settings.data_dir, settings.landing_dir, settings.secret_dir]
        inside += [] if "://" in settings.lakehouse_root else [Path(settings.lakehouse_root)]
        for path in (self.path, self.events):
            if path is not None and any(Path(path).resolve().is_relative_to(one.resolve()) for one in inside):
                raise SettingsError(
                    f"{Path(path).name} lies in a folder of the installation, so it is no file of your own; name a "
                    "table with `source: gold/customer_demographic` in SPEC instead of --input (docs/synthetic.md)"
                )

    def require_unchanged(self, key: bytes) -> None:
        """Check that the files are those that the model was fitted on.

        Raises:
            SettingsError: a file is missing or has changed.
        """
        path, events = Path(self.path), None if self.events is None else Path(self.events)
        if missing := [one.name for one in (path, events) if one is not None and not one.exists()]:
            raise SettingsError(f"{missing[0]}, on which the model was fitted, is not at its place; put it back there")
        if _content(key, path, events) != self.scope.partition("#")[0]:
            raise SettingsError(f"{path.name} has changed since the model was fitted; fit the model on the new file")


def _content(key: bytes, path: Path, events: Path | None) -> str:
    return "+".join(fingerprint(one, key) for one in (path, events) if one is not None)


class TableForm(Part):
    """Tables of the lakehouse, as a model's folder records them."""

    kind: Literal["table"] = "table"
    request: SyntheticRequest
    scope: str


Form = Annotated[FileForm | TableForm, Field(discriminator="kind")]


class Source(Protocol):
    """Rows that a model may learn from, with their specification and the account that is charged.

    The form's `scope` names the version of the rows: the same specification and scope cost once.
    """

    @property
    def specification(self) -> AnySpecification:
        """The specification of the fit."""
        ...

    @property
    def form(self) -> FileForm | TableForm:
        """The record of the source."""
        ...

    @property
    def account(self) -> BudgetAccount:
        """The account that is charged."""
        ...

    def of_scope(self, scope: str) -> Source:
        """Return the source with another name for the version of its rows."""
        ...

    def read(self) -> Rows:
        """Return the rows."""
        ...

    def size(self) -> tuple[int, int]:
        """Return about how many rows of people and of events there are, without reading them."""
        ...


@dataclass(frozen=True)
class FileSource:
    """One file, or a file of people and a file of their events. The caller may use every row of them."""

    specification: AnySpecification
    form: FileForm

    @property
    def account(self) -> BudgetAccount:
        """The account of the data set's name. A file without a column of persons has the unit `row`."""
        return BudgetAccount(self.form.dataset, self.form.purpose, self.specification.unit or "row")

    def of_scope(self, scope: str) -> FileSource:
        """Return the source with another name for the version of its rows."""
        return replace(self, form=self.form.model_copy(update={"scope": scope}))

    def read(self) -> Rows:
        """Return the rows of the files.

        Raises:
            SettingsError: a file cannot be read, or lacks a column.
        """
        spec, form = self.specification, self.form
        people = read_file(Path(form.path), people_types(spec), form.csv)
        events = None
        if isinstance(spec, EventSpecification):
            events = read_file(Path(form.events or ""), event_types(spec), form.csv)
        count = people.num_rows if spec.unit is None else len(people[spec.unit].unique())
        return Rows(people, events, spec.unit, count, count)

    def size(self) -> tuple[int, int]:
        """Return about how many rows the file of people and the file of events have."""
        form = self.form
        events = 0 if form.events is None else estimate_rows(Path(form.events), form.csv)
        return estimate_rows(Path(form.path), form.csv), events


@dataclass(frozen=True)
class TableSource:
    """Tables of the lakehouse: rows of customers who permit the purpose, in columns whose contract allows it."""

    specification: AnySpecification
    form: TableForm
    lakehouse: Lakehouse
    consent: Callable[[], ConsentView]

    @classmethod
    def of(
        cls, request: SyntheticRequest, scope: str, contracts: Contracts, lakehouse: Lakehouse,
        consent: Callable[[], ConsentView],
    ) -> TableSource:  # fmt: skip
        """Return the source of a request, with the domain that contracts and request state now.

        Raises:
            BadSpecification: a column has no public domain, or may not serve the purpose.
            ReleaseError: the contracts do not allow the request.
            LakehouseError: a table does not exist.
        """
        for table in request.sources:
            lakehouse.require(table)
        specification = specification_of(request, contracts, lakehouse)
        return cls(specification, TableForm(request=request, scope=scope), lakehouse, consent)

    @property
    def account(self) -> BudgetAccount:
        """The account of the customers' table and the purpose."""
        return self.form.request.account(self.specification.unit or "row")

    def of_scope(self, scope: str) -> TableSource:
        """Return the source with another name for the version of its rows."""
        return replace(self, form=self.form.model_copy(update={"scope": scope}))

    def read(self) -> Rows:
        """Return the rows of customers who permit the purpose."""
        return read_rows(self.form.request, self.account.unit, self.lakehouse, self.consent())

    def size(self) -> tuple[int, int]:
        """Return how many rows the tables of customers and of events have."""
        request = self.form.request
        counts = [int(self.lakehouse.select(table, "count(*) AS n")["n"][0].as_py()) for table in request.sources]
        return counts[0], counts[1] if len(counts) > 1 else 0


_TYPES: dict[str, pa.DataType] = {
    "category": pa.string(), "number": pa.float64(), "day": pa.date32(), "moment": pa.timestamp("us"),
    "time": pa.time32("s"),
}  # fmt: skip
"""Types of CSV columns by the kind of their domain."""


def people_types(specification: AnySpecification) -> dict[str, pa.DataType]:
    """Return the columns of people that a fit reads, with their types in a CSV file."""
    spec = specification
    columns: dict[str, ColumnSpec] = spec.people if isinstance(spec, EventSpecification) else spec.columns
    unit = {} if spec.unit is None else {spec.unit: pa.string()}
    return unit | {name: _TYPES[column.kind] for name, column in columns.items()}


def event_types(specification: EventSpecification) -> dict[str, pa.DataType]:
    """Return the columns of events that a fit reads, with their types in a CSV file."""
    spec = specification
    order = {} if spec.order is None else {spec.order: pa.string()}
    further: dict[str, ColumnSpec] = {**spec.numbers, **spec.order_columns}
    fixed = {spec.unit: pa.string(), **order, spec.time: _TYPES["moment"], spec.item: pa.string()}
    return fixed | {name: _TYPES[column.kind] for name, column in further.items()}

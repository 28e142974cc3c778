"""What a release is: a table, the purpose it is given away for, and the specification that must hold."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML

from pipelines.contracts.document import Contract
from pipelines.errors import ReleaseError
from privacy.anonymity.spec import Spec

LAYER = "release"
FOLDER = Path(__file__).parent


class Plan(BaseModel):
    """One release. `name` is the file's, and with LAYER before it the table's."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern="[a-z][a-z0-9_]*")
    source: str
    """Gold table that it is taken from."""
    purpose: str
    """Only customers who permit it are in the release, and only columns that serve it."""
    recipient: str
    spec: Spec

    @property
    def table(self) -> str:
        """The published table."""
        return f"{LAYER}/{self.name}"

    def require(self, contract: Contract) -> str:
        """Return the source's column of customers, once its contract allows the release.

        Raises:
            ReleaseError: the contract lacks a column, a column may not serve the purpose, or names no subject.
        """
        if contract.subject_key is None:
            raise ReleaseError(f"{self.source}: no subjectKey in its contract; a release needs to know whose rows are.")
        columns = {column.name: column for column in contract.columns}
        absent = [name for name in self.spec.columns if name not in columns]
        if absent:
            raise ReleaseError(f"{self.table} names {absent}, and {self.source} has only {sorted(columns)}.")
        barred = [name for name in self.spec.columns if self.purpose not in (columns[name].purposes or ())]
        if barred:
            raise ReleaseError(f"{self.table}: its contract does not let {barred} serve {self.purpose}; leave it out.")
        identifying = [name for name, column in self.spec.columns.items() if name == contract.subject_key]
        if identifying:
            raise ReleaseError(f"{self.table} names {identifying[0]}, the key of its persons; it is never released.")
        return contract.subject_key


def load_plans(folder: Path = FOLDER) -> tuple[Plan, ...]:
    """Return the releases that are declared, by name.

    Raises:
        ReleaseError: a file does not fit; each fault with its place.
    """
    return tuple(_load(path) for path in sorted(folder.glob("*.yaml")))


def _load(path: Path) -> Plan:
    document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise ReleaseError(f"{path.name}: expected source, purpose, recipient and spec.")
    try:
        return Plan.model_validate({"name": path.stem, **document})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ReleaseError(f"{path.name} is no release: {faults}") from error

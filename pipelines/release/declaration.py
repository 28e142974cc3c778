"""What a release is: a table, the purpose it is given away for, and the specification that must hold."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML

from installation.contract.document import Contract
from pipelines.errors import ReleaseError
from pipelines.release import LAYER

if TYPE_CHECKING:
    from privacy.anonymity.spec import Spec

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
    form: Mapping[str, Any] = Field(alias="spec")
    """The specification as written; `spec` reads it."""

    @property
    def table(self) -> str:
        """The published table."""
        return f"{LAYER}/{self.name}"

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that must hold."""
        return tuple(str(model.get("name")) for model in self.form.get("models", ()))

    @cached_property
    def spec(self) -> Spec:
        """The specification. Read when it is used: definitions are loaded without the search.

        Raises:
            ReleaseError: it does not fit; each fault with its place.
        """
        from privacy.anonymity.spec import Spec

        try:
            return Spec.model_validate(self.form)
        except ValidationError as error:
            raise ReleaseError(f"{self.name}.yaml: spec: {_faults(error)}") from error

    def require(self, contract: Contract) -> str:
        """Return the source's column of customers, once its contract allows the release.

        Raises:
            ReleaseError: the contract lacks a column, a column may not serve the purpose, or names no subject.
        """
        if contract.subject_key is None:
            raise ReleaseError(f"{self.source}: no subjectKey in its contract; a release needs to know whose rows are.")
        columns = {column.name: column for column in contract.columns}
        named = tuple(self.form.get("columns", ()))
        absent = [name for name in named if name not in columns]
        if absent:
            raise ReleaseError(f"{self.table} names {absent}, and {self.source} has only {sorted(columns)}.")
        if contract.subject_key in named:
            raise ReleaseError(f"{self.table} names {contract.subject_key}, the key of its persons; never released.")
        barred = [name for name in named if self.purpose not in (columns[name].purposes or ())]
        if barred:
            raise ReleaseError(f"{self.table}: its contract does not let {barred} serve {self.purpose}; leave it out.")
        return contract.subject_key


@cache
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
        raise ReleaseError(f"{path.name} is no release: {_faults(error)}") from error


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())

"""Declarations of releases: one YAML file each, of one `kind`. The file's name is the release's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipelines.errors import ReleaseError
from pipelines.release import LAYER
from privacy.contract.document import Document

if TYPE_CHECKING:
    from privacy.anonymity.spec.specification import Spec
    from privacy.dp.question import Question

FOLDER = Path(__file__).parent / "declared"


class _Release(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern="^[a-z][a-z0-9_]*$")

    @property
    def table(self) -> str:
        """The published table, such as `release/order_by_month`."""
        return f"{LAYER}/{self.name}"


class AnonymousRelease(_Release):
    """A table of rows about customers, published so that every privacy model of its specification holds."""

    kind: Literal["anonymous"]
    source: str
    """Gold table that it is made from."""
    purpose: str
    """Only customers who permit it are in the release, and only columns that serve it."""
    recipient: str
    form: Mapping[str, Any] = Field(alias="spec")
    """The specification as written; `spec` reads it."""

    @field_validator("form")
    @classmethod
    def _lists_columns_and_models(cls, form: Mapping[str, Any]) -> Mapping[str, Any]:
        if not isinstance(form.get("columns", {}), Mapping):
            raise ValueError("expected columns as a mapping of names")
        models = form.get("models", ())
        if not isinstance(models, list | tuple) or not all(isinstance(model, Mapping) for model in models):
            raise ValueError("expected models as a list of mappings, each with a name")
        return form

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the privacy models that must hold."""
        return tuple(str(model.get("name")) for model in self.form.get("models", ()))

    @cached_property
    def spec(self) -> Spec:
        """The specification. It is read when it is used: definitions are loaded without the search.

        Raises:
            ReleaseError: it is not valid; each fault with its place.
        """
        from privacy.anonymity.spec.specification import Spec

        try:
            return Spec.model_validate(self.form)
        except ValidationError as error:
            raise ReleaseError(f"{self.name}.yaml: spec: {_faults(error)}") from error

    def require(self, contract: Document) -> str:
        """Return the source's column of customers, once its contract allows the release.

        Raises:
            ReleaseError: the contract lacks a column, a column may not serve the purpose, or names no subject.
        """
        if contract.subject_key is None:
            raise ReleaseError(f"{self.source}: its contract names no subjectKey, so its persons are unknown; add one.")
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


class StatisticsRelease(_Release):
    """A question under differential privacy that is asked regularly. On unchanged data its answer costs no budget."""

    kind: Literal["statistics"]
    title: str
    form: Mapping[str, Any] = Field(alias="question")
    """The question as written; `question` reads it."""

    @field_validator("form")
    @classmethod
    def _names_its_dataset(cls, form: Mapping[str, Any]) -> Mapping[str, Any]:
        if not {"dataset", "purpose", "rho"} <= form.keys():
            raise ValueError("expected a question with dataset, purpose and rho")
        return form

    @property
    def source(self) -> str:
        """The table that the question is about."""
        return str(self.form["dataset"])

    @property
    def purpose(self) -> str:
        """Only rows of customers who permit it are counted; its budget is charged."""
        return str(self.form["purpose"])

    @cached_property
    def question(self) -> Question:
        """The question. It is read when it is asked: definitions are loaded without the mechanisms.

        Raises:
            BadQuestion: with every fault and its place.
        """
        from privacy.dp.release import read_question

        return read_question(self.form)


Release = AnonymousRelease | StatisticsRelease
_ADAPTER: TypeAdapter[Release] = TypeAdapter(Annotated[Release, Field(discriminator="kind")])


@cache
def load_releases(folder: Path = FOLDER) -> tuple[Release, ...]:
    """Return every declared release, by name.

    Raises:
        ReleaseError: a file is not a valid declaration; each fault with its place.
    """
    return tuple(_load(path) for path in sorted(folder.glob("*.yaml")))


def anonymous_releases(folder: Path = FOLDER) -> tuple[AnonymousRelease, ...]:
    """Return the declared releases of the kind `anonymous`."""
    return tuple(one for one in load_releases(folder) if isinstance(one, AnonymousRelease))


def statistics_releases(folder: Path = FOLDER) -> tuple[StatisticsRelease, ...]:
    """Return the declared releases of the kind `statistics`."""
    return tuple(one for one in load_releases(folder) if isinstance(one, StatisticsRelease))


def _load(path: Path) -> Release:
    try:
        document: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise ReleaseError(f"{path.name}: expected a mapping with a kind: anonymous or statistics.")
        if "name" in document:
            raise ReleaseError(f"{path.name}: the release is named by its file; remove the key `name`.")
        return _ADAPTER.validate_python({**document, "name": path.stem})
    except (YAMLError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{path.name} is not YAML in UTF-8: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise ReleaseError(f"{path.name} is not a valid release: {_faults(error)}") from error


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())

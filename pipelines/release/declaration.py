"""Reads the declarations of releases, one YAML file each. The file's name is the name of the release."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipelines.errors import ReleaseError
from pipelines.release import LAYER
from pipelines.synthetic.request import SyntheticRequest
from privacy.contract.document import Document

if TYPE_CHECKING:
    from features.repo.training_spec import TrainingSpec
    from privacy.anonymity.spec.specification import Spec
    from privacy.dp.question import Question

FOLDER = Path(__file__).parent / "declared"


class _Release(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern="^[a-z][a-z0-9_]*$")

    @property
    def table(self) -> str:
        """Lakehouse name of the published table, such as `release/order_by_month`."""
        return f"{LAYER}/{self.name}"


class AnonymousRelease(_Release):
    """A table of rows about customers, published so that every privacy model of its specification holds."""

    kind: Literal["anonymous"]
    source: str
    """Gold table from which the release is made."""
    purpose: str
    """Purpose of the release. It has only customers who permit the purpose and columns that serve it."""
    recipient: str
    form: Mapping[str, Any] = Field(alias="spec")
    """The specification as written in the YAML file; `spec` is its validated form."""

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
        """The validated specification. It is read at first use, because the import of the anonymity code takes long.

        Raises:
            ReleaseError: it is not valid; the message lists each fault with its place.
        """
        from privacy.anonymity.spec.specification import Spec

        try:
            return Spec.model_validate(self.form)
        except ValidationError as error:
            raise ReleaseError(f"{self.name}.yaml: the spec is not valid; correct {_faults(error)}") from error

    def require(self, contract: Document) -> str:
        """Check that the contract of the source allows the release; return the source's column of customer ids.

        Raises:
            ReleaseError: the contract names no subject key, or a declared column is missing, is the subject key, or
                does not serve the purpose.
        """
        if contract.subject_key is None:
            raise ReleaseError(
                f"{self.source}: its contract names no subjectKey, so its customers are unknown; add one."
            )
        columns = {column.name: column for column in contract.columns}
        named = tuple(self.form.get("columns", ()))
        absent = [name for name in named if name not in columns]
        if absent:
            raise ReleaseError(f"{self.table}: {self.source} has no columns {absent}; choose from {sorted(columns)}.")
        if contract.subject_key in named:
            raise ReleaseError(
                f"{self.table}: {contract.subject_key} identifies customers and is never published; remove it."
            )
        barred = [name for name in named if self.purpose not in (columns[name].purposes or ())]
        if barred:
            raise ReleaseError(
                f"{self.table}: its contract does not allow {barred} for {self.purpose}; remove these columns."
            )
        return contract.subject_key


class StatisticsRelease(_Release):
    """A question that is answered regularly with differential privacy. On unchanged data it costs no budget."""

    kind: Literal["statistics"]
    title: str
    form: Mapping[str, Any] = Field(alias="question")
    """The question as written in the YAML file; `question` is its validated form."""

    @field_validator("form")
    @classmethod
    def _names_its_dataset(cls, form: Mapping[str, Any]) -> Mapping[str, Any]:
        if not {"dataset", "purpose", "rho"} <= form.keys():
            raise ValueError("expected a question with the fields dataset, purpose and rho")
        return form

    @property
    def source(self) -> str:
        """Name of the table that the question is about."""
        return str(self.form["dataset"])

    @property
    def purpose(self) -> str:
        """Purpose of the question: its budget is charged, and only customers who permit it are counted."""
        return str(self.form["purpose"])

    @cached_property
    def question(self) -> Question:
        """The validated question. It is read at first use, because the import of the noise mechanisms takes long.

        Raises:
            BadQuestion: it is not valid; the message lists each fault with its place.
        """
        from privacy.dp.release import read_question

        return read_question(self.form)


class SyntheticRelease(_Release, SyntheticRequest):
    """Synthetic rows of a table of customers, and of their events; published only if the release gate is open.

    rows: number of synthetic rows, of customers if there are events. None: as many as were learned from, with noise.
    attacked: columns that the inference attack tries to tell. target: column that models of the report predict.
    """

    kind: Literal["synthetic"]
    recipient: str
    rows: int | None = Field(default=None, ge=1)
    attacked: tuple[str, ...] = ()
    target: str | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """Lakehouse names of the published tables: of the rows, and of the events if there are any."""
        return (self.table,) if self.events is None else (self.table, f"{self.table}_event")

    @property
    def request(self) -> SyntheticRequest:
        """The request without what concerns the publication; the budget is charged for it."""
        return SyntheticRequest(**{name: getattr(self, name) for name in SyntheticRequest.model_fields})

    @model_validator(mode="after")
    def _names_columns(self) -> SyntheticRelease:
        named = {*self.attacked, *(() if self.target is None else (self.target,))}
        if unknown := sorted(named - self.columns.keys()):
            raise ValueError(f"attacked and target name {unknown}, which are not among the columns")
        return self


class SiteSplit(BaseModel):
    """The sites of one installation: its customers by the values of a column, such as the region they live in."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    table: str
    column: str
    groups: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Values of the column by the name of a site; empty makes one site a value. Other customers are in no site."""

    @model_validator(mode="after")
    def _is_partition(self) -> SiteSplit:
        values = [value for group in self.groups.values() for value in group]
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise ValueError(f"groups name {', '.join(twice)} more than once; each value makes one site")
        return self


class NoiseTerms(BaseModel):
    """Differential privacy per customer of a run: total ρ over all rounds, and the clip of one customer's part."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rho: float = Field(gt=0)
    clip: float = Field(gt=0)
    colluders: int = Field(default=0, ge=0)
    """Sites that may tell the server their own noise; the noise of the others alone is enough."""
    sites_of_customer: int = Field(default=1, ge=1)
    """The most sites that one person is a customer of."""


class ModelRelease(_Release):
    """A model that several sites train together: only sums of their customers leave a site (`pipelines.federated`)."""

    kind: Literal["model"]
    title: str
    purpose: str
    """Purpose of the training. Each round reads only customers who permit it, and features that serve it."""
    form: Mapping[str, Any] = Field(alias="training")
    """The training set as written in the YAML file; `training` is its validated form."""
    sites: SiteSplit
    task: Mapping[str, Any]
    """Name and settings of the task, such as `{task: glm, family: logistic}`; see `federated/task.py`."""
    rounds: int = Field(default=20, ge=1)
    sites_min: int = Field(default=3, ge=1)
    is_secure: bool = Field(default=True, alias="secure")
    """Whether sums are masked, so that the server learns no site's own values."""
    privacy: NoiseTerms | None = None
    held_share: float = Field(default=0.2, ge=0, lt=1)
    """Share of each site's customers that no round trains on; the model is evaluated on them."""

    @cached_property
    def training(self) -> TrainingSpec:
        """The validated training set. It is read at first use.

        Raises:
            ReleaseError: it is not valid; the message lists each fault with its place.
        """
        from features.repo.training_spec import TrainingSpec

        try:
            return TrainingSpec.model_validate(self.form)
        except ValidationError as error:
            raise ReleaseError(f"{self.name}.yaml: the training is not valid; correct {_faults(error)}") from error


Release = AnonymousRelease | StatisticsRelease | SyntheticRelease | ModelRelease
_ADAPTER: TypeAdapter[Release] = TypeAdapter(Annotated[Release, Field(discriminator="kind")])


@cache
def load_releases(folder: Path = FOLDER) -> tuple[Release, ...]:
    """Return every declared release, sorted by name.

    Raises:
        ReleaseError: a file is not a valid declaration; the message lists each fault with its place.
    """
    return tuple(_load(path) for path in sorted(folder.glob("*.yaml")))


def anonymous_releases(folder: Path = FOLDER) -> tuple[AnonymousRelease, ...]:
    """Return the declared releases of the kind `anonymous`."""
    return tuple(one for one in load_releases(folder) if isinstance(one, AnonymousRelease))


def statistics_releases(folder: Path = FOLDER) -> tuple[StatisticsRelease, ...]:
    """Return the declared releases of the kind `statistics`."""
    return tuple(one for one in load_releases(folder) if isinstance(one, StatisticsRelease))


def synthetic_releases(folder: Path = FOLDER) -> tuple[SyntheticRelease, ...]:
    """Return the declared releases of the kind `synthetic`."""
    return tuple(one for one in load_releases(folder) if isinstance(one, SyntheticRelease))


def model_releases(folder: Path = FOLDER) -> tuple[ModelRelease, ...]:
    """Return the declared releases of the kind `model`."""
    return tuple(one for one in load_releases(folder) if isinstance(one, ModelRelease))


def _load(path: Path) -> Release:
    try:
        document: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict):
            raise ReleaseError(
                f"{path.name}: expected a mapping with a kind: anonymous, statistics, synthetic or model."
            )
        if "name" in document:
            raise ReleaseError(f"{path.name}: the release is named by its file; remove the key `name`.")
        return _ADAPTER.validate_python({**document, "name": path.stem})
    except (YAMLError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{path.name} is not YAML in UTF-8: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise ReleaseError(f"{path.name} is not a valid release: {_faults(error)}") from error


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())

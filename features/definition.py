"""The catalog of features: views, features and services, derived from the contracts. It imports no engine.

A table is a feature view if its contract has the property `featureView`. Its columns are the features, except the key,
the event time and columns with `feature: false`. A feature service is a file `*.service.yaml` in a contract folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.errors import UnknownFeatureError, UnknownServiceError
from privacy.contract.collection import SERVICE_PATTERN
from privacy.contract.column import Column
from privacy.contract.document import Document
from privacy.contract.fault import ContractError, Fault
from privacy.contract.spark_type import parse_type
from privacy.contract.vocabulary import load_vocabulary

if TYPE_CHECKING:
    from installation.installation import Installation

ENTITY = "customer_id"
"""Key of every feature view."""
WHOLE_HISTORY = "all"
"""Window of a feature that counts all events up to its event time."""


class FeatureType(StrEnum):
    """Type of a feature's values. A date is a TIMESTAMP at midnight, and a decimal a FLOAT64."""

    INT64 = "int64"
    FLOAT64 = "float64"
    STRING = "string"
    BOOL = "bool"
    TIMESTAMP = "timestamp"
    """An instant in UTC, or a wall time of the shop without zone, as the contract's type says."""
    INT64_LIST = "int64_list"
    FLOAT64_LIST = "float64_list"
    STRING_LIST = "string_list"


_TYPES = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), FeatureType.INT64),
    **dict.fromkeys(("float", "double", "decimal"), FeatureType.FLOAT64),
    **dict.fromkeys(("date", "timestamp", "timestamp_ntz"), FeatureType.TIMESTAMP),
    "string": FeatureType.STRING,
    "boolean": FeatureType.BOOL,
}
_LISTS = {
    FeatureType.INT64: FeatureType.INT64_LIST,
    FeatureType.FLOAT64: FeatureType.FLOAT64_LIST,
    FeatureType.STRING: FeatureType.STRING_LIST,
}


@dataclass(frozen=True)
class Feature:
    """One feature: a column of a feature view.

    `purposes` are those that its contract allows. `freshness_seconds` is the age after which a value is stale and is
    not served; None means no limit. `category` is the data category of its column.
    """

    name: str
    view: str
    type: FeatureType
    definition: str
    window: str | None
    unit: str | None
    owner: str
    purposes: frozenset[str]
    freshness_seconds: int | None
    category: str = ""
    is_wall_time: bool = False
    """Whether a TIMESTAMP is a wall time of the shop without zone, and not an instant in UTC."""

    @property
    def reference(self) -> str:
        """Name of the feature in services and requests: `view:feature`."""
        return f"{self.view}:{self.name}"


@dataclass(frozen=True)
class FeatureView:
    """The features of one table, with one row a customer and event time. The entity is always `customer_id`.

    `event_time` is the column with the moment up to which the values count. If `is_daily`, it is a date and means the
    end of that day.
    """

    name: str
    table: str
    event_time: str
    features: tuple[Feature, ...]
    is_daily: bool = False
    description: str = ""


@dataclass(frozen=True)
class FeatureService:
    """A named list of features, `view:feature`, that is read together for one of its purposes."""

    name: str
    description: str
    features: tuple[str, ...]
    purposes: frozenset[str]


@dataclass(frozen=True)
class FeatureCatalog:
    """All feature views and services of an installation, by name."""

    views: Mapping[str, FeatureView]
    services: Mapping[str, FeatureService]

    @cached_property
    def _features(self) -> dict[str, Feature]:
        return {feature.reference: feature for view in self.views.values() for feature in view.features}

    @cached_property
    def digest(self) -> str:
        """A hash of all declarations, which tells whether they have changed."""
        content = [*map(asdict, self.views.values()), *map(asdict, self.services.values())]
        return hashlib.sha256(json.dumps(content, default=sorted, sort_keys=True).encode()).hexdigest()

    def feature(self, reference: str) -> Feature:
        """Return the feature `view:feature`.

        Raises:
            UnknownFeatureError: there is no such feature; the message names what exists.
        """
        view = reference.partition(":")[0]
        if view not in self.views:
            raise UnknownFeatureError("feature view", view, self.views)
        if reference not in self._features:
            raise UnknownFeatureError("feature", reference, (f.reference for f in self.views[view].features))
        return self._features[reference]

    def view(self, name: str) -> FeatureView:
        """Return the feature view of that name.

        Raises:
            UnknownFeatureError: there is no such view; the message names what exists.
        """
        if name not in self.views:
            raise UnknownFeatureError("feature view", name, self.views)
        return self.views[name]

    def service(self, name: str) -> FeatureService:
        """Return the feature service of that name.

        Raises:
            UnknownServiceError: there is no such service; the message names what exists.
        """
        if name not in self.services:
            raise UnknownServiceError(name, self.services)
        return self.services[name]


class _ServiceFile(BaseModel):
    """Content of a file `*.service.yaml`. `features` lists the features by view."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    description: str = Field(min_length=1)
    purposes: tuple[str, ...] = Field(min_length=1)
    features: dict[str, tuple[str, ...]] = Field(min_length=1)


def read_catalog(installation: Installation) -> FeatureCatalog:
    """Return the catalog of an installation, from its contracts and the services in its contract folders.

    Raises:
        ContractError: with every fault of a feature view or a service, each with its file and line.
    """
    return build_catalog(installation.contracts.values(), installation.settings.contract_dirs)


def build_catalog(contracts: Iterable[Document], folders: Iterable[Path]) -> FeatureCatalog:
    """Return the catalog of these contracts and of the services in these folders.

    Raises:
        ContractError: with every fault of a feature view or a service, each with its file and line.
    """
    faults: list[Fault] = []
    marked = [contract for contract in contracts if contract.feature_view]
    views: dict[str, FeatureView] = {}
    for contract in marked:
        if contract.name in views:
            faults.append(Fault(contract.path, 1, f"Feature view {contract.name!r} is declared in two layers"))
        views[contract.name] = _read_view(contract, faults)
    catalog = FeatureCatalog(views, {})
    services: dict[str, FeatureService] = {}
    for path in (path for folder in folders for path in sorted(folder.glob(SERVICE_PATTERN))):
        service = _read_service(path, faults)
        if service is None:
            continue
        if service.name in services:
            faults.append(Fault(path, 1, f"Feature service {service.name!r} is declared twice", hint="remove one file"))
        faults += _service_faults(service, catalog, path)
        services[service.name] = service
    if faults:
        raise ContractError(faults)
    return FeatureCatalog(views, services)


def _read_view(contract: Document, faults: list[Fault]) -> FeatureView:
    names = {column.name: column for column in contract.columns}
    event_time = str(contract.feature_view.get("eventTime"))
    clock = names.get(event_time)
    if clock is None or clock.logical_type not in ("date", "timestamp"):
        faults.append(Fault(contract.path, 1, f"featureView of {contract.id}: eventTime is no time column", event_time))
    if contract.primary_key not in ((ENTITY,), (ENTITY, event_time)) or contract.subject_key != ENTITY:
        message = f"{contract.id} cannot be a feature view"
        expected = f"subjectKey {ENTITY}, and the primary key {ENTITY} or {ENTITY}, {event_time}"
        faults.append(Fault(contract.path, 1, message, ", ".join(contract.primary_key), expected))
    limit = contract.feature_view.get("freshnessHours")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float) or limit <= 0):
        faults.append(Fault(contract.path, 1, f"featureView of {contract.id}: freshnessHours", repr(limit), "above 0"))
        limit = None
    chosen = [c for c in contract.columns if c.is_feature and c.name not in (ENTITY, event_time)]
    features = tuple(_read_feature(column, contract, limit, faults) for column in chosen)
    is_daily = clock is not None and clock.logical_type == "date"
    return FeatureView(contract.name, contract.table, event_time, features, is_daily, contract.description)


def _read_feature(column: Column, contract: Document, limit: float | None, faults: list[Fault]) -> Feature:
    kind = _feature_type(column.spark_type)
    if kind is None or column.is_confidential:
        got = "a direct identifier" if column.is_confidential else column.spark_type
        hint = "mark the column with feature: false"
        faults.append(Fault(contract.path, column.line, f"Column {column.name!r} cannot be a feature", got, hint=hint))
    hours = limit if column.freshness_hours is None else column.freshness_hours
    return Feature(
        name=column.name,
        view=contract.name,
        type=kind or FeatureType.STRING,
        definition=column.description,
        window=column.window or contract.feature_view.get("window", WHOLE_HISTORY),
        unit=column.unit,
        owner=contract.owner,
        purposes=frozenset(column.purposes),
        freshness_seconds=None if hours is None else round(hours * 3600),
        category=column.category,
        is_wall_time=column.spark_type in ("date", "timestamp_ntz"),
    )


def _feature_type(spark_type: str) -> FeatureType | None:
    parsed = parse_type(spark_type)
    if parsed.name == "array":
        inner = _TYPES.get(parsed.inner[0].name)
        return _LISTS.get(inner) if inner else None
    return _TYPES.get(parsed.name)


def _read_service(path: Path, faults: list[Fault]) -> FeatureService | None:
    try:
        content = _ServiceFile.model_validate(yaml.safe_load(path.read_bytes()))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        faults.append(Fault(path, mark.line + 1 if mark else 1, "Not valid YAML", expected="a feature service"))
        return None
    except ValidationError as error:
        for fault in error.errors():
            place = ".".join(map(str, fault["loc"]))
            faults.append(Fault(path, 1, f"Feature service: {place or 'the file'}: {fault['msg']}"))
        return None
    chosen = tuple(f"{view}:{name}" for view, names in content.features.items() for name in names)
    return FeatureService(content.name, content.description, chosen, frozenset(content.purposes))


def _service_faults(service: FeatureService, catalog: FeatureCatalog, path: Path) -> Iterator[Fault]:
    """Yield a fault for each unknown purpose or feature, and for each feature that none of the purposes may use."""
    known = load_vocabulary().terms("purposes")
    about = f"Feature service {service.name!r}"
    for purpose in sorted(service.purposes - set(known)):
        yield Fault(path, 1, f"{about}: unknown purpose", purpose, f"one of {', '.join(known)}")
    for reference in service.features:
        try:
            feature = catalog.feature(reference)
        except UnknownFeatureError as error:
            yield Fault(path, 1, f"{about}: {error.message}")
            continue
        if not service.purposes & feature.purposes:
            allowed = ", ".join(sorted(feature.purposes))
            yield Fault(path, 1, f"{about}: no purpose may use {reference}", expected=f"one of its purposes: {allowed}")

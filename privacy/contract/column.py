"""One column of a contract."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, TypeAlias, cast

from open_data_contract_standard.model import SchemaProperty

from privacy.contract.custom import read_custom
from privacy.contract.spark_type import parse_type
from privacy.contract.text import Place, Source

Bound: TypeAlias = int | float | date | datetime
IdentifierRole: TypeAlias = Literal["direct", "quasi", "sensitive", "none"]

# What a column without physicalType becomes, and the Spark types that each logical type may be stored as.
SPARK_TYPES: dict[str, tuple[str, ...]] = {
    "string": ("string",),
    "integer": ("bigint", "int", "smallint", "tinyint"),
    "number": ("double", "float", "decimal"),
    "boolean": ("boolean",),
    "date": ("date",),
    "timestamp": ("timestamp_ntz", "timestamp"),
    "array": ("array",),
    "object": ("struct",),
    "map": ("map",),
}
_TEXT_OPTIONS = ("minLength", "maxLength", "pattern")
_OPTIONS: dict[str, tuple[str, ...]] = {
    "string": _TEXT_OPTIONS,
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "date": ("minimum", "maximum", "format"),
    "timestamp": ("minimum", "maximum", "format"),
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "date": (str,),
    "timestamp": (str,),
}


@dataclass(frozen=True)
class Standardise:
    """The standard form that silver carries; only the rule `unit` has options (see `unitOptions`)."""

    rule: str
    options: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Impute:
    """How silver fills a null: `method` constant (with `value`), median or mode."""

    method: str
    value: str | float | bool | None = None


@dataclass(frozen=True)
class Column:
    """One column as its contract declares it; `header` and `synonyms` are its names in a landed file."""

    name: str
    header: str
    logical_type: str
    spark_type: str
    category: str
    role: IdentifierRole = "none"
    synonyms: tuple[str, ...] = ()
    required: bool = False
    unique: bool = False
    primary_key: bool = False
    partitioned: bool = False
    minimum: Bound | None = None
    maximum: Bound | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    date_format: str | None = None
    enum: tuple[str | int | float | bool, ...] | None = None
    purposes: tuple[str, ...] = ()
    token: str | None = None
    standardise: Standardise | None = None
    impute: Impute | None = None
    touchpoint_role: str | None = None
    references: tuple[str, ...] = ()
    quality: tuple[Mapping[str, Any], ...] = ()
    description: str = ""
    is_guess: bool = False
    narrows_purposes: bool = False
    line: int = 1

    @property
    def headers(self) -> tuple[str, ...]:
        """Every name that a landed file may use for the column, the usual one first."""
        return (self.header, *self.synonyms)

    @property
    def token_name(self) -> str | None:
        """Name of the matching key's column in bronze, or None."""
        return f"{self.name}_token" if self.token else None


def read_column(
    entry: SchemaProperty, place: Place, table_purposes: tuple[str, ...], source: Source
) -> Column | None:
    """Read one property of the schema; None when a fault makes it unusable."""
    before = len(source.faults)
    if not entry.name:
        source.report(place, "A column has no name")
        return None
    custom = read_custom(entry.customProperties, place, "columnProperties", source)
    logical_type = entry.logicalType or ""
    spark_type = _spark_type(entry, logical_type, place, source)
    options = _options(entry, logical_type, place, source)
    bounds = (*place, "logicalTypeOptions")
    column = Column(
        name=entry.name,
        header=entry.physicalName or entry.name,
        logical_type=logical_type,
        spark_type=spark_type,
        category=custom.get("dataCategory", ""),
        role=cast(IdentifierRole, custom.get("identifierRole", "none")),
        synonyms=tuple(item.synonym or "" for item in entry.synonyms or ()),
        required=bool(entry.required) or bool(entry.primaryKey),
        unique=bool(entry.unique),
        primary_key=bool(entry.primaryKey),
        partitioned=bool(entry.partitioned),
        minimum=_bound(options, "minimum", logical_type, bounds, source),
        maximum=_bound(options, "maximum", logical_type, bounds, source),
        min_length=options.get("minLength"),
        max_length=options.get("maxLength"),
        pattern=options.get("pattern"),
        date_format=options.get("format"),
        enum=_enum(entry, logical_type, place, source),
        purposes=tuple(custom.get("purpose", table_purposes)),
        narrows_purposes="purpose" in custom,
        token=custom.get("token"),
        standardise=_standardise(custom.get("standardise")),
        impute=_impute(custom.get("impute"), place, source),
        touchpoint_role=custom.get("touchpointRole"),
        references=_references(entry, place, source),
        quality=tuple(item.model_dump(exclude_none=True) for item in entry.quality or ()),
        description=" ".join((entry.description or "").split()),
        is_guess=custom.get("guess", False),
        line=source.line(place),
    )
    return column if len(source.faults) == before else None


def _spark_type(entry: SchemaProperty, logical_type: str, place: Place, source: Source) -> str:
    allowed = SPARK_TYPES.get(logical_type)
    if allowed is None:
        source.report(
            (*place, "logicalType"),
            f"Column {entry.name!r} has no usable logicalType",
            got=repr(entry.logicalType),
            expected=f"one of {', '.join(SPARK_TYPES)}",
        )
        return ""
    spark_type = (entry.physicalType or allowed[0]).lower().replace(", ", ",")
    where = (*place, "physicalType")
    try:
        name = parse_type(spark_type).name
    except ValueError as error:
        source.report(
            where,
            f"Column {entry.name!r} has an unknown physicalType",
            got=f"{entry.physicalType!r}: {error}",
            expected=f"a Spark SQL type for {logical_type}: {' or '.join(allowed)}",
        )
        return ""
    if name not in allowed:
        source.report(
            where,
            f"Column {entry.name!r}: physicalType does not fit logicalType",
            got=f"{spark_type} for {logical_type}",
            expected=" or ".join(allowed),
        )
    return spark_type


def _options(entry: SchemaProperty, logical_type: str, place: Place, source: Source) -> dict[str, Any]:
    known = _OPTIONS.get(logical_type, ())
    options = entry.logicalTypeOptions or {}
    where = (*place, "logicalTypeOptions")
    for key, value in options.items():
        about = f"Column {entry.name!r}: option {key!r}"
        if key not in known:
            expected = f"one of {', '.join(known)}" if known else "no options"
            hint = "state the rule under quality instead"
            source.report(
                (*where, key), f"{about} is not enforced for {logical_type}", expected=expected, hint=hint
            )
        elif key in ("minLength", "maxLength") and (not isinstance(value, int) or isinstance(value, bool)):
            source.report((*where, key), f"{about} is not a whole number", got=repr(value))
        elif key in ("pattern", "format") and not isinstance(value, str):
            source.report((*where, key), f"{about} is not a text", got=repr(value), hint="quote it")
    _check_pattern(options.get("pattern"), (*where, "pattern"), source)
    return options


def _check_pattern(pattern: Any, place: Place, source: Source) -> None:
    if not isinstance(pattern, str):
        return
    try:
        re.compile(pattern)
    except re.error as error:
        source.report(place, "The pattern is no regular expression", got=f"{pattern!r}: {error}")


def _bound(
    options: Mapping[str, Any], key: str, logical_type: str, place: Place, source: Source
) -> Bound | None:
    value = options.get(key)
    if value is None:
        return None
    place = (*place, key)
    try:
        if logical_type == "date" and isinstance(value, str):
            return date.fromisoformat(value)
        if logical_type == "timestamp" and isinstance(value, str):
            return datetime.fromisoformat(value)
    except ValueError:
        source.report(place, f"The {key} is no date", got=repr(value), expected=f"an ISO {logical_type}")
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if logical_type in ("integer", "number") and is_number:
        return cast(Bound, value)
    hint = "quote dates" if isinstance(value, date) else ""
    source.report(
        place,
        f"The {key} has a wrong type",
        got=repr(value),
        expected=f"a value for {logical_type}",
        hint=hint,
    )
    return None


def _enum(
    entry: SchemaProperty, logical_type: str, place: Place, source: Source
) -> tuple[str | int | float | bool, ...] | None:
    if entry.enum is None:
        return None
    allowed = _PYTHON_TYPES.get(logical_type, ())
    for index, item in enumerate(entry.enum):
        is_stray_boolean = isinstance(item.value, bool) and bool not in allowed
        if not isinstance(item.value, allowed) or is_stray_boolean:
            source.report(
                (*place, "enum", index, "value"),
                f"Column {entry.name!r}: an enum value has a wrong type",
                got=repr(item.value),
                expected=logical_type,
                hint="quote it" if allowed == (str,) else "",
            )
    return tuple(cast(str, item.value) for item in entry.enum)


def _standardise(value: Any) -> Standardise | None:
    if value is None or isinstance(value, str):
        return Standardise(value) if value else None
    return Standardise(value["rule"], {key: item for key, item in value.items() if key != "rule"})


def _impute(value: Any, place: Place, source: Source) -> Impute | None:
    if value is None:
        return None
    if (value["method"] == "constant") != ("value" in value):
        expected = "value with method constant, and only with it"
        source.report(place, "Property 'impute' is incomplete", got=str(value), expected=expected)
    return Impute(value["method"], value.get("value"))


def _references(entry: SchemaProperty, place: Place, source: Source) -> tuple[str, ...]:
    targets: list[str] = []
    for index, relationship in enumerate(entry.relationships or ()):
        if isinstance(relationship.to, str):
            targets.append(relationship.to)
        else:
            source.report(
                (*place, "relationships", index),
                f"Column {entry.name!r}: a relationship does not point at one column",
                got=repr(relationship.to),
                expected="layer.table.column",
            )
    return tuple(targets)

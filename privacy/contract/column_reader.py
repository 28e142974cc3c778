"""Reads one column (a property of the ODCS schema) of a contract."""

from __future__ import annotations

from typing import Any, cast

from open_data_contract_standard.model import SchemaProperty

from privacy.contract.column import Column, IdentifierRole, Impute, NumberFormat, Standardise
from privacy.contract.column_domain import read_bound, read_enum, read_options, read_spark_type
from privacy.contract.custom_property import read_custom
from privacy.contract.spelling import read_spellings
from privacy.contract.yaml_source import Source, YamlPath


def read_column(
    entry: SchemaProperty, place: YamlPath, table_purposes: tuple[str, ...], source: Source
) -> Column | None:
    """Return one column; None when it has no name. Faults are reported to `source`, and faulty parts are left out."""
    if not entry.name:
        source.report(place, "A column has no name", hint="add a name")
        return None
    custom = read_custom(entry.customProperties, place, "columnProperties", source)
    logical_type = entry.logicalType or ""
    spark_type = read_spark_type(entry, logical_type, place, source)
    options = read_options(entry, logical_type, place, source)
    bounds = (*place, "logicalTypeOptions")
    enum = read_enum(entry, logical_type, place, source)
    return Column(
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
        minimum=read_bound(options, "minimum", logical_type, bounds, source),
        maximum=read_bound(options, "maximum", logical_type, bounds, source),
        min_length=options.get("minLength"),
        max_length=options.get("maxLength"),
        pattern=options.get("pattern"),
        date_format=options.get("format"),
        has_zone=bool(options.get("timezone", False)),
        time_zone=options.get("defaultTimezone"),
        time_unit=custom.get("timeUnit"),
        year_pivot=custom.get("yearPivot"),
        number_format=_number_format(custom.get("numberFormat")),
        unit=custom.get("unit"),
        spellings=read_spellings(custom.get("spellings"), enum or ()),
        absent_value=custom.get("absentValue"),
        enum=enum,
        purposes=tuple(custom.get("purpose", table_purposes)),
        narrows_purposes="purpose" in custom,
        token=custom.get("token"),
        standardise=_standardise(custom.get("standardise")),
        impute=_impute(custom.get("impute"), place, source),
        touchpoint_role=custom.get("touchpointRole"),
        hides_text=custom.get("encrypted", False),
        quality=tuple(item.model_dump(exclude_none=True) for item in entry.quality or ()),
        description=" ".join((entry.description or "").split()),
        is_feature=custom.get("feature", True),
        window=custom.get("window"),
        freshness_hours=custom.get("freshnessHours"),
        is_guess=custom.get("guess", False),
        line=source.line(place),
    )


def _standardise(value: Any) -> Standardise | None:
    if value is None or isinstance(value, str):
        return Standardise(value) if value else None
    return Standardise(value["rule"], {key: item for key, item in value.items() if key != "rule"})


def _number_format(value: Any) -> NumberFormat | None:
    if value is None:
        return None
    return NumberFormat(
        decimal=value.get("decimal", "."),
        thousands=value.get("thousands", ""),
        currency=tuple(value.get("currency", ())),
        negative=tuple(value.get("negative", ())),
        percent=value.get("percent", False),
    )


def _impute(value: Any, place: YamlPath, source: Source) -> Impute | None:
    if value is None:
        return None
    if (value["method"] == "constant") != ("value" in value):
        expected = "a value with method constant, and no value with other methods"
        source.report(place, "Property 'impute' is incomplete", got=str(value), expected=expected)
    return Impute(value["method"], value.get("value"))

"""Rules for one contract about touchpoints, standard forms, imputation and quality settings."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.contracts.basic_rules import CheckedContract, Rule
from privacy.consent.errors import ConsentError
from privacy.consent.purpose import built_in_taxonomy
from privacy.consent.signal.collection_rules import read_rules
from privacy.contract.document import Document
from privacy.contract.fault import Fault
from privacy.contract.yaml_source import Source

_NUMERIC = ("integer", "number")
# Logical types that a column of each role may have. Roles that are not listed allow any type.
_ROLE_TYPES = {
    "event_time": ("timestamp", "date"),
    "amount": _NUMERIC,
    "quantity": _NUMERIC,
    "dwell_seconds": _NUMERIC,
    "rating": _NUMERIC,
}


def check_event_rules(document: Document, source: Source) -> list[Fault]:
    """Return every violation of this module's rules by one contract."""
    checked = CheckedContract(document, source)
    return [fault for rule in EVENT_RULES for fault in rule(checked)]


def _touchpoint_is_complete(checked: CheckedContract) -> Iterator[Fault]:
    document = checked.document
    touchpoint = document.touchpoint
    if touchpoint is None:
        for column in document.columns:
            if column.touchpoint_role:
                hint = "add touchpoint: {channel: web, eventType: click} to the table"
                message = f"Column {column.name!r} has a touchpointRole but the table declares no touchpoint"
                yield checked.fault(message, column=column, got=column.touchpoint_role, hint=hint)
        return
    has_time = "event_time" in touchpoint.columns
    has_channel = touchpoint.channel is not None or "channel" in touchpoint.columns
    has_type = touchpoint.event_type is not None or "event_type" in touchpoint.columns
    has_id = bool(document.primary_key) or "event_id" in touchpoint.columns
    wanted = {
        "a column with touchpointRole event_time": has_time,
        "channel in touchpoint, or a column with touchpointRole channel": has_channel,
        "eventType in touchpoint, or a column with touchpointRole event_type": has_type,
        "a primary key or a column with touchpointRole event_id": has_id,
        "subjectKey": document.subject_key is not None,
    }
    for what, is_there in wanted.items():
        if not is_there:
            yield checked.fault_at("touchpoint", "The touchpoint is incomplete", expected=what, hint="add it")


def _touchpoint_roles_fit(checked: CheckedContract) -> Iterator[Fault]:
    seen: set[str] = set()
    for column in checked.document.columns:
        role = column.touchpoint_role
        if role is None:
            continue
        if role in seen:
            message = f"More than one column has touchpointRole {role!r}"
            yield checked.fault(message, column=column, hint="keep it on one column")
        seen.add(role)
        types = _ROLE_TYPES.get(role)
        if types and column.logical_type and column.logical_type not in types:
            message = f"Column {column.name!r} has the wrong type for touchpointRole {role}"
            yield checked.fault(message, column=column, got=column.logical_type, expected=" or ".join(types))


def _standardise_rule_fits(checked: CheckedContract) -> Iterator[Fault]:
    for column in checked.document.columns:
        if column.standardise is None or not column.logical_type:
            continue
        types = _NUMERIC if column.standardise.rule == "unit" else ("string",)
        if column.logical_type not in types:
            message = f"Column {column.name!r} has the wrong type for the standard form {column.standardise.rule!r}"
            yield checked.fault(message, column=column, got=column.logical_type, expected=" or ".join(types))


def _imputation_fits(checked: CheckedContract) -> Iterator[Fault]:
    for column in checked.document.columns:
        if column.impute is None:
            continue
        if column.impute.method == "median" and column.logical_type not in _NUMERIC:
            message = f"Column {column.name!r} is not numeric, so its nulls cannot be imputed by the median"
            yield checked.fault(message, column=column, got=column.logical_type, expected="integer or number")
        if column.required:
            message = f"Column {column.name!r} is required, so it has no nulls to impute"
            yield checked.fault(message, column=column, hint="remove impute or required")
        value = column.impute.value
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and is_number != (column.logical_type in _NUMERIC):
            message = f"The impute value of column {column.name!r} has the wrong type"
            yield checked.fault(message, column=column, got=repr(value), expected=column.logical_type)


def _settings_name_columns(checked: CheckedContract) -> Iterator[Fault]:
    types = {column.name: column.logical_type for column in checked.document.columns}
    for name in checked.document.outlier_columns:
        if types.get(name) not in _NUMERIC:
            got = f"{name}: {types.get(name, 'no such column')}"
            message = "outlierColumns names a column that is not numeric"
            yield checked.fault_at("outlierColumns", message, got=got, expected="columns of integer or number")
    for name, severity in checked.document.check_severity.items():
        if severity not in ("error", "warning"):
            got = f"{name}: {severity}"
            yield checked.fault_at("checkSeverity", "Unknown severity of a check", got=got, expected="error or warning")
    for name, value in checked.document.volume.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            message, expected = "A volume setting is not a number", "a number of rows or a percentage, at least 0"
            yield checked.fault_at("volume", message, got=f"{name}: {value!r}", expected=expected)


def _collection_is_a_policy(checked: CheckedContract) -> Iterator[Fault]:
    stated = {name: value for name, value in checked.document.collection.items() if name != "protocol"}
    if not stated:
        return
    try:
        read_rules(stated, built_in_taxonomy())
    except ConsentError as error:
        yield checked.fault_at("collection", "The policy of the collection has a fault", got=error.message)


EVENT_RULES: tuple[Rule, ...] = (
    _touchpoint_is_complete,
    _touchpoint_roles_fit,
    _standardise_rule_fits,
    _imputation_fits,
    _settings_name_columns,
    _collection_is_a_policy,
)

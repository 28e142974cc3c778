"""Validates a contract against the models of the ODCS package. A key unknown to the standard is a fault."""

from __future__ import annotations

import types
import typing
from functools import cache
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import BaseModel, ValidationError

from privacy.contract.custom_property import suggest
from privacy.contract.yaml_source import Source, YamlPath


def parse_standard(source: Source) -> OpenDataContractStandard | None:
    """Return the contract as the package's model. None after a fault: unknown keys and wrong types are reported."""
    before = len(source.faults)
    _report_unknown_keys(source.content, OpenDataContractStandard, (), source)
    if len(source.faults) > before:
        return None
    try:
        return OpenDataContractStandard.model_validate(source.content)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False):
            source.report(_place(source, fault["loc"]), _sentence(fault["msg"]), got=repr(fault["input"])[:80])
        return None


def _report_unknown_keys(value: Any, model: type[BaseModel], place: YamlPath, source: Source) -> None:
    if not isinstance(value, dict):
        return
    fields = _fields(model)
    for key, item in value.items():
        if key not in fields:
            source.report(
                (*place, key),
                f"Unknown key {key!r}",
                expected=f"a key of ODCS {_kind(model)}",
                hint=suggest(key, fields) or "remove it, or use customProperties",
            )
            continue
        nested = fields[key]
        if nested is None:
            continue
        if isinstance(item, list):
            for index, element in enumerate(item):
                _report_unknown_keys(element, nested, (*place, key, index), source)
        else:
            _report_unknown_keys(item, nested, (*place, key), source)


@cache
def _fields(model: type[BaseModel]) -> dict[str, type[BaseModel] | None]:
    return {field.alias or name: _model_in(field.annotation) for name, field in model.model_fields.items()}


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (types.UnionType, typing.Union, list):
        for argument in typing.get_args(annotation):
            found = _model_in(argument)
            if found is not None:
                return found
    return None


def _kind(model: type[BaseModel]) -> str:
    return "document" if model is OpenDataContractStandard else model.__name__


def _place(source: Source, location: tuple[int | str, ...]) -> YamlPath:
    """Return pydantic's location without the parts that name a branch of a union and are not in the file."""
    place: YamlPath = ()
    for part in location:
        if (*place, part) in source.lines:
            place = (*place, part)
    return place


def _sentence(text: str) -> str:
    return text.replace("Input should be", "Value should be")

"""Defines the checks as expectations of Great Expectations. Import it through `gx_import`.

Great Expectations schedules, evaluates and reports them like its built-in ones. They differ in one point: they take
their figures from the shared pass (`gx_metric`) instead of running a query each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from great_expectations.compatibility.pydantic import Field
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies
from typing_extensions import override

from pipelines.quality import gx_metric
from pipelines.quality.check import Range


class _SharedPassExpectation(BatchExpectation, ABC):
    """Base of the expectations: `metrics()` names the figures that it needs, `judge()` compares them with the rule."""

    column: str | None = None

    domain_keys: ClassVar[tuple[str, ...]] = ("row_condition", "condition_parser")
    metric_dependencies: ClassVar[tuple[str, ...]] = ()

    @classmethod
    @override
    def is_abstract(cls) -> bool:
        return bool(getattr(cls, "__abstractmethods__", None)) or cls.__name__.startswith("_")

    @override
    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: Any = None
    ) -> ValidationDependencies:
        dependencies = super().get_validation_dependencies(execution_engine, runtime_configuration)
        for name, configuration in self.metrics({"batch_id": self.batch_id}).items():
            dependencies.set_metric_configuration(name, configuration)
        return dependencies

    @override
    def _validate(
        self, metrics: dict[str, Any], runtime_configuration: Any = None, execution_engine: Any = None
    ) -> dict[str, Any]:
        return self.judge(metrics)

    @abstractmethod
    def metrics(self, domain: dict[str, Any]) -> dict[str, MetricConfiguration]:
        """Return the metrics that the expectation needs, by the name under which `judge` receives their values."""

    @abstractmethod
    def judge(self, metrics: dict[str, Any]) -> dict[str, Any]:
        """Return a dict with `success` and `result` in Great Expectations' format, from the metrics' values."""


def _counted(unexpected: int, elements: int, max_percent: float) -> dict[str, Any]:
    percent = 100.0 * unexpected / elements if elements else 0.0
    result = {
        "element_count": elements,
        "unexpected_count": unexpected,
        "unexpected_percent": percent,
        "partial_unexpected_list": [],
    }
    return {"success": percent <= max_percent, "result": result}


class ExpectRowsToKeepRule(_SharedPassExpectation):
    """At most `max_percent` of the rows in scope (`element`) are bad (`violation`); both are SQL conditions."""

    violation: str
    element: str = "true"
    max_percent: float = 0.0

    @override
    def metrics(self, domain: dict[str, Any]) -> dict[str, MetricConfiguration]:
        return {
            "unexpected": gx_metric.aggregate(domain, f"count_if(({self.element}) and ({self.violation}))"),
            "elements": gx_metric.aggregate(domain, f"count_if({self.element})"),
        }

    @override
    def judge(self, metrics: dict[str, Any]) -> dict[str, Any]:
        return _counted(metrics["unexpected"], metrics["elements"], self.max_percent)


class ExpectKeyToBeUnique(_SharedPassExpectation):
    """At most `max_percent` of the rows repeat the key of another row."""

    columns: list[str]
    max_percent: float = 0.0
    one_in: int = 1

    @override
    def metrics(self, domain: dict[str, Any]) -> dict[str, MetricConfiguration]:
        return {
            "unexpected": gx_metric.duplicates(domain, self.columns, self.one_in),
            "elements": gx_metric.aggregate(domain, gx_metric.elements_of_key(self.columns, self.one_in)),
        }

    @override
    def judge(self, metrics: dict[str, Any]) -> dict[str, Any]:
        return _counted(metrics["unexpected"], metrics["elements"], self.max_percent)


class ExpectFewOutliers(_SharedPassExpectation):
    """At most `max_percent` of the values are outliers (Tukey's fences); the result contains the limits."""

    column: str
    max_percent: float
    spread: float = 3.0

    @override
    def metrics(self, domain: dict[str, Any]) -> dict[str, MetricConfiguration]:
        return {
            "unexpected": gx_metric.outliers(domain, self.column, self.spread),
            "elements": gx_metric.aggregate(domain, gx_metric.elements_of_key([self.column])),
            "quartiles": gx_metric.aggregate(domain, gx_metric.quartiles_of(self.column)),
        }

    @override
    def judge(self, metrics: dict[str, Any]) -> dict[str, Any]:
        judged = _counted(metrics["unexpected"], metrics["elements"], self.max_percent)
        limits = gx_metric.fences(metrics["quartiles"], self.spread)
        judged["result"]["details"] = {"fences": list(limits) if limits else None}
        return judged


class ExpectReferencesToExist(_SharedPassExpectation):
    """At most `max_percent` of the rows refer to a row that the parent table does not have."""

    columns: list[str]
    parent: str
    parent_columns: list[str]
    max_percent: float = 0.0

    @override
    def metrics(self, domain: dict[str, Any]) -> dict[str, MetricConfiguration]:
        return {"orphans": gx_metric.orphans(domain, self.columns, self.parent, self.parent_columns)}

    @override
    def judge(self, metrics: dict[str, Any]) -> dict[str, Any]:
        unexpected, elements = metrics["orphans"]
        return _counted(unexpected, elements, self.max_percent)


class _RangeExpectation(_SharedPassExpectation):
    """Base of the expectations that one value lies within a range."""

    within: dict[str, Any]

    @override
    def judge(self, metrics: dict[str, Any]) -> dict[str, Any]:
        value = metrics["value"]
        return {"success": Range(**self.within).admits(value), "result": {"observed_value": value}}


class ExpectMeasureToBeWithin(_RangeExpectation):
    """A SQL aggregate over the table lies within a range."""

    measure: str

    @override
    def metrics(self, domain: dict[str, Any]) -> dict[str, MetricConfiguration]:
        return {"value": gx_metric.aggregate(domain, self.measure)}


class ExpectQueryToReturnWithin(_RangeExpectation):
    """The single value that a SQL query returns lies within a range."""

    query: str

    @override
    def metrics(self, domain: dict[str, Any]) -> dict[str, MetricConfiguration]:
        return {"value": gx_metric.query(domain, self.query)}


class ExpectSchemaToMatchContract(_SharedPassExpectation):
    """The table has the contract's columns with their types, and no others except the optional ones."""

    types: dict[str, str]
    optional: list[str] = Field(default_factory=list)

    @override
    def metrics(self, domain: dict[str, Any]) -> dict[str, MetricConfiguration]:
        return {"types": gx_metric.types(domain)}

    @override
    def judge(self, metrics: dict[str, Any]) -> dict[str, Any]:
        actual: dict[str, str] = metrics["types"]
        faults = [f"{name} is missing" for name in self.types if name not in actual]
        faults += [
            f"{name} is {actual[name]}, expected {wanted}"
            for name, wanted in self.types.items()
            if name in actual and actual[name] != wanted
        ]
        known = set(self.types) | set(self.optional)
        faults += [f"{name} is not in the contract" for name in actual if name not in known]
        return {
            "success": not faults,
            "result": {"observed_value": "; ".join(faults) or f"{len(actual)} columns"},
        }

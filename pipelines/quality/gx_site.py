"""Pages of Data Docs: Great Expectations' renderers with templates of our own. Import this late.

Its site builder is not used: it copies every result through stores and schemas several times, which takes
longer than the checks themselves, and only logs a page that it could not make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from great_expectations import ExpectationSuite
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.render.renderer.page_renderer import (
    ExpectationSuitePageRenderer,
    ValidationResultsPageRenderer,
)
from great_expectations.render.renderer.site_index_page_renderer import SiteIndexPageRenderer
from great_expectations.render.view.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, PackageLoader

from pipelines.quality import gx_expectation  # noqa: F401  registers our expectations with their renderers

VALIDATIONS, SUITES = "validations", "expectations"


class _PageView(DefaultJinjaPageView):
    """A page from our templates, with Great Expectations' own for the parts."""

    def __init__(self) -> None:
        super().__init__()
        theirs = self.env.loader
        assert theirs is not None
        self.env.loader = ChoiceLoader([PackageLoader("pipelines.quality", "site"), theirs])


class _IndexView(_PageView):
    _template = "index_page.j2"


class PageWriter:
    """Makes the pages; keeps the compiled templates between them."""

    def __init__(self) -> None:
        self._view = _PageView()
        self._validation = ValidationResultsPageRenderer(run_info_at_end=True)
        self._suite = ExpectationSuitePageRenderer()

    def validation_page(self, report: Mapping[str, Any]) -> str:
        """Return the page that shows what came out for a table."""
        page = _render(self._validation, _validation(report))
        page.page_title = f"{report['table']} · {report['measured_at']}"
        # The renderer links to where Great Expectations' own site would keep the suite.
        theirs = f"../../../../expectations/{report['table']}.html"
        return str(_render(self._view, page)).replace(theirs, f"../{page_path(SUITES, report['table'])}")

    def suite_page(self, report: Mapping[str, Any]) -> str:
        """Return the page that shows what is expected of a table."""
        validation = _validation(report)
        expectations = [
            result.expectation_config.to_domain_obj()
            for result in validation.results
            if result.expectation_config is not None
        ]
        suite = ExpectationSuite(validation.suite_name, expectations=expectations)
        page = _render(self._suite, suite)
        page.page_title = f"{report['table']} · what is expected"
        return str(_render(self._view, page))

    def index_page(self, reports: Sequence[Mapping[str, Any]]) -> str:
        """Return the page that lists all tables."""
        page = _render(
            SiteIndexPageRenderer,
            {
                "site_name": "Bojagi",
                "validations_links": [_validation_link(report) for report in reports],
                "expectations_links": [
                    {
                        "expectation_suite_name": report["table"],
                        "filepath": page_path(SUITES, report["table"]),
                    }
                    for report in reports
                ],
            },
        )
        return str(_render(_IndexView(), page))


def page_path(section: str, table: str) -> str:
    """Path of a page below the site's folder.

    >>> page_path("validations", "bronze/delivery")
    'validations/bronze.delivery.html'
    """
    return f"{section}/{table.replace('/', '.')}.html"


def _render(renderer: Any, content: Any) -> Any:
    # Renderers and views are untyped.
    return renderer.render(content)


def _validation_link(report: Mapping[str, Any]) -> dict[str, Any]:
    table = report["table"]
    return {
        "validation_success": report["validation"]["success"],
        "run_time": report["measured_at"],
        "run_name": report["load_id"],
        "asset_name": table,
        "batch_identifier": table,
        "batch_spec": {},
        "expectation_suite_name": table,
        "expectation_suite_filepath": page_path(SUITES, table),
        "filepath": page_path(VALIDATIONS, table),
    }


def _validation(report: Mapping[str, Any]) -> ExpectationSuiteValidationResult:
    validation = report["validation"]
    results = [
        ExpectationValidationResult(
            success=entry["success"],
            expectation_config=ExpectationConfiguration(**entry["expectation_config"]),
            result=entry["result"],
            exception_info=entry["exception_info"],
        )
        for entry in validation["results"]
    ]
    return ExpectationSuiteValidationResult(
        success=validation["success"],
        results=results,
        suite_name=validation["suite_name"],
        statistics=validation["statistics"],
        meta={
            "run_id": {"run_name": report["load_id"], "run_time": report["measured_at"]},
            "batch_spec": {"data_asset_name": report["table"]},
        },
    )

"""Renders the pages of Data Docs with Great Expectations' renderers and this project's templates.

Import it through `gx_import`. The site builder of Great Expectations is not used, for two reasons. It copies every
result several times, which takes longer than the checks themselves. And it only logs a page that it could not make.
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
    """A page view that looks for a template in this package first, then in Great Expectations."""

    def __init__(self) -> None:
        super().__init__()
        theirs = self.env.loader
        assert theirs is not None
        self.env.loader = ChoiceLoader([PackageLoader("pipelines.quality", "site"), theirs])


class _IndexView(_PageView):
    _template = "index_page.j2"


class PageWriter:
    """Renders the pages of the site, and keeps the compiled templates for reuse."""

    def __init__(self) -> None:
        self._view = _PageView()
        self._validation = ValidationResultsPageRenderer(run_info_at_end=True)
        self._suite = ExpectationSuitePageRenderer()

    def validation_page(self, report: Mapping[str, Any]) -> str:
        """Return the HTML page with the check results of a table."""
        page = _render(self._validation, _validation(report))
        page.page_title = f"{report['table']} · {report['measured_at']}"
        # The renderer links to the path that the suite would have on Great Expectations' own site.
        theirs = f"../../../../expectations/{report['table']}.html"
        return str(_render(self._view, page)).replace(theirs, f"../{page_path(SUITES, report['table'])}")

    def suite_page(self, report: Mapping[str, Any]) -> str:
        """Return the HTML page that lists the expectations of a table."""
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
        """Return the HTML page that lists all tables."""
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
    """Return the path of a table's page, relative to the site's folder.

    >>> page_path("validations", "bronze/delivery")
    'validations/bronze.delivery.html'
    """
    return f"{section}/{table.replace('/', '.')}.html"


def _render(renderer: Any, content: Any) -> Any:
    # Great Expectations' renderers and views have no type annotations.
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

"""Data Docs: a site over the newest validation of every table.

The site needs no network and no scripts: pages use the templates and the style sheet in the folder `site`
beside this file. They are made from `TableQuality.report`, which holds no personal data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.quality.error import QualityError
from pipelines.quality.gx_import import import_late
from pipelines.quality.result import TableQuality
from privacy.storage.atomic_file import replace_public

if TYPE_CHECKING:
    from pipelines.quality.gx_site import PageWriter

INDEX = "index.html"
_REPORTS = "reports"


def build_site(folder: Path, qualities: Sequence[TableQuality], load_id: str, measured_at: datetime) -> Path:
    """Write the pages of tables that have none of this run yet, and the index over these and all checked earlier.

    Call it once a run: the index costs the same after one table as after fifty. Each file is replaced at once, so that
    a reader never sees half a page.

    Args:
        folder: of the site; `reports/` in it keeps each table's newest report as JSON.
        qualities: what `validate_table` returned, unless `write_pages` was called with it.
        load_id: of the run.
        measured_at: the run's clock.

    Returns:
        The index page.

    Raises:
        QualityError: nothing was ever checked.
    """
    for quality in qualities:
        write_pages(folder, quality, load_id, measured_at)
    reports = [_read(path) for path in sorted((folder / _REPORTS).glob("*.json"))]
    if not reports:
        raise QualityError(f"No table was checked, so there is no site in {folder}; run the checks first", "quality")
    _write(folder / "site.css", resources.files("pipelines.quality").joinpath("site/site.css").read_text("utf-8"))
    _write(folder / INDEX, _page_writer().index_page(reports))
    return folder / INDEX


def write_pages(folder: Path, quality: TableQuality, load_id: str, measured_at: datetime) -> None:
    """Write the pages of one table and keep its report for the index; arguments as those of `build_site`."""
    gx_site = import_late("gx_site")
    report = {
        "table": quality.table,
        "load_id": load_id,
        "measured_at": measured_at.isoformat(sep=" ", timespec="seconds"),
        "validation": dict(quality.report),
    }
    writer = _page_writer()
    _write(folder / gx_site.page_path(gx_site.VALIDATIONS, quality.table), writer.validation_page(report))
    _write(folder / gx_site.page_path(gx_site.SUITES, quality.table), writer.suite_page(report))
    name = f"{quality.table.replace('/', '.')}.json"
    _write(folder / _REPORTS / name, json.dumps(report, ensure_ascii=False, indent=1))


@cache
def _page_writer() -> PageWriter:
    """It keeps the compiled templates."""
    writer: PageWriter = import_late("gx_site").PageWriter()
    return writer


def _read(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return report


def _write(path: Path, text: str) -> None:
    replace_public(path, text)

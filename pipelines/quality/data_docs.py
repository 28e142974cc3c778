"""Writes Data Docs, a static HTML site with the newest check results of every table.

The site needs no network and no scripts. Its pages use the templates and the style sheet in the folder `site` beside
this file. They are made from `TableQuality.report`, which holds no personal data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.quality.errors import QualityError
from pipelines.quality.gx_import import import_late
from pipelines.quality.result import TableQuality
from privacy.storage.atomic_file import replace_public

if TYPE_CHECKING:
    from pipelines.quality.gx_site import PageWriter

INDEX = "index.html"
_REPORTS = "reports"


def build_site(folder: Path, qualities: Sequence[TableQuality], load_id: str, measured_at: datetime) -> Path:
    """Write the pages of the given tables, and the index of all tables that were ever checked.

    Call it once per run, because it writes the index of all tables each time. Each file is replaced atomically, so a
    reader never sees half a page.

    Args:
        folder: folder of the site; its subfolder `reports/` keeps the newest report of each table as JSON.
        qualities: results of `validate_table`, without those that `write_pages` has written already.
        load_id: id of the run.
        measured_at: time of the run.

    Returns:
        The path of the index page.

    Raises:
        QualityError: no table was ever checked.
    """
    for quality in qualities:
        write_pages(folder, quality, load_id, measured_at)
    reports = [_read(path) for path in sorted((folder / _REPORTS).glob("*.json"))]
    if not reports:
        raise QualityError(
            f"Cannot write Data Docs to {folder}: no table was checked yet. Run `bojagi run`.", "quality"
        )
    _write(folder / "site.css", resources.files("pipelines.quality").joinpath("site/site.css").read_text("utf-8"))
    _write(folder / INDEX, _page_writer().index_page(reports))
    return folder / INDEX


def write_pages(folder: Path, quality: TableQuality, load_id: str, measured_at: datetime) -> None:
    """Write the pages of one table, and keep its report for the index. For the arguments see `build_site`."""
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
    """Return the one page writer of this process; it keeps the compiled templates."""
    writer: PageWriter = import_late("gx_site").PageWriter()
    return writer


def _read(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return report


def _write(path: Path, text: str) -> None:
    replace_public(path, text)

"""The result of the Dagster check of a source's landed files, from the judgement of its loads."""

from collections.abc import Iterator

import dagster as dg

from pipelines.ingest.load_verdict import LoadVerdict
from pipelines.orchestration.metadata_table import table_value

CHECK = "landed_files"
"""Name of the check."""
STEP_SUFFIX = f"__{CHECK}"
"""Ends the name of the step of the check; the rest is the name of the step that loads the source."""


def landing_result(asset: dg.AssetKey, verdict: LoadVerdict) -> dg.AssetCheckResult:
    """Return the result: an error for refused files and a share above the limit, else a warning if there is one."""
    found = (*verdict.faults, *verdict.warnings)
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=CHECK,
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR if verdict.faults else dg.AssetCheckSeverity.WARN,
        description="\n\n".join(found) or "Every landed file is loaded, and no row of the newest load is in quarantine",
        metadata={
            "files_refused": len(verdict.refused),
            "rows_read": verdict.rows_read,
            "rows_quarantined": verdict.rows_quarantined,
            "quarantined_percent": round(verdict.share, 3),
            "quarantine_limit_percent": verdict.limit,
            **({"found": table_value(_HEADINGS, _rows(verdict), numbers=_NUMBERS)} if found else {}),
        },
    )


_HEADINGS = ("result", "file", "line", "column", "rule", "reason", "rows")
_NUMBERS = ("line", "rows")


def _rows(verdict: LoadVerdict) -> Iterator[tuple[object, ...]]:
    """Yield what was found: refused files first, then quarantined rows by reason, then notes."""
    for file in verdict.refused:
        yield "failed", file.file, None, file.column, file.rule, f"the file is refused: {file.reason}", None
    mark = "failed" if verdict.is_over_limit else "warning"
    for rows in verdict.broken:
        yield mark, rows.file, rows.first_line, rows.column, rows.rule, rows.reason, rows.rows
    for note in verdict.notes:
        yield "warning", None, None, None, None, note, None

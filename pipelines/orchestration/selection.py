"""Finds the tables that a selection in Dagster's syntax names."""

from difflib import get_close_matches
from warnings import catch_warnings, simplefilter

import dagster as dg

from pipelines.errors import SelectionError
from pipelines.orchestration.instance import JOB
from pipelines.orchestration.metadata import table_name

EXAMPLES = (
    'Examples: key:"gold/customer_360" (one table), +key:"gold/customer_360" (with all that it needs), '
    'key:"bronze/store"+ (with all that depends on it), group:"silver" and not key:"silver/session".'
)
_QUOTED = '"'


def selected_tables(definitions: dg.Definitions, selection: str) -> tuple[str, ...]:
    """Return the tables of the refresh job that the selection names, sorted.

    Raises:
        SelectionError: the text is no selection, or the job makes no table that it names.
    """
    job = definitions.resolve_job_def(JOB)
    made = {table_name(key) for key in job.asset_layer.selected_asset_keys}
    try:
        with catch_warnings():
            simplefilter("ignore", dg.BetaWarning)
            parsed = dg.AssetSelection.from_string(selection)
    # Private: Dagster does not export the class of this error, but its base.
    except dg.DagsterError as error:
        raise SelectionError(f"{selection!r} is not a selection in Dagster's syntax. {EXAMPLES}") from error
    found = {table_name(key) for key in parsed.resolve(definitions.resolve_asset_graph())}
    if not found & made:
        raise SelectionError(
            f"The selection {selection} names no table that a run makes.{_hint(selection, made)} {EXAMPLES}"
        )
    return tuple(sorted(found & made))


def _hint(selection: str, made: set[str]) -> str:
    """Return a question with the tables whose names are like the ones in the selection."""
    words = selection.split(_QUOTED)[1::2] or [selection.strip("+ ").removeprefix("key:")]
    near = [name for word in words for name in get_close_matches(word, sorted(made), n=2)]
    return f" Did you mean {' or '.join(near)}?" if near else ""

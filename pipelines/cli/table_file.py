"""Reads and writes tables outside the lakehouse: a CSV or Parquet file, or the folder of a Delta table."""

from pathlib import Path
from typing import TYPE_CHECKING

from installation.errors import SettingsError
from privacy.storage.atomic_file import public_draft

if TYPE_CHECKING:
    import pandas as pd

FORMATS = (".csv", ".parquet")


def read_table(path: Path, delimiter: str = ",") -> "pd.DataFrame":
    """Reads a CSV (as text, so that labels keep their spelling), a Parquet file or folder, or a Delta table.

    Raises:
        SettingsError: it is none of these, it is damaged, or the CSV is not UTF-8. The message contains no value.
    """
    import pandas as pd
    import pyarrow as pa

    try:
        if (path / "_delta_log").is_dir():
            return _read_delta(path)
        if path.is_dir() or path.suffix == ".parquet":
            return pd.read_parquet(path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, FileNotFoundError) as error:
        what = "the folder of a Delta table or of Parquet files" if path.is_dir() else "a Parquet file"
        raise SettingsError(f"{path.name} cannot be read as {what}; name one of these, or a CSV file") from error
    return _read_csv(path, delimiter)


def _read_delta(path: Path) -> "pd.DataFrame":
    """Reads a Delta table by the query builder, which applies deletion vectors."""
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder
    from deltalake.exceptions import DeltaError

    try:
        rows = QueryBuilder().register("source", DeltaTable(str(path))).execute("SELECT * FROM source").read_all()
    except DeltaError as error:
        raise SettingsError(
            f"{path.name} is a Delta table that cannot be read; check its log with your engine"
        ) from error
    frame: pd.DataFrame = pa.table(rows).to_pandas()
    return frame


def _read_csv(path: Path, delimiter: str) -> "pd.DataFrame":
    import pandas as pd

    if len(delimiter) != 1:
        raise SettingsError(f"--delimiter is {delimiter!r}; give one character, such as ';'")
    try:
        return pd.read_csv(path, sep=delimiter, dtype=str, keep_default_na=False, na_values=[""])
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path.name} is not a CSV in UTF-8; convert it first, or name a .parquet file") from error
    except pd.errors.EmptyDataError as error:
        raise SettingsError(f"{path.name} is empty; expected a line of column names and rows below it") from error
    except pd.errors.ParserError as error:
        raise SettingsError(
            f"{path.name} has lines with more cells than its header; check --delimiter and quotes"
        ) from error


def require_output(output: Path, source: Path) -> None:
    """Checks that the output can be written, before the search.

    Raises:
        SettingsError: it is neither .csv nor .parquet, it is a folder, or it is the input.
    """
    if output.suffix not in FORMATS:
        raise SettingsError(f"--output {output.name} is neither .csv nor .parquet; name the file accordingly")
    if output.is_dir():
        raise SettingsError(f"--output {output.name} is a folder; name a file")
    if output.resolve() == source.resolve() or source.resolve() in output.resolve().parents:
        raise SettingsError(f"--output {output.name} is the input, or inside it; name another file")


def write_table(frame: "pd.DataFrame", path: Path, delimiter: str = ",") -> None:
    """Writes a CSV or Parquet file by the suffix of `path`, in an order that does not reveal the order of the input.

    The file appears only when it is complete.
    """
    shuffled = frame.sort_values(list(frame.columns), kind="stable", key=lambda column: column.astype(str))
    with public_draft(path) as draft:
        if path.suffix == ".parquet":
            shuffled.to_parquet(draft, index=False)
        else:
            shuffled.to_csv(draft, index=False, sep=delimiter)

"""Warnings about the content of a person file: unreadable values and repeated record ids."""

from collections import Counter
from collections.abc import Mapping as Dictionary

import pandas as pd

from pipelines.matching.mapping import Mapping

# Part of the mapping -> prepared column with its values ("#" is the number of the column within the part).
_COLUMNS = {
    "birth_date": "birth_date",
    "sex": "sex",
    "phone": "phone",
    "email": "email",
    "device": "device",
    "postal_code": "postal_code",
    "household": "household_#",
    "identifier": "identifier_#",
}


def count_unreadable_values(raw: pd.DataFrame, prepared: pd.DataFrame, mapping: Mapping) -> Counter[str]:
    """Return for each column of the file the number of values that standardising turned into null.

    Such values are unreadable, or placeholders for "no value". Columns without them are left out.
    """
    unreadable: Counter[str] = Counter()
    for part, column in _COLUMNS.items():
        sources = getattr(mapping, part)
        groups = [(source,) for source in sources] if "#" in column else [sources] if sources else []
        for number, group in enumerate(groups):
            known = prepared[column.replace("#", str(number))].notna().to_numpy()
            filled = raw[list(group)].notna().any(axis=1).to_numpy()
            lost = int((filled & ~known).sum())
            if lost:
                unreadable[" / ".join(group)] += lost
    return unreadable


def warn_of_unreadable_values(unreadable: Dictionary[str, int], records: int) -> list[str]:
    """Return one warning per column that has unreadable values.

    Args:
        unreadable: number of unreadable values by column, see `count_unreadable_values`.
        records: number of records of the file.

    >>> warn_of_unreadable_values({"phone": 3}, 10)  # doctest: +ELLIPSIS
    ['3 of 10 records have a phone that cannot be read or is a placeholder ...']
    """
    return [
        f"{count} of {records} records have a {column} that cannot be read or is a placeholder (such as "
        "010-0000-0000). These values were treated as unknown; correct them in the file if they are real."
        for column, count in unreadable.items()
    ]


def warn_of_repeated_ids(raw: pd.DataFrame, mapping: Mapping) -> list[str]:
    """Return a warning if record ids repeat or are missing; no warning if the file has no id column.

    No record is lost, because rows are identified by their position in the file.
    """
    if mapping.record_id is None:
        return []
    keys = raw[mapping.record_id]
    repeated, missing = int(keys.dropna().duplicated().sum()), int(keys.isna().sum())
    warning = (
        f"{repeated} rows repeat a {mapping.record_id} and {missing} have none. All rows are kept as separate records; "
        f"make {mapping.record_id} unique in the file if each record should have its own id."
    )
    return [warning] if repeated or missing else []

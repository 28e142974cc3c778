"""What a file's reader should know of its content: nothing is set aside without a word."""

from collections import Counter
from collections.abc import Mapping as Dictionary

import pandas as pd

from pipelines.matching.mapping import Mapping

# Part of the mapping: the prepared column that holds its values ("#" counts the columns of the part).
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


def count_unread(raw: pd.DataFrame, prepared: pd.DataFrame, mapping: Mapping) -> Counter[str]:
    """Count by column of the file the values that standardising made unknown: placeholders and the unreadable."""
    unread: Counter[str] = Counter()
    for part, column in _COLUMNS.items():
        sources = getattr(mapping, part)
        groups = [(source,) for source in sources] if "#" in column else [sources] if sources else []
        for number, group in enumerate(groups):
            known = prepared[column.replace("#", str(number))].notna().to_numpy()
            filled = raw[list(group)].notna().any(axis=1).to_numpy()
            lost = int((filled & ~known).sum())
            if lost:
                unread[" / ".join(group)] += lost
    return unread


def note_unread(unread: Dictionary[str, int], records: int) -> list[str]:
    """Say which columns have such values.

    >>> note_unread({"phone": 3}, 10)  # doctest: +ELLIPSIS
    ['3 of 10 records have a phone that cannot be read or stands for none ...']
    """
    return [
        f"{count} of {records} records have a {column} that cannot be read or stands for none (such as "
        "010-0000-0000); it was taken as unknown."
        for column, count in unread.items()
    ]


def note_keys(raw: pd.DataFrame, mapping: Mapping) -> list[str]:
    """Say when record keys repeat: rows are told apart by their place in the file, so none is lost."""
    if mapping.record_id is None:
        return []
    keys = raw[mapping.record_id]
    repeated, missing = int(keys.dropna().duplicated().sum()), int(keys.isna().sum())
    told = f"{repeated} rows repeat a {mapping.record_id} and {missing} have none; all rows are kept as records."
    return [told] if repeated or missing else []

"""Checks with the data map that a question may use its columns for its purpose. Unknown columns are refused."""

from __future__ import annotations

from privacy.catalog import Catalog
from privacy.dp.errors import BadQuestion
from privacy.dp.question import Question


def require_permitted(question: Question, catalog: Catalog, *, has_consent_filter: bool = False) -> None:
    """Check that the columns may be used for the purpose, and that the privacy unit is the table's person.

    Args:
        question: the question.
        catalog: the data map.
        has_consent_filter: whether the rows are only those of customers who permit the purpose.

    Raises:
        BadQuestion: names the column and the reason. Costs no budget.
        UnknownDataError: the data map lacks the table or a column.
    """
    if catalog.subject_key(question.dataset) != question.unit:
        raise BadQuestion(
            f"{question.unit} is not the privacy unit of {question.dataset}; use unit: "
            f"{catalog.subject_key(question.dataset)}"
        )
    for column in sorted(question.columns()):
        entry = catalog.column(question.dataset, column)
        if question.purpose not in entry.purposes:
            served = ", ".join(entry.purposes)
            raise BadQuestion(f"{column} may not serve {question.purpose}; its purposes are {served}")
        if entry.role == "direct":
            raise BadQuestion(f"{column} identifies persons directly, so statistics may not use it; use another column")
        if entry.needs_consent(question.purpose) and not has_consent_filter:
            raise BadQuestion(
                f"{column} may serve {question.purpose} only with consent, but the rows are not filtered by consent; "
                "filter them first"
            )

"""May this question be asked of this table for this purpose? Answered from the data map; unknown is refused."""

from __future__ import annotations

from privacy.catalog import Catalog
from privacy.dp.errors import BadQuestion
from privacy.dp.question import Question


def require_permitted(question: Question, catalog: Catalog, *, has_consent_filter: bool = False) -> None:
    """Refuse a question whose columns may not serve its purpose, or whose unit is not the table's person.

    Args:
        question: what is asked.
        catalog: the data map.
        has_consent_filter: the rows handed to the release are only those of customers who consent.

    Raises:
        BadQuestion: with the column and the reason. Costs no budget.
        UnknownDataError: the data map lacks the table or a column.
    """
    if catalog.subject_key(question.dataset) != question.unit:
        raise BadQuestion(
            f"{question.unit} is not the person of {question.dataset}; the data map says "
            f"{catalog.subject_key(question.dataset)}"
        )
    for column in sorted(question.columns()):
        entry = catalog.column(question.dataset, column)
        if question.purpose not in entry.purposes:
            served = ", ".join(entry.purposes)
            raise BadQuestion(f"{column} may not serve {question.purpose}; it serves {served}")
        if entry.role == "direct":
            raise BadQuestion(f"{column} identifies people directly; no statistics about it")
        if entry.needs_consent(question.purpose) and not has_consent_filter:
            raise BadQuestion(
                f"{column} serves {question.purpose} only with consent, and these rows are not filtered by it"
            )

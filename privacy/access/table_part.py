"""A part of a table that is selected in its files: the rows of one customer, within some days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from privacy.access.errors import AccessRefused
from privacy.consent.record import is_opaque_id

CUSTOMER_KEY = "customer_id"


@dataclass(frozen=True)
class TablePart:
    """The rows of one customer, for a door that has found the customer. It is selected before anything is decided.

    Attributes:
        customer_id: as the platform stores it, also where the role sees pseudonyms.
        day: a column of dates that `first` and `last` bound, both included; None takes the rows of all days.
    """

    customer_id: str
    day: str | None = None
    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        # The identifier becomes part of an SQL text.
        if not is_opaque_id(self.customer_id):
            raise AccessRefused("Got something else than the identifier of a customer.")

    @property
    def sql(self) -> str:
        """The condition, which DataFusion and Spark read alike."""
        days = "" if self.day is None else f" AND {self.day} BETWEEN DATE '{self.first}' AND DATE '{self.last}'"
        return f"{CUSTOMER_KEY} = '{self.customer_id}'{days}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the condition."""
        return (CUSTOMER_KEY,) if self.day is None else (CUSTOMER_KEY, self.day)

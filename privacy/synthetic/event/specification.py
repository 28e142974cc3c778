"""The specification of a synthesizer of people and their events. Every value in it is public."""

from __future__ import annotations

from datetime import date

from pydantic import Field, model_validator

from privacy.synthetic.specification import (
    Category,
    ColumnSpec,
    Implication,
    Number,
    Order,
    Part,
    Specification,
    digest_of,
)


class EventSpecification(Part):
    """A table of people, and a table of their events, such as order lines.

    unit: column of the person, in both tables. people: columns of the people's table and their domains.
    time: column of the event's local wall time. first, last: first and last day of the events, both included.
    order: column that groups the events of one visit; None counts the events of a person and moment as one visit.
    item: column of what was chosen. groups: for each possible item its group, such as a department.
    numbers: columns of numbers that depend on the item's group. order_columns: columns that are equal within an order.
    constraints: of the people's table. most_orders, most_lines: orders of a person, and lines of an order, that are
    used at most.
    """

    unit: str
    people: dict[str, ColumnSpec] = Field(default_factory=dict)
    time: str
    first: date
    last: date
    order: str | None = None
    item: str
    groups: dict[str, str] = Field(min_length=1)
    group_column: str | None = None
    numbers: dict[str, Number] = Field(default_factory=dict)
    order_columns: dict[str, Category] = Field(default_factory=dict)
    constraints: tuple[Order | Implication, ...] = ()
    most_orders: int = Field(default=1024, ge=1)
    most_lines: int = Field(default=160, ge=1)
    epsilon: float = Field(default=4.0, gt=0, le=20)
    delta: float = Field(default=1e-6, gt=0, lt=0.01)
    origin: str = ""

    @model_validator(mode="after")
    def _is_a_range(self) -> EventSpecification:
        if self.first >= self.last:
            raise ValueError("expected first before last")
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> EventSpecification:
        named = [self.time, self.item, *self.numbers, *self.order_columns]
        named += [name for name in (self.order, self.group_column) if name is not None]
        if self.unit in (*named, *self.people):
            raise ValueError(
                f"{self.unit} identifies people and is never synthesized; remove it from the other columns"
            )
        if marked := [name for name in (*named, *self.people) if name.startswith("~")]:
            raise ValueError(f"{marked} start with ~, which names columns of the model; rename the columns")
        if repeated := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"{repeated} are named twice; name each column once")
        if self.people:
            self.of_people({})  # Checks the constraints.
        elif self.constraints:
            raise ValueError("constraints name columns of people, of which none is listed")
        return self

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1

    @property
    def items(self) -> tuple[str, ...]:
        """Items, in the order of their codes."""
        return tuple(self.groups)

    @property
    def group_names(self) -> tuple[str, ...]:
        """Groups of items, in the order of their codes."""
        return tuple(dict.fromkeys(self.groups.values()))

    @property
    def domain_digest(self) -> str:
        """SHA-256 of every public domain, by which a saved model is compared with a contract."""
        left_out = {"epsilon", "delta", "origin"}
        content = self.model_dump(mode="json", exclude=left_out)
        return digest_of(content)

    def of_people(self, columns: dict[str, ColumnSpec]) -> Specification:
        """Return the specification of the people's table with these further columns."""
        return Specification(
            columns={**self.people, **columns},
            unit=self.unit,
            constraints=self.constraints,
            epsilon=self.epsilon,
            delta=self.delta,
            origin=self.origin,
        )

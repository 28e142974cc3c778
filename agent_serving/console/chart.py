"""Charts: figures in a table, which the browser also draws. The table is all that a screen reader needs.

`console.js` draws from the cells of the table with Apache ECharts, so a figure stands once in the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from privacy.rights.wording import Wording

Figure = int | float | None


class ChartKind(StrEnum):
    """How the figures are drawn.

    bar, line, stack, share (stack of 100 %): the first column names the place on the axis, the others are series.
    bars: bars from left to right, for long names. funnel: name, number. sankey: from, to, number. heat: row, column,
    number.
    """

    BAR = "bar"
    BARS = "bars"
    LINE = "line"
    STACK = "stack"
    SHARE = "share"
    FUNNEL = "funnel"
    SANKEY = "sankey"
    HEAT = "heat"


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        kind: how it is drawn.
        title: what it shows, with the unit of its figures.
        columns: the heads of the table.
        rows: texts and figures, one row a place; None where a figure is missing or withheld.
        height: in lines of text.
    """

    kind: ChartKind
    title: Wording
    columns: Sequence[Wording]
    rows: Sequence[Sequence[str | Figure]]
    height: int = 18

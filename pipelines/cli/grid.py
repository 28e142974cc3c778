"""The console and the tables that commands answer people with."""

from __future__ import annotations

from collections.abc import Collection

from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 200
"""Rich breaks lines at 80 in a pipe, which would cut figures and names."""


def open_console(*, stderr: bool = False) -> Console:
    """Return the console of this terminal, or a wide one in a pipe."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=PIPE_WIDTH)


def make_grid(*headings: str, numbers: Collection[str] = ()) -> Table:
    """Return an empty table without lines; the columns named in `numbers` stand at the right, long text is folded."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        grid.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    return grid

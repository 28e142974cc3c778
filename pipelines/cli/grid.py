"""Makes the console and the text tables of the commands' output."""

from __future__ import annotations

from collections.abc import Collection

from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 200
"""Width in a pipe, where Rich would break lines at 80 characters and cut figures and names."""


def open_console(*, stderr: bool = False) -> Console:
    """Return a console for this terminal, or a wide one when the output is a pipe."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=PIPE_WIDTH)


def make_grid(*headings: str, numbers: Collection[str] = ()) -> Table:
    """Return an empty table without lines. Columns named in `numbers` are right-aligned; long text is wrapped."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        grid.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    return grid

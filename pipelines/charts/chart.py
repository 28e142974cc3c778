"""Draws bars, lines and labels on a small canvas and returns them as a PNG of three colours."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.artist import Artist

Point = tuple[float, float]
"""A position on a canvas, in pixels from the left and from the bottom."""
PAPER, INK, MARK = "#ffffff", "#2f5d62", "#b5442e"
DOTS_PER_INCH = 100
MOST_CHARACTERS = 999
"""The longest Markdown that Dagster's UI shows in place; longer Markdown is hidden behind a link."""


@dataclass(frozen=True)
class Chart:
    """A picture (PNG) and its caption, one sentence."""

    caption: str
    png: bytes

    def to_markdown(self) -> str:
        """Return the caption and the picture, without a reference to any file."""
        return f"{self.caption}\n\n![chart](data:image/png;base64,{base64.b64encode(self.png).decode()})"


class Canvas:
    """A white picture of fixed size, to which shapes are added.

    Shapes are added to the figure without axes: axes take six milliseconds per chart, and a run draws sixty charts.
    """

    def __init__(self, width: int, height: int) -> None:
        # Imported here, because Matplotlib takes half a second to import and a run without changes draws no chart.
        from matplotlib.figure import Figure

        self._size = (width, height)
        self._figure = Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH)

    def draw_lines(self, lines: Sequence[Sequence[Point]], width: float, colour: str = INK) -> None:
        """Draw each sequence of points as a line; `width` is in pixels."""
        from matplotlib.collections import LineCollection

        points = [[self._place(point) for point in line] for line in lines]
        inches = width / DOTS_PER_INCH
        self._add(LineCollection(points, colors=colour, linewidths=inches * 72, antialiased=False, capstyle="butt"))

    def fill(self, outline: Sequence[Point]) -> None:
        """Fill the area inside the outline."""
        from matplotlib.patches import Polygon

        corners = [self._place(point) for point in outline]
        self._add(
            Polygon(corners, facecolor=INK, edgecolor="none", antialiased=False, transform=self._figure.transFigure)
        )

    def write(self, place: Point, text: str, align: Literal["left", "center", "right"] = "center") -> None:
        """Write a label in small type above the position: centred on it, or starting or ending there."""
        x, y = self._place(place)
        self._figure.text(x, y, text, fontsize=7.5, ha=align, va="bottom", color=INK, antialiased=False)

    def to_png(self) -> bytes:
        """Return the picture as a PNG whose pixels are paper, ink or mark."""
        import numpy as np
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from PIL import Image

        canvas: Any = FigureCanvasAgg(self._figure)
        canvas.draw()
        red = np.asarray(canvas.buffer_rgba())[..., 0]
        # The three colours differ in their share of red.
        levels = np.select([red < 0x72, red < 0xDA], [1, 2], 0).astype(np.uint8)
        picture = Image.fromarray(levels)
        picture.putpalette(bytes.fromhex("".join(colour[1:] for colour in (PAPER, INK, MARK))))
        file = io.BytesIO()
        picture.save(file, "PNG", optimize=True, bits=2 if levels.max() > 1 else 1)
        return file.getvalue()

    def _place(self, point: Point) -> Point:
        """Return the position as shares (0 to 1) of the canvas' width and height."""
        return point[0] / self._size[0], point[1] / self._size[1]

    def _add(self, artist: Artist) -> None:
        self._figure.add_artist(artist)


def preload() -> None:
    """Import Matplotlib before the first chart. The first import on a machine is slow, because it lists the fonts."""
    Canvas(1, 1).to_png()


def average_down(values: Sequence[float], most: int) -> list[float]:
    """Return at most `most` values: averages of neighbouring values if there are more.

    >>> average_down([1, 3, 5, 7, 9], 3)
    [2.0, 6.0, 9.0]
    """
    width = -(-len(values) // most) or 1
    chunks = [values[start : start + width] for start in range(0, len(values), width)]
    return [sum(chunk) / len(chunk) for chunk in chunks]


def read_levels(png: bytes) -> Any:
    """Return a picture made here as an array of rows from the top: 0 for paper, 1 for ink, 2 for mark."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)))

"""Commands `bojagi insight`: scores, segments, personas and audiences. Each module `insight_<part>` adds its own."""

from __future__ import annotations

import typer

from pipelines.cli import insight_audience, insight_score, insight_segment
from pipelines.cli.error_boundary import ErrorBoundary

app = typer.Typer(
    cls=ErrorBoundary,
    help="Who the customers are, who will leave, who is worth what, and which group a rule describes.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.callback()
def insight() -> None:
    """Who the customers are, who will leave, who is worth what, and which group a rule describes."""


app.add_typer(insight_audience.app, name="audience")
app.command("score")(insight_score.score)
app.command("evaluate")(insight_score.evaluate)
app.command("segments")(insight_segment.segments)
app.command("personas")(insight_segment.personas)

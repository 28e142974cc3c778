"""Options that several commands share, and the settings they override."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from installation.installation import Installation
    from installation.settings import Settings

Data = Annotated[
    Path | None,
    typer.Option("--data", help="The data folder: landing, lakehouse, run history.", show_default="./data"),
]
Engine = Annotated[
    str | None,
    typer.Option("--engine", help="sail (embedded), spark (Apache Spark) or sc://host:port.", show_default="sail"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]


_PLACES = ("landing_dir", "lakehouse_root")


def settings_for(data: Path | None = None, **overrides: Any) -> "Settings":
    """Return the settings, overridden by the given options. From here on the command logs as the settings say.

    `data` moves the data folder, with the folders below it. A place that the settings name themselves stays, and
    standard error says so: a command never leaves the lakehouse of the settings for an empty one.
    """
    from installation.event_log import open_log
    from installation.settings import load_settings

    settings = load_settings(None, data_dir=data, **overrides)
    open_log(settings.log)
    if data is not None:
        for name in _PLACES:
            place = Path(getattr(settings, name))
            if name in settings.model_fields_set and not place.is_relative_to(settings.data_dir):
                typer.echo(f"--data does not move {name}: the settings name {getattr(settings, name)}.", err=True)
    return settings


def installation_for(data: Path | None = None, **overrides: Any) -> "Installation":
    """Return the installation with its settings overridden by the given options. The caller closes it."""
    from installation.installation import Installation

    return Installation(settings_for(data, **overrides))

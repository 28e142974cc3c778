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


def settings_for(data: Path | None = None, **overrides: Any) -> "Settings":
    """Return the settings, overridden by the given options. `data` also moves the folders below the data folder.

    From here on the command logs as the settings say.
    """
    from installation.event_log import open_log
    from installation.settings import load_settings

    if data is not None:
        overrides |= {"data_dir": data, "landing_dir": data / "landing"}
        overrides["lakehouse_root"] = str(data / "lakehouse")
    settings = load_settings(None, **overrides)
    open_log(settings.log)
    return settings


def installation_for(data: Path | None = None, **overrides: Any) -> "Installation":
    """Return the installation with its settings overridden by the given options. The caller closes it."""
    from installation.installation import Installation

    return Installation(settings_for(data, **overrides))

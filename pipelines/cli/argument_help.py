"""Keeps the help texts of arguments: click 8.5 clears what typer 0.20 sets, and Flower allows no newer typer."""

from typing import Any

from typer import main
from typer.core import TyperArgument


class DescribedArgument(TyperArgument):
    """An argument whose help is set again after click's own initialisation."""

    def __init__(self, *, help: str | None = None, **rest: Any) -> None:
        super().__init__(help=help, **rest)
        self.help = help


def keep_argument_help() -> None:
    """Let typer create arguments that keep their help. Call it before the first command is invoked."""
    main.TyperArgument = DescribedArgument  # type: ignore[attr-defined]

"""Defines the command `bojagi`: each module parses options, calls one function and prints the result."""


def main() -> None:
    """Run the command line."""
    from pipelines.cli.app import app

    app(prog_name="bojagi")

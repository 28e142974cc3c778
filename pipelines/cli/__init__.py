"""The bojagi command. Parses, calls one function, prints."""


def main() -> None:
    """Run the command line."""
    from pipelines.cli.app import app

    app(prog_name="bojagi")

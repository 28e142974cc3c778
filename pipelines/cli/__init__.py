"""Defines the command `bojagi`: each module parses options, calls one function and prints the result."""

from pipelines.cli.stop_signal import StopSignals


def main() -> None:
    """Run the command line. After Ctrl-C or SIGTERM the process ends here with one line."""
    stop = StopSignals()
    try:
        stop.listen()
        try:
            from pipelines.cli.app import app

            app(prog_name="bojagi")
        finally:
            stop.finish()
    except KeyboardInterrupt:
        stop.end()

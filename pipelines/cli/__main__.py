"""Runs the command line as `python -m pipelines.cli`, where the script `bojagi` is not installed."""

from pipelines.cli import main

main()

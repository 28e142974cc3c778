"""`python -m pipelines.cli`, for an environment where the console script is not installed."""

from pipelines.cli import main

main()

"""What one installation consists of: settings, clock, secrets, contracts, tables and the stores of the privacy engine.

Belongs here: where things are and how they are opened. Does not belong here: rules of its own (they are in `privacy`),
Spark, Dagster and Great Expectations. Everything that serves requests is built on this package.
"""

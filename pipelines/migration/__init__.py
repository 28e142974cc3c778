"""Moves the rows of existing tables to a changed contract: finds the changes, verifies the rows, rewrites the table.

Only for tables whose rows cannot be built again: sources, and tables that commands or former runs have written. Derived
tables are rebuilt by `pipelines.derived_table`. How files are read is decided in `pipelines.ingest`.
"""

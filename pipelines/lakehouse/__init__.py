"""Reads and writes Delta tables as Spark DataFrames. `installation.lakehouse` does so with Arrow."""

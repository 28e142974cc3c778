"""Delta tables by name, read and written as Spark DataFrames. The Arrow half is `installation.lakehouse`."""

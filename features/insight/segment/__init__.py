"""Customer segments, the moves between them and the personas that describe them. Spark only in `*_table` modules."""

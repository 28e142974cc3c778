"""Delta tables by name, read and written as Arrow tables through `deltalake`. Needs no engine and no JVM."""

"""What is kept how long by the contracts, and the deletion of what is due. Plain functions; no Dagster, no engine."""

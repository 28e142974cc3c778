"""The privacy engine. It imports no Dagster and does not know where tables are stored."""

"""Plain functions on DataFrames that make the silver and gold tables. No Dagster, no paths."""

"""The privacy engine. No Dagster, and no knowledge of where tables live."""

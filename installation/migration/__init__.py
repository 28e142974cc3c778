"""The tables of the stores in PostgreSQL, as Alembic migrations. A migration that was published is never changed."""

"""Creates the tables of the visitors of collected sources, see `agent_serving.collector.visitor_store`."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE visitor_answer (
  visitor TEXT NOT NULL, purpose TEXT NOT NULL, answer INTEGER NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (visitor, purpose)
);
CREATE TABLE visitor_person (
  visitor TEXT NOT NULL, person TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (visitor, person)
);
CREATE INDEX visitor_person_person ON visitor_person (person);
CREATE TABLE waiting_event (
  digest BYTEA PRIMARY KEY, source TEXT NOT NULL, visitor TEXT, person TEXT, arrived_at TEXT NOT NULL,
  expires_at TEXT NOT NULL, content BYTEA NOT NULL
);
CREATE INDEX waiting_visitor ON waiting_event (visitor);
CREATE INDEX waiting_person ON waiting_event (person);
CREATE INDEX waiting_expiry ON waiting_event (expires_at);
INSERT INTO store_version (store) VALUES ('visitors')
"""


def upgrade() -> None:
    """Create the tables."""
    run = op.get_bind().exec_driver_sql
    for statement in _TABLES.replace(" TEXT", ' TEXT COLLATE "C"').split(";"):
        run(statement)


def downgrade() -> None:
    """Drop the tables: what waits is lost, and devices repeat their answers with each event."""
    run = op.get_bind().exec_driver_sql
    for table in ("visitor_answer", "visitor_person", "waiting_event"):
        run(f"DROP TABLE {table}")
    run("DELETE FROM store_version WHERE store = 'visitors'")

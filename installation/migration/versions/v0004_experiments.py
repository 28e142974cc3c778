"""Creates the tables of experiments, see `features.experiment.store`."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE experiment (
  name TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL, stopped TEXT NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (name, number)
);
CREATE TABLE experiment_assignment (
  experiment TEXT NOT NULL, customer_id TEXT NOT NULL, variant TEXT NOT NULL, number INTEGER NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (experiment, customer_id)
);
CREATE INDEX experiment_customer ON experiment_assignment (customer_id);
CREATE TABLE experiment_outcome (
  experiment TEXT NOT NULL, customer_id TEXT NOT NULL, metric TEXT NOT NULL, at TEXT NOT NULL,
  value DOUBLE PRECISION NOT NULL, PRIMARY KEY (experiment, customer_id, metric, at)
);
CREATE INDEX experiment_outcome_customer ON experiment_outcome (customer_id);
INSERT INTO store_version (store) VALUES ('experiments')
"""


def upgrade() -> None:
    """Create the tables."""
    run = op.get_bind().exec_driver_sql
    for statement in _TABLES.replace(" TEXT", ' TEXT COLLATE "C"').split(";"):
        run(statement)


def downgrade() -> None:
    """Drop the tables: every running experiment ends without a result."""
    run = op.get_bind().exec_driver_sql
    for table in ("experiment", "experiment_assignment", "experiment_outcome"):
        run(f"DROP TABLE {table}")
    run("DELETE FROM store_version WHERE store = 'experiments'")

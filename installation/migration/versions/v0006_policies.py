"""Creates the tables of policies, see `features.policy.store`."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE policy (
  name TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL, parameters TEXT NOT NULL, greedy TEXT NOT NULL,
  card TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (name, number)
);
CREATE TABLE policy_verdict (
  name TEXT NOT NULL, position INTEGER NOT NULL, number INTEGER NOT NULL, answer TEXT NOT NULL, content TEXT NOT NULL,
  spent_to TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (name, position)
);
CREATE TABLE policy_decision (
  decision_id TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, customer_id TEXT NOT NULL, at TEXT NOT NULL,
  context TEXT NOT NULL, arm TEXT NOT NULL, propensities TEXT NOT NULL, reward DOUBLE PRECISION,
  PRIMARY KEY (decision_id)
);
CREATE INDEX policy_decision_time ON policy_decision (name, at);
CREATE INDEX policy_decision_customer ON policy_decision (customer_id);
INSERT INTO store_version (store) VALUES ('policies')
"""


def upgrade() -> None:
    """Create the tables."""
    run = op.get_bind().exec_driver_sql
    for statement in _TABLES.replace(" TEXT", ' TEXT COLLATE "C"').split(";"):
        run(statement)


def downgrade() -> None:
    """Drop the tables: every policy and its log of decisions is lost."""
    run = op.get_bind().exec_driver_sql
    for table in ("policy", "policy_verdict", "policy_decision"):
        run(f"DROP TABLE {table}")
    run("DELETE FROM store_version WHERE store = 'policies'")

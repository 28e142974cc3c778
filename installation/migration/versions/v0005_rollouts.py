"""Creates the tables of rollouts, see `features.rollout.store`."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE rollout (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, attempt INTEGER NOT NULL, document TEXT NOT NULL,
  stage INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TABLE rollout_count (
  attempt INTEGER NOT NULL, look TEXT NOT NULL, version TEXT NOT NULL, is_shadow INTEGER NOT NULL,
  metric TEXT NOT NULL, count BIGINT NOT NULL, PRIMARY KEY (attempt, look, version, is_shadow, metric)
);
INSERT INTO store_version (store) VALUES ('rollouts')
"""


def upgrade() -> None:
    """Create the tables."""
    run = op.get_bind().exec_driver_sql
    for statement in _TABLES.replace(" TEXT", ' TEXT COLLATE "C"').split(";"):
        run(statement)


def downgrade() -> None:
    """Drop the tables: services then serve the version that they are started with."""
    run = op.get_bind().exec_driver_sql
    run("DROP TABLE rollout")
    run("DROP TABLE rollout_count")
    run("DELETE FROM store_version WHERE store = 'rollouts'")

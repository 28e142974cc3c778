"""Creates the table of the console's accounts, see `agent_serving.authentication.staff_account`."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE staff_account (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, created_at TEXT NOT NULL, revoked_at TEXT
);
INSERT INTO store_version (store) VALUES ('staff_accounts')
"""


def upgrade() -> None:
    """Create the table."""
    run = op.get_bind().exec_driver_sql
    for statement in _TABLES.replace(" TEXT", ' TEXT COLLATE "C"').split(";"):
        run(statement)


def downgrade() -> None:
    """Drop the table: the accounts are lost."""
    run = op.get_bind().exec_driver_sql
    run("DROP TABLE staff_account")
    run("DELETE FROM store_version WHERE store = 'staff_accounts'")

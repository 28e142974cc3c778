"""Creates the tables of all stores.

Names and columns are those of the SQLite files, so that one SQL statement serves both. Texts compare byte by byte
(collation C), as in SQLite.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STORES = (
    "audit", "consent", "keys", "suppression", "corrections", "rights", "api_keys", "sessions", "passes", "releases",
    "inspections", "models", "lakehouse", "ledger",
)  # fmt: skip
_APPEND_ONLY = ("entry", "record", "membership", "event")
_GUARD = "BEGIN RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END"
_TABLES = """
CREATE TABLE store_version (
  store TEXT PRIMARY KEY, database_id TEXT NOT NULL DEFAULT gen_random_uuid()::TEXT, version BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE entry (number BIGINT PRIMARY KEY, content TEXT NOT NULL, digest TEXT NOT NULL, seal TEXT NOT NULL);
CREATE INDEX entry_debit ON entry (number) WHERE content LIKE '%"debit":{%';

CREATE TABLE record (
  sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, record_id TEXT UNIQUE, subject_id TEXT, controller TEXT,
  purpose TEXT, data_categories TEXT, notice_version TEXT, notice_language TEXT, recipients TEXT, storage TEXT,
  jurisdiction TEXT, method TEXT, withdrawal_method TEXT, state TEXT, effective_at TEXT, recorded_at TEXT,
  expires_at TEXT, expressed_by TEXT, age_years INTEGER, asked TEXT, evidence_hash TEXT, supersedes TEXT, note TEXT,
  recorded_by TEXT
);
CREATE INDEX record_subject ON record (subject_id);
CREATE INDEX record_unread ON record (record_id) WHERE state = 'unread';
CREATE TABLE membership (
  sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, subject_id TEXT NOT NULL, customer_id TEXT,
  from_at TEXT NOT NULL
);
CREATE INDEX membership_subject ON membership (subject_id);
CREATE INDEX membership_customer ON membership (customer_id);
CREATE TABLE taken (source TEXT PRIMARY KEY, state TEXT NOT NULL);

CREATE TABLE data_key (key_id BYTEA PRIMARY KEY, owner TEXT NOT NULL, version TEXT NOT NULL, wrapped BYTEA);
CREATE UNIQUE INDEX data_key_owner ON data_key (owner) WHERE wrapped IS NOT NULL;
CREATE INDEX data_key_destroyed ON data_key (key_id) WHERE wrapped IS NULL;
CREATE TABLE store (
  one INTEGER PRIMARY KEY CHECK (one = 1), store_id TEXT NOT NULL, generation BIGINT NOT NULL, version TEXT NOT NULL,
  seal BYTEA NOT NULL, proof BYTEA NOT NULL
);

CREATE TABLE addition (number BIGINT PRIMARY KEY, digest TEXT NOT NULL, reference TEXT NOT NULL);
CREATE TABLE suppressed (
  addition BIGINT NOT NULL, digest BYTEA NOT NULL, until BIGINT NOT NULL, PRIMARY KEY (addition, digest)
);
CREATE TABLE clean (place TEXT PRIMARY KEY, state TEXT NOT NULL);

CREATE TABLE correction (
  source TEXT NOT NULL, person TEXT NOT NULL, field TEXT NOT NULL, value BYTEA, replaces TEXT NOT NULL,
  recorded_at TEXT NOT NULL, PRIMARY KEY (source, person, field)
);

CREATE TABLE event (
  number BIGINT PRIMARY KEY, request TEXT NOT NULL, subject TEXT NOT NULL, content TEXT NOT NULL, digest TEXT NOT NULL,
  seal TEXT NOT NULL
);
CREATE INDEX event_request ON event (request);
CREATE INDEX event_subject ON event (subject);
CREATE TABLE sealed (
  request TEXT NOT NULL, name TEXT NOT NULL, key_id BYTEA NOT NULL, content BYTEA NOT NULL, PRIMARY KEY (request, name)
);
CREATE TABLE person (customer_hash TEXT PRIMARY KEY, reference TEXT NOT NULL);
CREATE INDEX person_reference ON person (reference);

CREATE TABLE api_key (
  id TEXT PRIMARY KEY, digest BYTEA NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, purposes TEXT NOT NULL,
  created_at TEXT NOT NULL, expires_at TEXT, revoked_at TEXT
);

CREATE TABLE session (
  id TEXT PRIMARY KEY, owner TEXT NOT NULL, caller TEXT NOT NULL, customer_id TEXT, branch TEXT NOT NULL,
  token TEXT UNIQUE, opened_at TEXT NOT NULL, last_at TEXT NOT NULL
);
CREATE INDEX session_customer ON session (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX session_last ON session (last_at);
CREATE TABLE turn (
  session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE, number INTEGER NOT NULL, content BYTEA NOT NULL,
  PRIMARY KEY (session, number)
);

CREATE TABLE pass (
  digest BYTEA PRIMARY KEY, kind TEXT NOT NULL, owner TEXT NOT NULL, expires_at TEXT NOT NULL, used_at TEXT NOT NULL,
  content BYTEA NOT NULL
);
CREATE INDEX pass_owner ON pass (owner);
CREATE INDEX pass_expiry ON pass (expires_at);

CREATE TABLE document (store TEXT NOT NULL, name TEXT NOT NULL, content BYTEA NOT NULL, PRIMARY KEY (store, name));

CREATE TABLE IF NOT EXISTS dp_entry (number BIGINT PRIMARY KEY, content TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dp_limit (
  account TEXT NOT NULL, period TEXT NOT NULL, nano_rho BIGINT NOT NULL, atto_delta BIGINT NOT NULL,
  PRIMARY KEY (account, period)
);
CREATE TABLE IF NOT EXISTS dp_balance (
  account TEXT NOT NULL, period TEXT NOT NULL, nano_rho BIGINT NOT NULL, atto_delta BIGINT NOT NULL,
  PRIMARY KEY (account, period)
);
CREATE TABLE IF NOT EXISTS dp_answer (
  account TEXT NOT NULL, question TEXT NOT NULL, number BIGINT NOT NULL, answer TEXT NOT NULL,
  PRIMARY KEY (account, question)
);
CREATE UNIQUE INDEX IF NOT EXISTS dp_answer_number ON dp_answer (number)
"""
"""`entry`: audit log. `record`, `membership`, `taken`: consent. `data_key`, `store`: keys. `addition`, `suppressed`,
`clean`: erased persons. `event`, `sealed`, `person`: requests. `session`, `turn`: conversations. `pass`: portal.
`document`: releases, results of checks, models, certificates, and fingerprints of keys."""


def upgrade() -> None:
    """Create the tables, and the triggers that refuse changes of append-only tables."""
    run = op.get_bind().exec_driver_sql
    for statement in _TABLES.replace(" TEXT", ' TEXT COLLATE "C"').split(";"):
        run(statement.replace("%", "%%"))
    run(f"CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $${_GUARD}$$".replace("%", "%%"))
    for table in _APPEND_ONLY:
        run(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        run(f"CREATE TRIGGER not_emptied BEFORE TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()")
    for store in _STORES:
        run(f"INSERT INTO store_version (store) VALUES ('{store}')")


def downgrade() -> None:
    """Refuse: the tables have what must not be lost."""
    raise NotImplementedError("The tables of the stores are not dropped by a migration. Restore a backup.")

"""The files in which the stores of an installation are, unless the setting `database` names a server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installation.settings import Settings
from installation.shared_file import FOLDERS, STORE


@dataclass(frozen=True)
class StoreFile:
    """The SQLite file of one store, below the data folder or (`is_secret`) the secret folder, with its tables."""

    store: str
    path: str
    tables: tuple[str, ...]
    is_secret: bool = False

    def of(self, settings: Settings) -> Path:
        """Return the path of the file."""
        return (settings.secret_dir if self.is_secret else settings.data_dir) / self.path


FILES = (
    StoreFile("audit", "audit/audit.db", ("entry",)),
    StoreFile("consent", "consent/consent.db", ("record", "membership", "taken")),
    StoreFile("keys", "keys.db", ("store", "data_key"), is_secret=True),
    StoreFile("suppression", "suppression.db", ("addition", "suppressed", "clean"), is_secret=True),
    StoreFile("corrections", "correction/correction.db", ("correction",)),
    StoreFile("rights", "rights/request.db", ("event", "sealed", "person")),
    StoreFile("api_keys", "serving/api_key.db", ("api_key",)),
    StoreFile("staff_accounts", "serving/account.db", ("staff_account",)),
    StoreFile("sessions", "chat/session.db", ("session", "turn")),
    StoreFile("passes", "serving/portal.db", ("pass",)),
    StoreFile("visitors", "collector/visitor.db", ("visitor_answer", "visitor_person", "waiting_event")),
    StoreFile("experiments", "experiment/experiment.db", ("experiment", "experiment_assignment", "experiment_outcome")),
    StoreFile("rollouts", "experiment/rollout.db", ("rollout", "rollout_count")),
    StoreFile("policies", "policy/policy.db", ("policy", "policy_verdict", "policy_decision")),
    StoreFile("ledger", "dp/ledger.sqlite", ("dp_entry", "dp_limit", "dp_balance", "dp_answer")),
)
DOCUMENTS = {"releases": "released", "inspections": "quality/outcome"}
"""Folder of each store of documents, below the data folder."""
AUDIENCES, AUDIENCE_FOLDER = "audiences", "audience"
"""Documents of audiences and their folder below the data folder. On a server they share the store `lakehouse`."""


def unimported(settings: Settings, connection: Any) -> list[Path]:
    """Return the files of stores that the database does not have, over an open connection of psycopg."""
    rows = connection.execute("SELECT store, version FROM store_version").fetchall()
    versions = dict(rows)
    # The ledger writes its tables itself, without a version.
    versions["ledger"] = int(connection.execute("SELECT count(*) FROM dp_entry").fetchone()[0])
    found = [one.of(settings) for one in FILES if versions.get(one.store) == 0 and one.of(settings).exists()]
    lines = settings.data_dir / DOCUMENTS["releases"] / "release.jsonl"
    shared = [settings.data_dir / folder for folder in FOLDERS] if versions.get(STORE) == 0 else []
    found += [folder for folder in shared if any(path.is_file() for path in folder.rglob("*"))]
    return [*found, *([lines] if versions.get("releases") == 0 and lines.exists() else [])]

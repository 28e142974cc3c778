"""Every store is in its part of a backup: only the newest is kept of keys, and of what an erasure changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from installation import migration
from installation.backup import content
from installation.backup.content import KEPT_DOCUMENTS, part_of_file, part_of_table
from installation.backup.vault import Area, Part
from installation.installation import Installation
from installation.rights.owned_file import SECRET
from installation.shared_file import FOLDERS
from installation.store_file import AUDIENCE_FOLDER, AUDIENCES, DOCUMENTS, FILES
from pipelines.operation.record import STORE
from pipelines.orchestration.rights_registry import subject_stores

LEFT_OUT = {
    "backup/*", "dagster/**", "feature_repo/**", "fetch/*.json", "fetch/table/**", "log/*", "log/**", "online/**",
    "search/**", "*.lock", "secret:*.lock", "serving/portal.db", "serving/portal.db-journal", "chat/session.db-journal",
    "collector/visitor.db", "collector/visitor.db-journal", "experiment/experiment.db-journal",
}  # fmt: skip
"""Files that a run makes again or that no copy needs; links of the portal and answers of visitors, which must not count
after a restore."""
KEPT_FOR_DAYS = {
    "audit/**", "consent/**", "dp/**", "released/**", "quality/**", "audience/*", "contracts/*", "content/**",
    "place_page/*", "operation/*", "metric/*", "*.check", "installation.id", "run_date.toml", "manifest.json",
}  # fmt: skip
"""Files without identifiers in clear, and without what only a destroyed key makes unreadable."""


def misplaced(market: Installation) -> set[str]:
    """The files of the registry of stores that are in another part of a backup than stated here."""
    found = set()
    for glob in (glob for store in subject_stores(market) for glob in store.paths):
        expected = None if glob in LEFT_OUT else Part.STORES if glob in KEPT_FOR_DAYS else Part.LIVE
        if expected is Part.LIVE and glob.startswith(SECRET):
            expected = Part.SECRETS
        path = glob.removeprefix(SECRET).replace("**", "one/two").replace("*", "one")
        if part_of_file(Area.SECRET if glob.startswith(SECRET) else Area.DATA, path) is not expected:
            found.add(glob)
    return found


def test_each_store_of_files_is_in_its_part(market: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    assert misplaced(market) == set()

    # The negative control: stores that are forgotten, or kept for days with what an erasure has removed.
    monkeypatch.setattr(content, "_MADE_AGAIN", (*content._MADE_AGAIN, "federated/*", "partner_match/*"))
    monkeypatch.setattr(content, "_STORES", (*content._STORES, "synthetic/*"))
    assert misplaced(market) == {"federated/**", "secret:partner_match/*", "synthetic/**"}


def test_each_table_of_postgresql_is_in_the_part_of_its_file() -> None:
    for one in FILES:
        area = Area.SECRET if one.is_secret else Area.DATA
        assert {part_of_table(table) for table in one.tables} == {part_of_file(area, one.path)}, one.store
    versions = Path(next(iter(migration.__path__))) / "versions"
    statements = "".join(path.read_text("utf-8") for path in versions.glob("*.py"))
    created = set(re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", statements))
    assert created == {table for one in FILES for table in one.tables} | {"store_version", "document"}


def test_each_store_of_documents_is_in_the_part_of_its_folder() -> None:
    single = {STORE: STORE, AUDIENCES: AUDIENCE_FOLDER, "participants": "federated"}
    folders = {**DOCUMENTS, **single, **{folder: folder for folder in FOLDERS}}
    kept = {store for store, folder in folders.items() if part_of_file(Area.DATA, f"{folder}/one") is Part.STORES}
    assert kept == set(KEPT_DOCUMENTS) & folders.keys()
    assert kept == {*DOCUMENTS, STORE, AUDIENCES}

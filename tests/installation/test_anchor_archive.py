"""Anchors of the audit log are published elsewhere, and an older copy of the whole machine does not contain them."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from installation.anchor_archive import AnchorArchive, AnchorArchiveError
from installation.audit_verification import publish_anchor, verify_audit_log
from installation.errors import SettingsError
from installation.installation import Installation
from installation.settings import load_settings
from privacy.audit import AuditEntry, AuditError
from privacy.storage.hash_chain import ChainHead
from privacy.storage.secret_file import SecretError

USE = AuditEntry(
    at=datetime(2026, 1, 1, tzinfo=UTC), who="ha-neul", role="analyst", purpose="analytics", action="read", table="t"
)


def open_installation(folder: Path, archive: Path | None) -> Installation:
    return Installation(load_settings(data_dir=folder / "data", anchor_archive=archive and str(archive)))


def test_a_machine_put_back_as_a_whole_is_found_by_the_published_anchors(tmp_path: Path) -> None:
    archive, machine = tmp_path / "elsewhere", tmp_path / "machine"
    with open_installation(machine, archive) as opened:
        opened.audit_log.append(USE)
        first = publish_anchor(opened)
    shutil.copytree(machine, tmp_path / "backup")
    with open_installation(machine, archive) as opened:
        opened.audit_log.append(USE)
        second = publish_anchor(opened)
        # The contrast: the log that went on contains both.
        assert verify_audit_log(opened) == []
    assert sorted(path.name for path in archive.iterdir()) == [first, second]
    assert all(path.stat().st_mode & 0o222 == 0 for path in archive.iterdir())
    shutil.rmtree(machine)
    shutil.copytree(tmp_path / "backup", machine)
    with open_installation(machine, archive) as restored:
        # Log, anchor and key fit each other; only the archive knows better.
        assert restored.audit_log.verify() == []
        assert [(fault.kind, fault.number) for fault in verify_audit_log(restored)] == [("anchor", 2)]
        with pytest.raises(AuditError, match="its anchor was not published"):
            publish_anchor(restored)


def test_publishing_twice_writes_one_object(tmp_path: Path) -> None:
    archive = AnchorArchive(str(tmp_path / "elsewhere"), {})
    head = ChainHead(7, "ab" * 32)
    assert archive.publish(head) == archive.publish(head)
    assert archive.heads() == [head]


def test_an_archive_that_cannot_be_read_is_an_error_and_not_an_empty_archive(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("a file")
    with open_installation(tmp_path, tmp_path / "elsewhere") as opened:
        opened.audit_log.append(USE)
        with pytest.raises(AnchorArchiveError, match="cannot be read"):
            verify_audit_log(opened)


def test_publishing_without_a_place_says_what_to_set(tmp_path: Path) -> None:
    with open_installation(tmp_path, None) as opened, pytest.raises(SettingsError, match="anchor_archive"):
        publish_anchor(opened)


def test_a_log_and_anchor_that_were_deleted_together_are_not_begun_anew(tmp_path: Path) -> None:
    with open_installation(tmp_path, None) as opened:
        opened.audit_log.append(USE)
        log, anchor = opened.audit_log.path, opened.audit_log.anchor_path
    for path in (*log.parent.glob("audit.db*"), anchor):
        path.unlink()
    with open_installation(tmp_path, None) as opened, pytest.raises(AuditError, match="were deleted"):
        opened.audit_log.append(USE)
    (anchor.parent / "audit.key").unlink()
    with open_installation(tmp_path, None) as opened, pytest.raises(SecretError, match="the key is missing"):
        opened.audit_log.append(USE)
    # The contrast: without a trace of a former log a new one begins, as on a new machine.
    (tmp_path / "data" / "audit.check").unlink()
    with open_installation(tmp_path, None) as opened:
        assert opened.audit_log.append(USE).number == 1

"""Settings under which a sign-in link could be read on the way are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from installation.errors import SettingsError
from installation.settings import load_settings

MAIL = {"public_url": "https://privacy.example", "mail_host": "smtp.example", "mail_sender": "a@shop.example"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"public_url": "http://privacy.example"}, "expected https"),
        ({"public_url": "https://privacy.example/path"}, "public_url"),
        ({"public_url": None}, "mail_host is set without"),
        ({"mail_sender": None}, "mail_host is set without"),
        ({"mail_sender": "a@b\nBcc: c@d"}, "mail_sender"),
        ({"mail_tls": "none"}, "expected starttls or tls"),
        ({"mail_user": "portal"}, "only one of mail_user"),
    ],
)
def test_unsafe_settings_of_mail_are_refused(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load_settings(data_dir=tmp_path, portal=MAIL | changes)


def test_a_server_in_this_machine_needs_no_encryption(tmp_path: Path) -> None:
    local = {"public_url": "http://127.0.0.1:8080", "mail_host": "127.0.0.1", "mail_tls": "none"}
    assert load_settings(data_dir=tmp_path, portal=MAIL | local).portal.mail_port == 587


def test_the_password_is_read_from_a_private_file_only(tmp_path: Path) -> None:
    file = tmp_path / "mail"
    file.write_text("secret\n")
    file.chmod(0o644)
    named = {"mail_user": "portal", "mail_password_file": str(file)}
    portal = load_settings(data_dir=tmp_path, portal=MAIL | named).portal
    with pytest.raises(SettingsError, match="chmod 600"):
        portal.mail_server().read_password()
    file.chmod(0o600)
    assert portal.mail_server().read_password() == "secret"

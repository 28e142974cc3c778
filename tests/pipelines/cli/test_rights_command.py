"""`bojagi rights`: a request from its arrival to its certificate, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from installation.installation import Installation
from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import settings_for
from privacy.protection.scan.needle import Needle
from privacy.rights.subject import Subject


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one customer, who is in no table yet."""
    (tmp_path / "lakehouse").mkdir()
    with Installation(settings_for(tmp_path)) as installation:
        installation.consent_store.assign("p_1", "c_1", datetime(2020, 1, 1))
    found = Subject("", ("c_1",), ("crm_customer:p_1",), (), (), (Needle("email", "kim@example.com"),))
    monkeypatch.setattr(
        "pipelines.orchestration.rights_registry.find_person",
        lambda _, __, reference: Subject.from_sealed_text(found.sealed_text().replace('""', f'"{reference}"', 1)),
    )
    return tmp_path


def rights(data: Path, *arguments: str, code: ExitCode = ExitCode.OK) -> str:
    result = CliRunner().invoke(app, ["rights", *arguments, "--data", str(data)])
    assert result.exit_code == code, result.output
    return result.output


def test_a_request_goes_from_its_arrival_to_a_certificate_that_an_outsider_verifies(data: Path, tmp_path: Path) -> None:
    made = json.loads(rights(data, "submit", "erasure", "--customer", "c_1", "--json"))
    request = made["id"]
    assert (made["state"], made["is_duplicate"]) == ("submitted", False)
    assert json.loads(rights(data, "submit", "erasure", "--customer", "c_1", "--json"))["is_duplicate"]
    assert request in rights(data, "list")
    assert "identity" in rights(data, "approve", request, code=ExitCode.REFUSED)
    rights(data, "identify", request, "--method", "passport_seen")
    rights(data, "approve", request)
    assert json.loads(rights(data, "execute", "--json"))[0]["state"] == "completed"
    shown = json.loads(rights(data, "show", request, "--json"))
    assert [event["kind"] for event in shown["events"]][-1] == "completed"
    # An outsider has the two files and the published key, and no installation.
    folder, outside = data / "rights" / "certificate", tmp_path / "outside"
    certificate = folder / f"{request}.json"
    published = str(data / "rights" / "certificate_key.pem")
    assert "valid: erasure" in rights(outside, "verify", str(certificate), "--key", published)
    assert "--key" in rights(outside, "verify", str(certificate), code=ExitCode.REFUSED)
    assert "valid: erasure" in rights(data, "verify", str(folder / f"{request}.pdf"))
    certificate.write_bytes(certificate.read_bytes().replace(b'"controller": "Bojagi', b'"controller": "Mojagi'))
    assert "changed" in rights(data, "verify", str(certificate), code=ExitCode.REFUSED)


def test_a_request_that_a_store_keeps_open_is_shown_with_the_reason(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = json.loads(rights(data, "submit", "erasure", "--customer", "c_1", "--json"))["id"]
    rights(data, "identify", request, "--method", "passport_seen")
    rights(data, "approve", request)

    def refuse(*_: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("installation.rights.data_keys.DataKeys.erase", refuse)
    output = rights(data, "execute", code=ExitCode.FAILED)
    assert f"{request} stays open: keys: ConnectionRefusedError: Connection refused" in output
    assert "keys" in rights(data, "list")


def test_holds_refusals_extensions_and_answers(data: Path, tmp_path: Path) -> None:
    hold = rights(data, "hold", "--customer", "c_1", "--ground", "court case 7").strip()
    request = json.loads(rights(data, "submit", "erasure", "--customer", "c_1", "--json"))["id"]
    rights(data, "identify", request, "--method", "passport_seen")
    assert "court case 7" in rights(data, "approve", request, code=ExitCode.REFUSED)
    assert hold in rights(data, "holds")
    rights(data, "release", hold)
    assert "expected" in rights(data, "refuse", request, "--ground", "we_like_it", code=ExitCode.REFUSED)
    assert "PIPA art. 36(1)" in rights(data, "refuse", request, "--ground", "law_demands_collection")
    access = json.loads(rights(data, "submit", "access", "--customer", "c_1", "--json"))["id"]
    rights(
        data,
        "extend",
        access,
        "--reason",
        "many sources",
        "--until",
        f"{datetime.now(UTC).date() + timedelta(days=90)}",
    )
    rights(data, "identify", access, "--method", "passport_seen")
    rights(data, "approve", access)
    rights(data, "execute")
    archive = tmp_path / "answer.zip"
    rights(data, "answer", access, "--output", str(archive))
    assert archive.read_bytes().startswith(b"PK")
    assert archive.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("submit", "erasure", "--customer", "c_9"), ExitCode.USAGE, "customer_id"),
        (("submit", "oblivion", "--customer", "c_1"), ExitCode.USAGE, "right"),
        (("submit", "erasure", "--customer", "c_1", "--law", "US"), ExitCode.USAGE, "jurisdiction"),
        (("show", "q_1' OR '1'='1"), ExitCode.USAGE, "There is no request"),
        (("withdraw", "q_" + "0" * 32), ExitCode.USAGE, "There is no request"),
    ],
)
def test_what_cannot_work_is_told_in_one_line(
    data: Path, arguments: tuple[str, ...], code: ExitCode, told: str
) -> None:
    output = rights(data, *arguments, code=code)
    assert told in output
    assert len(output.strip().splitlines()) == 1

"""A fit is refused, paid, logged and stored in the safe order; people who are held out are never learned from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Thread
from zipfile import ZipFile

import pyarrow as pa
import pytest

from installation.audit_verification import verify_releases
from installation.errors import SettingsError
from pipelines.synthetic import service as service_module
from pipelines.synthetic.judgement import Question, judge, judge_model
from pipelines.synthetic.model_folder import ModelFolder
from pipelines.synthetic.person_split import Rows, split
from pipelines.synthetic.sampling import draw
from pipelines.synthetic.service import Fitted, SyntheticService
from privacy.dp.errors import BudgetRefused
from privacy.synthetic.errors import DamagedModel
from privacy.synthetic.fit import cost_of
from tests.pipelines.synthetic.own_file import open_service, read_specification, source_of, write_people

COST = cost_of(read_specification()).rho


def folder_of(service: SyntheticService) -> ModelFolder:
    return ModelFolder.of_model(service.installation.settings, "people")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a fitted model of 800 people, and budget for one more fit."""
    root = tmp_path_factory.mktemp("synthetic")
    with open_service(root / "data", 2.5 * COST) as service:
        service.fit(source_of(service, write_people(root / "people.csv")), folder_of(service))
    return root / "data"


@pytest.fixture
def without_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the scores, which train models and take long; the gate does not use them."""
    monkeypatch.setattr("privacy.synthetic.evaluation.evaluate.table_scores", lambda *_: [])


def test_a_fit_is_paid_and_logged_once(data: Path) -> None:
    with open_service(data) as service:
        source = source_of(service, data.parent / "people.csv")
        before = service.balances(source)["ever"]
        fitted = service.fit(source, folder_of(service))
        assert fitted.is_stored
        assert service.balances(source)["ever"] == before == pytest.approx(1.5 * COST, abs=1e-6)
        entries = [one for _, one in service.installation.audit_log.entries()]
        released = [one for one in entries if one.action == "dp_release"]
        assert [(one.table, one.purpose, one.outcome) for one in released] == [("people", "research", "allowed")]
        assert released[0].columns == ("age", "person", "sex", "smokes")
        assert released[0].debit is not None
        assert verify_releases(service.installation) == []


def test_without_budget_no_row_is_read_and_the_refusal_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_: object) -> Rows:
        raise AssertionError("a row was read")

    monkeypatch.setattr("pipelines.synthetic.source.FileSource.read", read)
    with open_service(tmp_path / "data", COST / 2) as service:
        source = source_of(service, write_people(tmp_path / "people.csv", 50))
        with pytest.raises(BudgetRefused):
            service.fit(source, folder_of(service))
        assert not folder_of(service).exists
        assert [one.outcome for _, one in service.installation.audit_log.entries()] == ["refused"]


def test_a_debit_that_the_log_does_not_record_gives_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("the log cannot be written")

    monkeypatch.setattr("privacy.dp.trail.Trail.note", fail)
    with open_service(tmp_path / "data", 2 * COST) as service:
        source = source_of(service, write_people(tmp_path / "people.csv", 50))
        with pytest.raises(OSError, match="log cannot"):
            service.fit(source, folder_of(service))
        assert service.balances(source)["ever"] == pytest.approx(COST, abs=1e-6)
        assert not folder_of(service).exists


def test_a_package_that_is_missing_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "find_spec", lambda _: None)
    with open_service(tmp_path / "data", 2 * COST) as service:
        source = source_of(service, write_people(tmp_path / "people.csv", 50))
        with pytest.raises(SettingsError, match=r"pip install 'bojagi\[synthetic\]'"):
            service.fit(source, folder_of(service))
        assert service.balances(source)["ever"] == pytest.approx(2 * COST, abs=1e-6)


def test_an_altered_or_lost_model_is_refused_and_a_new_fit_is_paid(data: Path, tmp_path: Path) -> None:
    with open_service(data) as service:
        model = next((data / "synthetic" / "fitted").glob("*.zip"))
        whole = model.read_bytes()
        source = source_of(service, data.parent / "people.csv")
        try:
            # Within the content of the first part: a zip file has bytes elsewhere, such as dates, that mean nothing.
            with ZipFile(model) as archive:
                part = archive.infolist()[0]
            middle = part.header_offset + 30 + len(part.filename) + part.compress_size // 2
            model.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
            with pytest.raises(DamagedModel):
                service.open(folder_of(service))
            model.unlink()
            with pytest.raises(DamagedModel):
                service.fit(source, folder_of(service))
        finally:
            model.write_bytes(whole)
        other = ModelFolder(tmp_path / "again")
        first, left = service.fit(source, folder_of(service)), service.balances(source)["ever"]
        again = service.fit(source, other, again=True)
        assert again.record.model != first.record.model
        assert service.balances(source)["ever"] == pytest.approx(left - COST, abs=1e-6)
        assert service.fit(source, other).record == again.record


def test_a_changed_file_is_another_fit_and_gets_no_report(data: Path, tmp_path: Path) -> None:
    with open_service(data) as service:
        path = data.parent / "people.csv"
        whole = path.read_text()
        try:
            path.write_text(whole.replace("person-00000", "person-90000"))
            with pytest.raises(SettingsError, match="has changed since the model was fitted"):
                judge_model(service, folder_of(service), Question("people"), 0)
            changed = source_of(service, path)
        finally:
            path.write_text(whole)
        assert changed.form.scope != source_of(service, path).form.scope


@pytest.mark.usefixtures("without_scores")
def test_the_report_has_the_verdict_and_copied_rows_close_the_gate(data: Path) -> None:
    with open_service(data) as service:
        judged = judge_model(service, folder_of(service), Question("people"), 0)
        assert judged.gate.is_open, judged.gate.failed
        assert judged.sides.learned.permitted + judged.sides.held_out.permitted == 800
        # Negative control: rows of people who were learned from, with their identifier in a column.
        fitted = service.open(folder_of(service))
        source = service.source(folder_of(service), fitted)
        leaked = judged.sides.learned.people.rename_columns(["token", "age", "sex", "smokes"])
        verdict = judge(fitted, source, judged.sides, (leaked,), service.installation.ledger, Question("people")).gate
        assert not verdict.is_open
        assert "identifier person" in {one.name for one in verdict.failed}


@pytest.mark.usefixtures("without_scores")
def test_a_model_that_the_ledger_did_not_pay_for_closes_the_gate(data: Path) -> None:
    with open_service(data) as service:
        fitted = service.open(folder_of(service))
        source = service.source(folder_of(service), fitted)
        cheaper = replace(fitted.model, scales={name: one / 3 for name, one in fitted.model.scales.items()})
        forged = Fitted(cheaper, fitted.record, is_stored=True)
        rows, sides = draw(forged.model, None, 1), service.sides(source)
        verdict = judge(forged, source, sides, rows, service.installation.ledger, Question("people")).gate
        assert {"record", "noise"} <= {one.name for one in verdict.failed}


def test_a_person_is_on_one_side_with_all_rows_in_every_fit() -> None:
    people = [f"p{number}" for number in range(2000)]
    table = pa.table({"person": [*people, *people], "value": range(4000)})
    rows = Rows(table, table, "person", 2000, 2000)
    sides = split(rows, b"k" * 32, "people")
    learned, held_out = (set(one.people["person"].to_pylist()) for one in (sides.learned, sides.held_out))
    assert not learned & held_out
    assert learned | held_out == set(people)
    assert 300 < len(held_out) < 500
    assert sides.learned.events is not None
    assert set(sides.learned.events["person"].to_pylist()) == learned
    fewer = replace(rows, people=table.slice(500, 1000), events=None)
    assert set(split(fewer, b"k" * 32, "people").held_out.people["person"].to_pylist()) <= held_out
    assert set(split(rows, b"j" * 32, "people").held_out.people["person"].to_pylist()) != held_out


def test_two_fits_at_once_pay_once_and_give_the_same_model(tmp_path: Path) -> None:
    path = write_people(tmp_path / "people.csv", 200)
    digests = []

    def fit() -> None:
        with open_service(tmp_path / "data") as service:
            digests.append(service.fit(source_of(service, path), folder_of(service)).record.model)

    with open_service(tmp_path / "data", 2.5 * COST) as service:
        both = [Thread(target=fit) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        assert service.balances(source_of(service, path))["ever"] == pytest.approx(1.5 * COST, abs=1e-6)
        assert digests == [service.open(folder_of(service)).record.model] * 2


@pytest.mark.parametrize("folder", ["data/lakehouse/gold", "data/landing/crm", "data/secret", "link"])
def test_a_file_of_the_installation_is_no_file_of_ones_own(tmp_path: Path, folder: str) -> None:
    with open_service(tmp_path / "data", 2.5 * COST) as service:
        (tmp_path / "link").symlink_to(tmp_path / "data")
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        source = source_of(service, write_people(tmp_path / folder / "people.csv", 50))
        with pytest.raises(SettingsError, match="no file of your own"):
            service.fit(source, folder_of(service))
        assert service.balances(source)["ever"] == pytest.approx(2.5 * COST, abs=1e-6)


def test_a_report_is_logged_before_rows_are_read(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_: object) -> Rows:
        raise AssertionError("a row was read")

    monkeypatch.setattr("pipelines.synthetic.source.FileSource.read", read)
    with open_service(data) as service:
        with pytest.raises(AssertionError, match="a row was read"):
            judge_model(service, folder_of(service), Question("report"), 0)
        last = [one for _, one in service.installation.audit_log.entries()][-1]
    assert (last.action, last.table, last.purpose) == ("synthetic_report", "people", "research")

"""Two installations find their common consenting customers by exchanging files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from federated.secure.errors import ProtocolViolation
from pipelines.cli.app import app
from pipelines.errors import PartnerMatchError
from pipelines.federated.partner_match import PartnerMatch
from tests.features.repo.training_market import TrainingMarket, random_orders

OURS = {f"c_1_{number:05d}": f"+82 10 {number}" for number in range(10)}
THEIRS = {f"c_2_{number:05d}": f"+82 10 {number + 6}" for number in range(10)}
Markets = tuple[TrainingMarket, TrainingMarket]


@pytest.fixture
def markets(tmp_path: Path) -> Iterator[Markets]:
    opened = [TrainingMarket(tmp_path / f"data {seed}", random_orders(seed, customers=10)) for seed in (1, 2)]
    yield opened[0], opened[1]
    for market in opened:
        market.installation.close()


def both(markets: Markets) -> tuple[PartnerMatch, PartnerMatch]:
    ours, theirs = (PartnerMatch(market.installation, "tester", "spring-26") for market in markets)
    return ours, theirs


def test_both_find_their_ids_of_common_customers_who_permit_the_purpose(markets: Markets) -> None:
    markets[0].state("c_1_00007", state="withdrawn", at=datetime(2017, 3, 1))
    ours, theirs = both(markets)
    our_offer, their_offer = ours.offer(OURS, "personalisation", 50), theirs.offer(THEIRS, "personalisation", 50)
    assert (our_offer.customers, our_offer.without_consent, their_offer.customers) == (9, 1, 10)
    our_answer, their_answer = ours.answer(their_offer.points), theirs.answer(our_offer.points)
    # A withdrawal after the offer counts in the result.
    markets[1].state("c_2_00002", state="withdrawn", at=datetime(2017, 4, 1))
    assert ours.match(OURS, our_offer.points, our_answer, their_answer) == ["c_1_00006", "c_1_00008", "c_1_00009"]
    assert theirs.match(THEIRS, their_offer.points, their_answer, our_answer) == ["c_2_00000", "c_2_00003"]
    ours.finish()
    with pytest.raises(PartnerMatchError, match="no open match spring-26"):
        ours.match(OURS, our_offer.points, our_answer, their_answer)
    logged = markets[0].installation.audit_log.entries(lambda entry: "partner" in entry.action)
    assert [(entry.action.split()[0], entry.subjects) for _, entry in logged] == [
        ("offer", 9),
        ("answer", 10),
        ("match", 3),
    ]


def test_steps_that_could_reveal_more_are_refused(markets: Markets) -> None:
    ours, theirs = both(markets)
    with pytest.raises(PartnerMatchError, match="rests on no consent; choose one of analytics"):
        ours.offer(OURS, "service_delivery", 50)
    with pytest.raises(PartnerMatchError, match="None of 1 customers permits personalisation"):
        ours.offer({"c_unknown": "x"}, "personalisation", 50)
    offered = ours.offer(OURS, "personalisation", 5)
    with pytest.raises(PartnerMatchError, match="has begun already"):
        ours.offer(OURS, "personalisation", 50)
    with pytest.raises(ProtocolViolation, match="at most 5 points"):
        ours.answer(theirs.offer(THEIRS, "personalisation", 50).points)
    theirs.answer(offered.points)
    with pytest.raises(PartnerMatchError, match="was answered already"):
        theirs.answer(offered.points)
    with pytest.raises(PartnerMatchError, match="is not allowed"):
        PartnerMatch(markets[0].installation, "tester", "../key")


def test_the_commands_write_the_files_of_a_match(markets: Markets, tmp_path: Path) -> None:
    def run(step: str, side: int, *options: str) -> str:
        folder = markets[side].installation.settings.data_dir
        result = CliRunner().invoke(app, ["federated", "intersect", step, "spring-26", *options, "--data", str(folder)])
        assert result.exit_code == 0, result.output
        return result.output

    for side, names in enumerate((OURS, THEIRS)):
        rows = "\n".join(f"{customer},{identifier}" for customer, identifier in names.items())
        (tmp_path / f"{side}.csv").write_text(f"customer_id,phone\n{rows}\n")
        run(
            "offer", side, "--customers", f"{tmp_path}/{side}.csv", "--purpose", "personalisation",
            "--partner-most", "20", "--out", f"{tmp_path}/{side}.offer", "--json",
        )  # fmt: skip
    for side in (0, 1):
        run("answer", side, "--offer", f"{tmp_path}/{1 - side}.offer", "--out", f"{tmp_path}/{side}.answer")
    for side, expected in enumerate((["c_1_00006", "c_1_00007"], ["c_2_00000", "c_2_00001"])):
        shown = run(
            "match", side, "--customers", f"{tmp_path}/{side}.csv", "--offer", f"{tmp_path}/{side}.offer", "--answer",
            f"{tmp_path}/{side}.answer", "--partner-answer", f"{tmp_path}/{1 - side}.answer",
            "--out", f"{tmp_path}/{side}.found.csv",
        )  # fmt: skip
        assert "4 common customers" in shown
        assert (tmp_path / f"{side}.found.csv").read_text().splitlines()[:3] == ["customer_id", *expected]

"""An answer is told as a table: each group's figures with their margins, what was paid, and what is left."""

from __future__ import annotations

import pytest

from pipelines.cli.dp_text import print_answer, print_preview
from privacy.dp.answer import Answer, Estimate

STATEMENT = {"rho_zcdp": 0.1, "epsilon": 2.7, "delta": 1e-9, "unit": "one customer_id"}


def answer(*estimates: Estimate) -> Answer:
    return Answer(
        question="q",
        period="day 2026-03-01",
        confidence=0.95,
        estimates=estimates,
        sentence="Random noise.",
        statement=STATEMENT,
    )


def figure(statistic: str, value: float | None, **group: str) -> Estimate:
    return Estimate(group=group, statistic=statistic, value=value, margin=None if value is None else 17.0)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [" ".join(line.replace("│", " ").split()) for line in capsys.readouterr().out.splitlines()]


def test_a_row_a_group_with_each_figure_in_its_column(capsys: pytest.CaptureFixture[str]) -> None:
    told = answer(
        figure("count", 5749, channel="online"),
        figure("mean", None, channel="online"),
        figure("count", 26939, channel="store"),
        figure("count", 32688),
    )
    print_answer(told, {"month 2026-11": 0.9, "ever": 9.9})
    shown = lines(capsys)
    assert "online 5,749 ± 17 too little data" in shown
    assert "store 26,939 ± 17" in shown
    assert "all 32,688 ± 17" in shown
    assert "Left: ρ 0.9 in month 2026-11, ρ 9.9 in all." in shown


def test_an_answer_without_groups_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer(answer(), {"ever": 1.0})
    assert "No group has enough customers to be shown." in lines(capsys)


def test_a_preview_says_that_nothing_was_spent(capsys: pytest.CaptureFixture[str]) -> None:
    print_preview({"rho": 0.1, "delta": 1e-6, "confidence": 0.95, "margins": {"count": 175.3}})
    shown = lines(capsys)
    assert "Would cost ρ=0.1 and δ=1e-06. Nothing was read and nothing was spent." in shown
    assert "count ± 175.3" in shown

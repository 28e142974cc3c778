"""`bojagi read` prints values as they are, also those that look like markup."""

from __future__ import annotations

import pytest

from pipelines.cli import quarantine, read
from privacy.access.plan import ReadPlan
from privacy.access.reader import Read

ODD = "[bold] [/x] [a-z]+"


def test_values_that_look_like_markup_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    plan = ReadPlan("gold/a", "analytics", ("query",), {}, None, is_personal=False, is_pseudonymised=False)
    read._print(Read(None, plan, None), [{"query": ODD}, {"query": None}])
    quarantine._print([dict.fromkeys(("source", "file", "line", "rows", "column", "rule", "reason", "age"), ODD)])
    assert capsys.readouterr().out.count(ODD) >= 9

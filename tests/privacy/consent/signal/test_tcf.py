"""TC strings mean what the framework's own library says, for all combinations of purposes that it writes."""

from __future__ import annotations

import json
import random
import subprocess
from typing import Any

import pytest

from bench.collect.visitor_walk import tc_string
from privacy.consent.signal.tcf import TcStringError, consented_purposes
from tests.agent_serving.collector.sdk import environment

CORE = "CQuf10AQuf10AAfABBENAKFAAKAAAAAAAAYgFeQAgABAK8AAAAAA"
ENCODE = """
const { TCModel, SegmentEncoder } = require("@iabtcf/core");
const drawn = JSON.parse(require("fs").readFileSync(0));
console.log(JSON.stringify(drawn.map(({ purposes, publisher, vendors, interests }) => {
  const model = new TCModel();
  model.cmpId = 31; model.cmpVersion = 1; model.consentScreen = 1;
  model.consentLanguage = "KO"; model.publisherCountryCode = "KR";
  model.vendorListVersion_ = 48; model.policyVersion_ = 5;
  model.purposeConsents.set(purposes); model.purposeLegitimateInterests.set(interests);
  model.vendorConsents.set(vendors); model.publisherConsents.set(publisher || []);
  const segments = publisher ? ["core", "vendorsDisclosed", "publisherTC"] : ["core"];
  return segments.map((name) => SegmentEncoder.encode(model, name)).join(".");
})));
"""


@pytest.mark.sdk
@pytest.mark.slow
def test_strings_of_the_frameworks_library_are_read_as_it_wrote_them() -> None:
    draw = random.Random(25)

    def some(numbers: range) -> list[int]:
        return draw.sample(numbers, draw.randint(0, min(len(numbers), 11)))

    drawn: list[dict[str, Any]] = [
        {
            "purposes": some(range(1, 12)), "publisher": draw.choice((None, some(range(1, 12)))),
            "vendors": some(range(1, 900)), "interests": some(range(2, 12)),
        }
        for _ in range(500)
    ]  # fmt: skip
    done = subprocess.run(
        ["node", "-e", ENCODE], input=json.dumps(drawn), capture_output=True, text=True, cwd=environment.node_home()
    )
    assert done.returncode == 0, done.stderr
    for one, text in zip(drawn, json.loads(done.stdout), strict=True):
        meant = one["purposes"] if one["publisher"] is None else one["publisher"]
        assert consented_purposes(text) == frozenset(meant)


def test_strings_of_the_bench_are_read() -> None:
    assert consented_purposes(tc_string(True, False)) == {1, 8, 9}
    assert consented_purposes(tc_string(False, True)) == {1, 3, 4}
    assert consented_purposes(tc_string(False, False)) == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "CQ",
        f"{CORE}.aAQAAAAAAAAA.aAAAAAAAAAAA",
        CORE[:36],
        f"B{CORE[1:]}",
        f"{CORE}.",
        f"{CORE}.a",
        f"{CORE}.aA",
        CORE.replace("Q", "!"),
        "é",
    ],
)
def test_a_text_that_is_no_tc_string_is_refused(text: str) -> None:
    with pytest.raises(TcStringError):
        consented_purposes(text)

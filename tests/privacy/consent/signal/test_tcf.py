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


DECODE = """
const { TCString } = require("@iabtcf/core");
const every = [...Array(11).keys()].map((number) => number + 1);
console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0)).map((text) => {
  try {
    const model = TCString.decode(text);
    if (model.version !== 2) return null;
    return [model.purposeConsents, model.publisherConsents].map((one) => every.filter((number) => one.has(number)));
  } catch { return null; }
})));
"""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.sdk
@pytest.mark.slow
def test_a_damaged_string_is_read_as_the_frameworks_library_reads_it_or_refused() -> None:
    draw, damaged = random.Random(26), list[str]()
    for _ in range(3_000):
        text = list(draw.choice((CORE, f"{CORE}.aAQAAAAAAAAA", "BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA")))
        for _ in range(draw.randint(0, 3)):
            place = draw.randrange(len(text))
            text[place : place + draw.choice((0, 1, 1, 1))] = draw.choice(("", *LETTERS))
        damaged.append("".join(text))
    done = subprocess.run(
        ["node", "-e", DECODE], input=json.dumps(damaged), capture_output=True, text=True, cwd=environment.node_home()
    )
    assert done.returncode == 0, done.stderr
    both = 0
    for text, meant in zip(damaged, json.loads(done.stdout), strict=True):
        try:
            found = consented_purposes(text)
        except TcStringError:
            continue
        if meant is not None:
            is_publisher = any(LETTERS.index(part[0]) >> 3 == 3 for part in text.split(".")[1:])
            assert found == set(meant[is_publisher]), text
            both += 1
    assert both > 500


def test_strings_of_the_bench_are_read() -> None:
    assert consented_purposes(tc_string(True, False)) == {1, 8, 9}
    assert consented_purposes(tc_string(False, True)) == {1, 3, 4}
    assert consented_purposes(tc_string(False, False)) == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "CQ", CORE[:36], f"B{CORE[1:]}", CORE[:9] + CORE[10:], f"{CORE[:-1]}l", f"{CORE}.", f"{CORE}.a",
        f"{CORE}.aA", f"{CORE}.aAQAAAAAAAAA.aAAAAAAAAAAA", CORE.replace("Q", "!"), "é",
    ],
)  # fmt: skip
def test_a_text_that_is_no_tc_string_is_refused(text: str) -> None:
    with pytest.raises(TcStringError):
        consented_purposes(text)

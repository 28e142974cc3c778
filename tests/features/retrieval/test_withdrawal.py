"""A withdrawal counts within one second in every process that serves."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

from privacy.consent.live_decision import CHECK_SECONDS
from tests.features.retrieval.feature_shop import NOON, FeatureShop

MOST_SECONDS = 1.0
SERVE = """
import json, sys, time
from pathlib import Path
from privacy.consent import live_decision
from tests.features.retrieval.feature_shop import AGENT, PURPOSE, SERVICE, FeatureShop

live_decision.CHECK_SECONDS = float(sys.argv[2])
with FeatureShop(Path(sys.argv[1])).open() as reader:
    def released():
        begun = time.time()
        found = reader.retrieve(["c_yes"], SERVICE, PURPOSE, AGENT)
        return begun, None in found.customers[0].reasons
    assert released()[1]
    print("ready", flush=True)
    last, withdrawn = 0.0, Path(sys.argv[1]) / "withdrawn"
    while (now := released())[1] and not (withdrawn.exists() and now[0] - withdrawn.stat().st_mtime > 1.5):
        last = now[0]
        time.sleep(0.002)
    print(json.dumps(last), flush=True)
"""


def test_no_process_releases_a_value_more_than_a_second_after_the_withdrawal(tmp_path: Path) -> None:
    with closing(FeatureShop(tmp_path)) as shop, ExitStack() as stack:
        shop.state("c_yes", "given")
        shop.store(["c_yes"])
        # The last process looks into the record once only: the negative control.
        serving = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", SERVE, str(tmp_path), str(seconds)], stdout=subprocess.PIPE, text=True
                )
            )
            for seconds in (CHECK_SECONDS, CHECK_SECONDS, float("inf"))
        ]
        for process in serving:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        shop.state("c_yes", "withdrawn", at=NOON)
        (tmp_path / "withdrawn").touch()
        withdrew = time.time()
        ends = [json.loads(process.communicate(timeout=60)[0]) for process in serving]
        assert [process.returncode for process in serving] == [0] * len(serving)
    assert max(ends[:-1]) - withdrew < MOST_SECONDS
    assert ends[-1] - withdrew > MOST_SECONDS

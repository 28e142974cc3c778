"""Counts values that leave although an independent evaluation forbids it, in a million random look-ups.

A look-up is one customer, feature, purpose and moment of an injected clock. Store, consent index and audit log fail at
random. The look-ups ask FeatureReader in this process, then the HTTP application. As negative control, they run again
with the consent decision removed, and must find leaks. See `tests/features/retrieval/random_lookup.py`.

    python -m bench.features.lookup [--quick] [--lookups N]
"""

from __future__ import annotations

import logging
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from bench.claim import Claim
from bench.options import make_parser
from features import client
from tests.agent_serving.test_http_lookup import over_http
from tests.features.retrieval.random_lookup import Judgement, Market

LOOKUPS, SUBJECTS, FAILING_SHARE = 1_000_000, 2000, 0.02


def report(way: str, judged: Judgement) -> None:
    """Print what happened to the look-ups of one way."""
    print(f"{way}: {judged.lookups} look-ups, {dict(judged.outcomes)}", file=sys.stderr)
    for found in (*judged.leaks[:5], *judged.faults[:5]):
        print(f"  {found}", file=sys.stderr)
    Claim(f"forbidden values that left, {way}", len(judged.leaks), "values", bar=0).print_json()
    Claim(f"other wrong answers, {way}", len(judged.faults), "values", bar=0).print_json()


def main() -> None:
    """Look up and print the claims."""
    parser = make_parser(__doc__)
    parser.add_argument("--lookups", type=int, help="number of look-ups in each way")
    options = parser.parse_args()
    lookups = options.lookups or (20_000 if options.quick else LOOKUPS)
    client.MOST_ATTEMPTS = 1
    # Each failure on purpose would be a line.
    logging.getLogger("bojagi.serve").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        market = Market(Path(folder), 200 if options.quick else SUBJECTS, seed=2026)
        with closing(market.shop):
            with market.reader(FAILING_SHARE) as (reader, failing):
                report("in process", market.judge(reader.retrieve, lookups, failing))
            with market.reader(FAILING_SHARE) as (reader, failing), over_http(market, reader) as retrieve:
                report("over HTTP", market.judge(retrieve, lookups, failing))
            with market.reader(0) as (reader, _):
                reader._consent.denials = lambda customers, purpose, at: [None] * len(customers)  # type: ignore[method-assign]
                leaks = len(market.judge(reader.retrieve, max(5_000, lookups // 20)).leaks)
            Claim("leaks found without the consent decision", leaks, "values").print_json()
            assert leaks, "the look-ups find no leak although the consent decision was removed"


if __name__ == "__main__":
    main()

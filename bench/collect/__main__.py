"""Sends 100,000 random visitors through the policy of a source: anonymous, identified, consenting, withdrawn, late.

Every stored event is compared with an independent evaluation, and every consent that was recorded. The control breaks
one rule and must be noticed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from bench.claim import Claim
from bench.collect.consent import compare
from bench.options import make_parser

SEED = 25


def main() -> int:
    """Run the comparison for trusted and for claimed users; print the claims."""
    options = make_parser(__doc__, "python -m bench.collect").parse_args()
    visitors = 1_000 if options.quick else 100_000
    claims = []
    for user_ids in ("trusted", "claimed"):
        started = time.perf_counter()
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
            found = compare(Path(folder), visitors // 2, SEED, user_ids)
        print(
            f"{user_ids}: {found.visitors} visitors, {found.stored} events stored, {found.released} of them after "
            f"they had waited, {found.recorded} verdicts, {time.perf_counter() - started:.0f} s",
            file=sys.stderr,
        )
        claims += [
            Claim(f"stored without a permitting consent, {user_ids} users", len(found.unpermitted), "events", bar=0),
            Claim(f"permitted and not stored, {user_ids} users", len(found.missing), "events", bar=0),
            Claim(f"consents recorded otherwise than given, {user_ids} users", len(found.verdicts), "verdicts", bar=0),
        ]
    for claim in claims:
        claim.print_json()
    return int(not all(claim.holds for claim in claims))


if __name__ == "__main__":
    sys.exit(main())

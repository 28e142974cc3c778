"""Measures the share of generated CSV dialects that are understood fully, by `contracts init` and by DuckDB.

Fully right means: encoding, delimiter, quote character, header line, footer lines, types, forms of times and numbers,
and nulls are right, so that a load gives the true value in every row. DuckDB reads the same files in the same run. Its
sniffer does not guess encodings, so a second figure counts only the files in UTF-8, without footer lines.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.claim import Claim
from bench.contracts_init.dialect import generate_dialect
from bench.contracts_init.judge import judge_draft, judge_sniffer
from bench.options import make_parser

FILES, QUICK_FILES = 1000, 60
# Largest allowed share of files that are not fully right, in percent.
WRONG_PERCENT = 5.0


def main() -> None:
    """Judge all files and print both shares; with `--show`, print what was wrong."""
    parser = make_parser(__doc__)
    parser.add_argument("--show", action="store_true", help="print the faults of each file on standard error")
    parser.add_argument("--first", type=int, default=0, help="seed of the first file")
    options = parser.parse_args()
    count = QUICK_FILES if options.quick else FILES
    ours, peers, splits, peer_splits, silent = [], [], [], [], 0
    shared: list[tuple[bool, bool]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sale.csv"
        for seed in range(options.first, options.first + count):
            file = generate_dialect(seed)
            path.write_bytes(file.content)
            draft, sniffed = judge_draft(file, path), judge_sniffer(file, path)
            ours.append(draft.is_right)
            peers.append(sniffed.is_right)
            splits.append(draft.is_split)
            peer_splits.append(sniffed.is_split)
            silent += not draft.is_right and not draft.is_doubted
            if file.form.codec in ("utf-8", "utf-8-sig") and not file.form.footers:
                shared.append((draft.is_right, sniffed.is_right))
            if options.show and not draft.is_right:
                mark = "doubt listed" if draft.is_doubted else "SILENT"
                print(f"seed {seed}, {mark}: {'; '.join(draft.faults)}", file=sys.stderr)
    _print("dialects not drafted fully right", ours, peers, WRONG_PERCENT)
    _print(
        "the same, files in UTF-8 without footer",
        [own for own, _ in shared],
        [peer for _, peer in shared],
        WRONG_PERCENT,
    )
    _print("delimiter, quote or header line not right", splits, peer_splits)
    Claim("wrong drafts that list no doubt about it", 100 * silent / count, "%", runs=count).print_json()


def _print(title: str, ours: list[bool], peers: list[bool], bar: float | None = None) -> None:
    wrong, others = (100 * (1 - sum(flags) / len(flags)) for flags in (ours, peers))
    Claim(title, wrong, "%", other=others, peer="DuckDB sniffer", bar=bar, runs=len(ours)).print_json()


if __name__ == "__main__":
    main()

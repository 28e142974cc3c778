"""Measures the share of generated CSV dialects that are understood fully, by `contracts init` and by DuckDB.

Fully right means: encoding, delimiter, quote character, header line, footer lines, types, forms of times and numbers,
and nulls are right, so that a load gives the true value in every row. DuckDB reads the same files in the same run. Its
sniffer does not guess encodings, so a second figure counts only the files in UTF-8, without footer lines. All files are
judged twice: with headers that name what a column holds, and with headers that say nothing (c1, c2, c3 …).
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from bench.claim import Claim
from bench.contracts_init.dialect import generate_dialect
from bench.contracts_init.judge import Verdict, judge_draft, judge_sniffer
from bench.generated_file.generate import GeneratedFile
from bench.options import make_parser

FILES, QUICK_FILES = 1000, 60
# Largest allowed share of files that are not fully right, in percent.
WRONG_PERCENT = 5.0


@dataclass
class Tally:
    """Counts of one kind of files: whether each draft, and each result of the sniffer, was fully right."""

    ours: list[bool] = field(default_factory=list)
    peers: list[bool] = field(default_factory=list)
    splits: list[bool] = field(default_factory=list)
    peer_splits: list[bool] = field(default_factory=list)
    shared: list[tuple[bool, bool]] = field(default_factory=list)
    silent: int = 0

    def add(self, file: GeneratedFile, path: Path) -> Verdict:
        """Judge a file, count the result and return the verdict on the draft."""
        draft, sniffed = judge_draft(file, path), judge_sniffer(file, path)
        self.ours.append(draft.is_right)
        self.peers.append(sniffed.is_right)
        self.splits.append(draft.is_split)
        self.peer_splits.append(sniffed.is_split)
        self.silent += not draft.is_right and not draft.is_doubted
        if file.form.codec in ("utf-8", "utf-8-sig") and not file.form.footers:
            self.shared.append((draft.is_right, sniffed.is_right))
        return draft

    def print_claims(self, kind: str) -> None:
        """Print the shares of wrong results; `kind` says what the headers are."""
        _print(f"dialects not drafted fully right{kind}", self.ours, self.peers, WRONG_PERCENT)
        shared = [own for own, _ in self.shared], [peer for _, peer in self.shared]
        _print(f"the same, files in UTF-8 without footer{kind}", *shared, WRONG_PERCENT)
        _print(f"delimiter, quote or header line not right{kind}", self.splits, self.peer_splits)
        percent = 100 * self.silent / len(self.ours)
        Claim(f"wrong drafts that list no doubt about it{kind}", percent, "%", runs=len(self.ours)).print_json()


def main() -> None:
    """Judge all files, with telling headers and with c1, c2, …; print the shares, with `--show` also what was wrong."""
    parser = make_parser(__doc__)
    parser.add_argument("--show", action="store_true", help="print the faults of each file on standard error")
    parser.add_argument("--first", type=int, default=0, help="seed of the first file")
    options = parser.parse_args()
    count = QUICK_FILES if options.quick else FILES
    for is_telling, kind in ((True, ""), (False, ", headers c1, c2, …")):
        tally = Tally()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sale.csv"
            for seed in range(options.first, options.first + count):
                file = generate_dialect(seed, is_telling=is_telling)
                path.write_bytes(file.content)
                draft = tally.add(file, path)
                if options.show and not draft.is_right:
                    mark = "doubt listed" if draft.is_doubted else "SILENT"
                    print(f"seed {seed}{kind}, {mark}: {'; '.join(draft.faults)}", file=sys.stderr)
        tally.print_claims(kind)


def _print(title: str, ours: list[bool], peers: list[bool], bar: float | None = None) -> None:
    wrong, others = (100 * (1 - sum(flags) / len(flags)) for flags in (ours, peers))
    Claim(title, wrong, "%", other=others, peer="DuckDB sniffer", bar=bar, runs=len(ours)).print_json()


if __name__ == "__main__":
    main()

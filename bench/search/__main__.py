"""Measures the search of the shopping agent: `python -m bench search`.

`--only engines` compares tantivy with SQLite's FTS5 (words and letter pairs, trigrams, morphemes) and, with
`--lance FOLDER`, LanceDB in an environment in that folder. `--only serving` measures the index of 100,000 documents:
its making, searches over HTTP beside an empty endpoint, and the time until a changed file is visible. `--only crashes`
kills a process that writes the index a hundred times.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.claim import Claim
from bench.options import make_parser
from bench.search import crash
from bench.search.corpus import QUERIES, write_files
from bench.search.engines import ENGINES, Engine, LanceDb

DOCUMENTS, ROUNDS, KILLS = 100_000, 20, 100


def main() -> int:
    """Measure the parts, and print the claims."""
    parser = make_parser(__doc__, "python -m bench.search")
    parser.add_argument("--only", choices=["engines", "serving", "crashes"])
    parser.add_argument("--lance", type=Path, help="folder of LanceDB's environment; made when missing")
    options = parser.parse_args()
    number = 8_000 if options.quick else DOCUMENTS
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as name:
        folder = Path(name)
        if options.only in (None, "engines"):
            compare_engines(folder / "engines", number, options.lance)
        if options.only in (None, "serving"):
            from bench.search.serving import measure

            measure(folder / "serving", number, 3 if options.quick else ROUNDS)
        if options.only in (None, "crashes"):
            crash.measure(folder / "crashes", 5 if options.quick else KILLS)
    return 0


def compare_engines(folder: Path, number: int, lance: Path | None) -> None:
    """Print for each engine the time of making its index, the times of a search, and how many queries are answered."""
    folder.mkdir()
    documents = write_files(folder / "content", number)
    engines: list[Engine] = [make(folder) for make in ENGINES]
    if lance is not None:
        engines.append(LanceDb(folder, lance))
    for engine in engines:
        begun = time.perf_counter()
        engine.build(documents)
        built = time.perf_counter() - begun
        seconds, wrong = [], []
        for _ in range(3):
            for wanted in QUERIES:
                begun = time.perf_counter()
                found = engine.find(wanted.query)
                seconds.append(time.perf_counter() - begun)
                is_right = any(wanted.found in title for title in found) and not any(wanted.never in t for t in found)
                wrong += [] if is_right else [wanted.query]
        about = f"{engine.name}: {number:,} documents"
        Claim(f"{about}, index", built, "s").print_json()
        p50, p99 = (float(np.quantile(seconds, q)) * 1e3 for q in (0.5, 0.99))
        Claim(f"{about}, search p50", p50, "ms", runs=len(seconds)).print_json()
        Claim(f"{about}, search p99", p99, "ms", runs=len(seconds)).print_json()
        Claim(f"{engine.name}: wrong of {len(QUERIES)} queries", float(len(set(wrong))), "queries").print_json()
        print(engine.name, "is wrong on", sorted(set(wrong)), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

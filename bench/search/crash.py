"""Kills a process that writes the index, at random moments, and looks at what is left.

As a program (`python -m bench.search.crash FOLDER VERSION`) it writes versions of two sources without end.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from agent_serving.search.document import Document, Kind
from agent_serving.search.engine import Change
from agent_serving.search.tantivy_engine import TantivyIndex
from bench.claim import Claim

_DOCUMENTS = 200
_SOURCES = "xy"


def write_on(folder: Path, version: int) -> None:
    """Write versions until the process is killed; print each one that is committed."""
    index = TantivyIndex(folder)
    print(version, flush=True)
    while True:
        version += 1
        index.write([_change(source, version) for source in _SOURCES])
        print(version, flush=True)


def measure(folder: Path, kills: int) -> None:
    """Print how often the index had no whole version after a kill, an older one than was committed, or was stuck."""
    draw, broken, older, stuck, version = random.Random(7), 0, 0, 0, 0
    folder.mkdir()
    for _ in range(kills):
        command = [sys.executable, "-m", "bench.search.crash", str(folder), str(version)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(draw.random() * 0.5)
            process.kill()
            printed = [int(line) for line in process.stdout.read().split()]
        index = TantivyIndex(folder)
        found = index.search("", branch="a", limit=10_000)
        seen = {int(document.text) for document in found}
        broken += len(seen) > 1 or len(found) not in (0, _DOCUMENTS * len(_SOURCES))
        older += max(seen, default=0) < max(printed, default=0)
        version = max([version, *printed, *seen]) + 1
        try:
            index.write([_change(source, version) for source in _SOURCES])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
            stuck += 1
            print(type(error).__name__, error, file=sys.stderr)
    about = f"of {kills} kills while the index was written"
    Claim(f"{about}: mixed or partial versions", float(broken), "kills", bar=0, runs=kills).print_json()
    Claim(f"{about}: committed versions lost", float(older), "kills", bar=0, runs=kills).print_json()
    Claim(f"{about}: the next write failed", float(stuck), "kills", bar=0, runs=kills).print_json()


def _change(source: str, version: int) -> Change:
    documents = [
        Document(f"{source}{number}", Kind.PRODUCT, "a", f"빵 {number}", str(version)) for number in range(_DOCUMENTS)
    ]
    return Change(source, str(version), documents)


if __name__ == "__main__":
    write_on(Path(sys.argv[1]), int(sys.argv[2]))

"""Measures the understanding of messages on labelled utterances: accuracy of intents, F1 of entities, time a message.

python -m bench.agent.understanding FILE…     score these files instead of the published ones
python -m bench.agent.understanding --errors  also print the utterances that are read wrongly

A hit of an entity is an equal (type, value); texts are compared without spaces and case. The files
of `utterance/` are by authors who did not work on the rules. Of those, only `hidden_2` was never fitted on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from agent_serving.understanding.model import Understanding
from agent_serving.understanding.parser import understand
from agent_serving.understanding.vocabulary import compact
from bench.claim import Claim

HERE = Path(__file__).parent / "utterance"
FILES = tuple(path for name in ("tuning", "hidden", "hidden_2") if (path := HERE / f"{name}.jsonl").exists())
ITEM_KINDS = ("product", "brand", "quantity", "price_min", "price_max")
Entity = tuple[str, str | int]


def entity(kind: str, value: str | int) -> Entity:
    """Return an entity in the form in which entities are compared."""
    return kind, compact(value) if isinstance(value, str) else value


def entities_in(found: Understanding) -> set[Entity]:
    """Return the entities of an understood message, as the planner receives them."""
    items = {entity(k, v) for item in found.items for k in ITEM_KINDS if (v := getattr(item, k)) is not None}
    constraints = found.constraints
    lists = (
        ("time", found.time), ("place", found.place), ("allergy", constraints.allergies), ("faith", constraints.faiths),
        ("diet", constraints.diets),
    )  # fmt: skip
    return items | {entity(kind, value) for kind, values in lists for value in values}


@dataclass
class Score:
    """Counts of right and wrong readings. Written while utterances are read."""

    utterances: int = 0
    intents: int = 0
    hits: int = 0
    extra: int = 0
    missed: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def accuracy(self) -> float:
        """Share of utterances whose intent is right."""
        return self.intents / self.utterances

    @property
    def f1(self) -> float:
        """F1 of entities over all utterances (micro average)."""
        return 2 * self.hits / (2 * self.hits + self.extra + self.missed)

    def note(self, row: dict[str, Any], found: Understanding) -> None:
        """Count one utterance."""
        wanted, got = {entity(e["type"], e["value"]) for e in row["entities"]}, entities_in(found)
        self.utterances += 1
        self.intents += found.intent == row["intent"]
        self.hits += len(wanted & got)
        self.extra += len(got - wanted)
        self.missed += len(wanted - got)
        if found.intent != row["intent"] or wanted != got:
            wrong = f"{row['intent']} → {found.intent}" if found.intent != row["intent"] else row["intent"]
            self.errors.append(f"{row['id']} {row['text']} | {wrong} | missed {wanted - got} | extra {got - wanted}")


def score(rows: Iterable[dict[str, Any]]) -> Score:
    """Return the score of labelled utterances."""
    counts = Score()
    for row in rows:
        counts.note(row, understand(row["text"]))
    return counts


def seconds_a_message(texts: list[str]) -> float:
    """Return the median time to read one message."""
    times = []
    for text in texts:
        begun = time.perf_counter()
        understand(text)
        times.append(time.perf_counter() - begun)
    return median(times)


def main() -> None:
    """Print one claim a figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=FILES)
    parser.add_argument("--errors", action="store_true")
    arguments = parser.parse_args()
    for path in arguments.files:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        counts = score(rows)
        if arguments.errors:
            print(*counts.errors, sep="\n")
        # Bars are upper limits, so what is wrong is claimed: at most .12 of the intents, and 1 - F1 of at most .18.
        Claim(f"wrong intents, {path.stem}, of {len(rows)}", 1 - counts.accuracy, "of 1", bar=0.12).print_json()
        Claim(f"1 - F1 of entities, {path.stem}", 1 - counts.f1, "of 1", bar=0.18).print_json()
        Claim(f"time to read a message, {path.stem}", seconds_a_message([r["text"] for r in rows]), "s").print_json()


if __name__ == "__main__":
    main()

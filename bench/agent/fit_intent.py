"""Fits the weights of the evidence of intents, and writes `understanding/lexicon/cue_weight.json`.

python -m bench.agent.fit_intent              fit on all of bench/agent/utterance but what is hidden
python -m bench.agent.fit_intent --validate   print the accuracy on the tuning half in cross-validation, write nothing

The weights are those of a multinomial logistic regression. A word or a run
of letters that occurs less than three times does not count, since few examples say little about it.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from agent_serving.understanding.entity import entities_of
from agent_serving.understanding.intent import GRAM, evidence_of
from agent_serving.understanding.language import language_of
from agent_serving.understanding.model import Language
from agent_serving.understanding.morphology import morphology

TUNING = ("tuning.jsonl", "hidden.jsonl", "more.jsonl", "colloquial.jsonl", "roundabout.jsonl")
"""Utterances to fit on. `hidden.jsonl` was hidden until it was scored, see decision 0063."""
HERE = Path(__file__).parent / "utterance"
WEIGHTS = Path(__file__).parents[2] / "agent_serving" / "understanding" / "lexicon" / "cue_weight.json"
STRENGTH, LEAST_SEEN, LEAST_WEIGHT, FOLDS = 0.3, 3, 0.08, 8


def evidence(text: str) -> set[str]:
    """Return the evidence of one utterance."""
    language = language_of(text)
    tokens = morphology().tokens(text) if language is Language.KOREAN else []
    return evidence_of(text, entities_of(text, language, tokens), tokens)


class Fit:
    """Weights of evidence, fitted on utterances with known intents."""

    def __init__(self, found: Sequence[set[str]], intents: Sequence[str]) -> None:
        seen = Counter(name for names in found for name in names)
        self._known = {name for name, times in seen.items() if not _is_text(name) or times >= LEAST_SEEN}
        self._columns = DictVectorizer()
        table = self._columns.fit_transform([self._row(names) for names in found])
        self._model = LogisticRegression(C=STRENGTH, max_iter=5000).fit(table, intents)

    def predict(self, found: Sequence[set[str]]) -> np.ndarray:
        """Return the intents."""
        intents: np.ndarray = self._model.predict(self._columns.transform([self._row(names) for names in found]))
        return intents

    def weights(self) -> dict[str, dict[str, float]]:
        """Return the weights of each evidence by intent; those of the empty name hold for every utterance."""
        intents = self._model.classes_
        rows = {"": dict(zip(intents, self._model.intercept_.round(2).tolist(), strict=True))}
        for name, column in zip(self._columns.get_feature_names_out(), self._model.coef_.T, strict=True):
            scaled = column.round(2).tolist()
            if not _is_text(name) or max(map(abs, scaled)) >= LEAST_WEIGHT:
                rows[name] = dict(zip(intents, scaled, strict=True))
        return rows

    def _row(self, names: set[str]) -> dict[str, float]:
        # In order, so that the same utterances always give the same weights.
        return dict.fromkeys(sorted(names & self._known), 1.0)


def _is_text(name: str) -> bool:
    """Return whether evidence is a word or a run of letters of the message itself."""
    return "/" in name or name.startswith(GRAM)


def read(name: str) -> list[dict[str, str]]:
    """Return the utterances of a file."""
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


def main() -> None:
    """Fit or validate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--validate", action="store_true")
    validates = parser.parse_args().validate
    rows = [row for name in TUNING for row in read(name)]
    found = [evidence(row["text"]) for row in rows]
    intents = np.array([row["intent"] for row in rows])
    if not validates:
        lines = (
            f" {json.dumps(n, ensure_ascii=False)}: {json.dumps(w)}"
            for n, w in Fit(found, intents.tolist()).weights().items()
        )
        WEIGHTS.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
        return
    is_tuning = np.arange(len(rows)) < len(read("tuning.jsonl"))
    predicted = np.empty(len(rows), dtype=object)
    for known, unknown in StratifiedKFold(FOLDS, shuffle=True, random_state=1).split(found, intents):
        fit = Fit([found[i] for i in known], intents[known].tolist())
        predicted[unknown] = fit.predict([found[i] for i in unknown])
    for name, chosen in (("tuning half", is_tuning), ("further utterances", ~is_tuning)):
        print(f"{name}: {(predicted == intents)[chosen].mean():.3f} of {chosen.sum()}")


if __name__ == "__main__":
    main()

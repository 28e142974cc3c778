"""Finds the least possible loss of very small tables, by trying every division into classes.

Shares no code with the search: labels, losses and classes are plain Python over rows of text; the relaxation is a
linear programme that scipy solves.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

from privacy.anonymity import Spec

Node = frozenset[str]


@dataclass(frozen=True)
class SmallTable:
    """A very small table. `paths[column][value]` lists the labels of a value from itself to the top."""

    rows: tuple[tuple[str, ...], ...]
    paths: tuple[Mapping[str, tuple[str, ...]], ...]
    weights: tuple[float, ...]
    k: int

    def frame(self) -> pd.DataFrame:
        """Returns the rows as a DataFrame with the columns `c0`, `c1`, …"""
        return pd.DataFrame(list(self.rows), columns=[f"c{j}" for j in range(len(self.paths))])

    def spec(self, folder: Path) -> Spec:
        """Returns a specification for the table; its hierarchies are written to `folder`."""
        columns = {}
        for j, paths in enumerate(self.paths):
            file = folder / f"c{j}.csv"
            file.write_text("".join(";".join(path) + "\n" for path in paths.values()))
            columns[f"c{j}"] = {
                "role": "quasi",
                "hierarchy": {"kind": "file", "file": file},
                "weight": self.weights[j],
            }
        return Spec.model_validate({"columns": columns, "models": [{"name": "k_anonymity", "k": self.k}]})

    def nodes(self, j: int) -> list[Node]:
        """Returns for each label of column `j` the set of occurring values that it covers."""
        present = {row[j] for row in self.rows}
        height = len(next(iter(self.paths[j].values())))
        found = {
            frozenset(other for other in present if self.paths[j][other][level] == self.paths[j][value][level])
            for value in present
            for level in range(height)
        }
        return sorted(found, key=sorted)

    def node_loss(self, j: int, node: Node) -> float:
        """Returns the loss of a label: the share of the column's values that it hides, times the column's weight."""
        values = len({row[j] for row in self.rows})
        return self.weights[j] / sum(self.weights) * (len(node) - 1) / max(values - 1, 1)

    def optimum(self) -> float:
        """Returns the least loss over every division of the rows into classes of `k` or more rows."""
        count = len(self.rows)
        price = [0.0] * (1 << count)
        for members in range(1, 1 << count):
            inside = [self.rows[i] for i in range(count) if members >> i & 1]
            price[members] = len(inside) * sum(
                self._least(j, {row[j] for row in inside}) for j in range(len(self.paths))
            )
        best = [0.0] + [np.inf] * ((1 << count) - 1)
        for members in range(1, 1 << count):
            first = members & -members
            others = members ^ first
            part = others
            while True:
                mine = part | first
                if mine.bit_count() >= self.k:
                    best[members] = min(best[members], price[mine] + best[members ^ mine])
                if not part:
                    break
                part = (part - 1) & others
        return best[-1]

    def _least(self, j: int, values: set[str]) -> float:
        return min(self.node_loss(j, node) for node in self.nodes(j) if values <= node)

    def relaxation(self) -> float:
        """Returns the least loss of a linear relaxation, in which records and labels may be used in fractions.

        x[r, f] is the fraction of record r under label f, and y[f] the fraction of label f in use. x sums to 1 over f,
        and to k * y[f] or more over r; x[r, f] <= y[f].
        """
        labels = list(itertools.product(*(self.nodes(j) for j in range(len(self.paths)))))
        cost = [sum(self.node_loss(j, node) for j, node in enumerate(label)) for label in labels]
        pairs = [
            (r, f)
            for f, label in enumerate(labels)
            for r, row in enumerate(self.rows)
            if all(value in node for value, node in zip(row, label, strict=True))
        ]
        x, record, label_of = np.arange(len(pairs)), np.array([r for r, _ in pairs]), np.array([f for _, f in pairs])
        ones, opened = np.ones(len(pairs)), len(pairs) + np.arange(len(labels))
        width = len(pairs) + len(labels)
        whole = coo_matrix((ones, (record, x)), shape=(len(self.rows), width))
        # Rows of `most`: every pair's x - y <= 0, then every label's k * y - sum of x <= 0.
        values = np.concatenate([ones, -ones, -ones, np.full(len(labels), float(self.k))])
        line = np.concatenate([x, x, len(pairs) + label_of, len(pairs) + np.arange(len(labels))])
        place = np.concatenate([x, len(pairs) + label_of, x, opened])
        most = coo_matrix((values, (line, place)), shape=(width, width))
        objective = np.concatenate([np.array(cost)[label_of], np.zeros(len(labels))])
        solved = linprog(objective, most, np.zeros(width), whole, np.ones(len(self.rows)), (0, 1), method="highs")
        assert solved.status == 0, solved.message
        return float(solved.fun)

    def nearest(self) -> float:
        """Returns the sum over all records of the cheapest label that covers the record and k records in all."""
        labels = itertools.product(*(self.nodes(j) for j in range(len(self.paths))))
        least = [np.inf] * len(self.rows)
        for label in labels:
            inside = [
                r for r, row in enumerate(self.rows) if all(v in node for v, node in zip(row, label, strict=True))
            ]
            loss = sum(self.node_loss(j, node) for j, node in enumerate(label))
            if len(inside) >= self.k:
                for r in inside:
                    least[r] = min(least[r], loss)
        return float(sum(least))


def random_small_table(seed: int, most_rows: int = 11) -> SmallTable:
    """Returns a random table of at least 8 rows, 2 or 3 columns, 2 to 5 skewed values and random trees."""
    dice = random.Random(seed)
    paths: list[dict[str, tuple[str, ...]]] = []
    for _ in range(dice.choice([2, 2, 3])):
        values = "abcde"[: dice.randint(2, 5)]
        groups = {value: dice.choice("XYZ") for value in values}
        above = {group: dice.choice("PQ") for group in "XYZ"}
        is_tall = dice.random() < 0.5
        paths.append(
            {
                value: (value, groups[value], above[groups[value]], "*") if is_tall else (value, groups[value], "*")
                for value in values
            }
        )
    rows = tuple(
        tuple(dice.choices(list(path), [1 / (place + 1) for place in range(len(path))])[0] for path in paths)
        for _ in range(dice.randint(8, most_rows))
    )
    weights = tuple(dice.choice([1.0, 1.0, 2.0, 0.5]) for _ in paths)
    return SmallTable(rows, tuple(paths), weights, dice.choice([2, 3]))

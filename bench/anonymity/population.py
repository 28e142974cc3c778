"""Compares estimates of population uniques with their true number: python -m bench.anonymity.population [--quick].

The number of unique people is known for each population. The populations are Adult by seven columns, Adult by three
columns, and three drawn ones: by Pitman's model, by the SNB model, and from few combinations. A seeded sample is drawn
from each at several sampling fractions.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from numpy.typing import NDArray

from bench.anonymity.adult import QUASI, add_data, data_folder, read_adult
from bench.claim import Claim
from bench.options import make_parser
from privacy.anonymity.risk.population_unique import pitman_uniques, poisson_uniques, slide_negative_binomial_uniques

FRACTIONS = (0.01, 0.1, 0.3)
PEOPLE, SEED = 100_000, 5
FEW = 868
"""Number of combinations of the population without uniques."""
NEAR = 0.25
"""Largest error of Pitman's estimate in populations that are skewed like real ones."""


def draw_from_pitman(people: int, theta: float, alpha: float, random: np.random.Generator) -> NDArray[np.int64]:
    """Draws a population by Pitman's model and returns the class of each person.

    A person joins a class of j people with probability (j - alpha) / (theta + number of people so far).
    """
    owner, sizes = np.empty(people, np.int64), list[int]()
    for i in range(people):
        if random.random() * (theta + i) < theta + len(sizes) * alpha:
            owner[i] = len(sizes)
            sizes.append(0)
        else:
            while True:
                owner[i] = owner[random.integers(i)]
                if random.random() * sizes[owner[i]] < sizes[owner[i]] - alpha:
                    break
        sizes[owner[i]] += 1
    return owner


def make_populations(options: argparse.Namespace, random: np.random.Generator) -> dict[str, NDArray[np.int64]]:
    """Returns the class of each person by population; the populations that check Pitman's model come first."""
    adult = read_adult(data_folder(options))
    people = 1 + random.negative_binomial(0.5, 0.1, PEOPLE // 5)
    return {
        "Adult by 7 columns": np.asarray(adult.groupby(list(QUASI)).ngroup(), np.int64),
        "drawn by Pitman's model": draw_from_pitman(PEOPLE, 50.0, 0.6, random),
        "Adult by sex, age, race": np.asarray(adult.groupby(["sex", "age", "race"]).ngroup(), np.int64),
        "drawn as SNB": np.repeat(np.arange(len(people)), people),
        f"{FEW} equal combinations": random.integers(0, FEW, PEOPLE),
    }


def main() -> int:
    """Prints every estimate, and checks Pitman's estimate where it should be used."""
    parser = make_parser(__doc__, "python -m bench.anonymity.population")
    add_data(parser)
    options = parser.parse_args()
    random = np.random.default_rng(SEED)
    for number, (name, classes) in enumerate(make_populations(options, random).items()):
        truth = int((np.bincount(classes) == 1).sum())
        for fraction in FRACTIONS[1:2] if options.quick else FRACTIONS:
            sample = random.choice(classes, int(fraction * len(classes)), replace=False)
            sizes = np.unique(sample, return_counts=True)[1].astype(np.int64)
            found = [
                estimate(sizes, len(classes)) or 0.0
                for estimate in (pitman_uniques, slide_negative_binomial_uniques, poisson_uniques)
            ]
            subject = ", ".join(
                f"{model} {value:,.0f}" for model, value in zip(("Pitman", "SNB", "Poisson"), found, strict=True)
            )
            print(f"  {name}, {fraction:.0%} of {len(classes):,}: {truth:,} unique; {subject}", flush=True)
            if number < 2:
                Claim(
                    f"Pitman's estimate off the truth, {name}, {fraction:.0%}", abs(found[0] / truth - 1), "", bar=NEAR
                ).print_json()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Fits what no histogram states directly, from noisy histograms alone: weekday factors, and how much people repeat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from privacy.synthetic.event.generation import Rhythm, draw_lines, draw_sizes, draw_visits
from privacy.synthetic.event.history import CLASSES
from privacy.synthetic.event.measurement import (
    ACTIVITY,
    RETURNS,
    EventMeasurements,
    activity,
    return_cell,
    returns,
    size_bounds,
    size_cell,
)
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.spread import Codes, Weights
from privacy.synthetic.synthesizer import Progress, no_progress

_ROUNDS = 5
_STEPS = (1.0, 1.0, 1.0, 1.0, 1 / 2, 1 / 3, 1 / 4)
_RENEWALS = 2.0 ** np.arange(-1, 11)
_PEOPLE = 20_000
"""People of one trial history; more would not change the choice."""


def calibrated(
    measured: EventMeasurements, visits: Codes, classes: Codes, specification: EventSpecification,
    random: np.random.Generator, progress: Progress = no_progress,
) -> Rhythm:  # fmt: skip
    """Return the rhythm whose histories come nearest to the noisy weekdays and to the noisy variety of items."""
    low, high = size_bounds()
    rhythm = Rhythm(
        specification.days,
        first_days(measured.first, specification.days),
        _by_class(measured.gap),
        np.ones(7),
        _tilted(_by_class(measured.size), measured, classes, visits, np.minimum(high, specification.most_lines)),
        low,
        np.minimum(high, specification.most_lines),
        measured.item,
        np.full(CLASSES, 100.0),
        np.ones(RETURNS),
    )
    some = random.permutation(len(visits))[:_PEOPLE]
    visits, classes = visits[some], classes[some]
    progress("fit weekdays", 0.0)
    rhythm = _with_weekdays(rhythm, measured.hour.sum(1), visits, classes, specification, random)
    progress("fit repeated items", 0.2)
    rhythm = _with_renewal(rhythm, measured.variety, visits, classes, random)
    progress("fit days between purchases", 0.6)
    return _with_returns(rhythm, measured.again, visits, classes, random)


def first_days(weeks: Weights, days: int) -> Weights:
    """Return class × day from class × week, each week's share spread over its days."""
    shares = np.repeat(weeks / 7, 7, axis=1)[:, :days]
    return np.asarray(shares + shares.sum() * 1e-9 + 1e-12, np.float64)


def _by_class(joint: Weights) -> Weights:
    """Return the shares within each class. A class with little mass leans on all classes together."""
    everyone = joint.sum(0) / joint.sum()
    mass = joint.sum(1, keepdims=True)
    lean = 0.002
    return np.asarray((joint + lean * everyone) / (mass + lean), np.float64)


def _tilted(size: Weights, measured: EventMeasurements, classes: Codes, visits: Codes, high: Codes) -> Weights:
    """Return the shares of sizes for each class, tilted so that the mean size is the measured one.

    The tilt p·exp(-λ·size) is the smallest change that does so. Without it, noise in the cells of large sizes, each of
    which stands for a hundred lines, would raise the number of events by a third.
    """
    low, _ = size_bounds()
    middle = (np.minimum(low, high) + high) / 2
    weight = np.bincount(activity(classes), visits, len(ACTIVITY))[:, None]
    lowest, highest = -0.2, 0.2
    tilted: Weights = size
    for _ in range(60):
        rate = (lowest + highest) / 2
        tilted = size * np.exp(-rate * middle)
        tilted = tilted / tilted.sum(1, keepdims=True)
        mean = float((weight * tilted * np.maximum(1, middle)).sum() / max(1.0, weight.sum()))
        lowest, highest = (rate, highest) if mean > measured.mean_size else (lowest, rate)
    return np.asarray(tilted[activity(np.arange(CLASSES))], np.float64)


def _with_weekdays(
    rhythm: Rhythm, wanted: Weights, visits: Codes, classes: Codes, specification: EventSpecification,
    random: np.random.Generator,
) -> Rhythm:  # fmt: skip
    target = np.roll(wanted, -specification.first.weekday()) + 1e-9
    for _ in range(_ROUNDS):
        _, day = draw_visits(visits, classes, rhythm, random)
        found = np.bincount(day % 7, minlength=7) + 1e-9
        rhythm = replace(rhythm, weekday=rhythm.weekday * (target / target.sum()) / (found / found.sum()))
    return rhythm


def _with_renewal(
    rhythm: Rhythm, variety: Weights, visits: Codes, classes: Codes, random: np.random.Generator
) -> Rhythm:
    """Choose θ for each class so that the mean number of different items is that of the noisy histogram."""
    person, day = draw_visits(visits, classes, rhythm, random)
    sizes = draw_sizes(classes[person], rhythm, random)
    cells = np.arange(variety.shape[1])
    low, high = size_bounds()
    middle = np.sqrt(np.maximum(low, 0.5) * np.maximum(high, 0.5))[cells]
    trials = [replace(rhythm, renewal=np.full(CLASSES, theta)) for theta in _RENEWALS]
    found = np.stack([_mean_variety(person, day, classes, sizes, trial, random) for trial in trials])
    mass = variety[:, 1:].sum(1)
    wanted = np.where(mass > 0, (np.log(middle[1:]) * variety[:, 1:]).sum(1) / np.maximum(mass, 1e-9), 0)
    renewal = [float(np.exp(np.interp(wanted[one], np.maximum.accumulate(found[:, one]), np.log(_RENEWALS))))
               for one in range(CLASSES)]  # fmt: skip
    return replace(rhythm, renewal=np.array(renewal))


def _with_returns(rhythm: Rhythm, again: Weights, visits: Codes, classes: Codes, random: np.random.Generator) -> Rhythm:
    """Choose for each number of days the probability of taking an item again, and correct the items' shares for it.

    Each round multiplies by a power of the ratio of the noisy to the generated shares. The powers of the last rounds
    fall, so that the chance of single rounds averages out (Robbins and Monro 1951).
    """
    person, day = draw_visits(visits, classes, rhythm, random)
    sizes = draw_sizes(classes[person], rhythm, random)
    wanted = rhythm.item
    for step in _STEPS:
        visit, item = draw_lines(person, day, classes, sizes, rhythm, random)
        _, days = returns(person[visit], item, day[visit])
        found = np.bincount(return_cell(days), minlength=RETURNS) / max(1, len(days))
        ratio = np.clip((again + 1e-6) / (found + 1e-6), 0.2, 5) ** step
        patience = np.r_[rhythm.patience[0], (rhythm.patience * ratio)[1:]]
        shares = np.bincount(item, minlength=len(wanted)) / max(1, len(item))
        corrected = rhythm.item * np.clip((wanted + 1e-9) / (shares + 1e-9), 0.5, 2) ** step
        rhythm = replace(
            rhythm, patience=np.minimum(1, patience / patience[1:].max()), item=corrected / corrected.sum()
        )
    return rhythm


def _mean_variety(
    person: Codes, day: Codes, classes: Codes, sizes: Codes, rhythm: Rhythm, random: np.random.Generator
) -> Weights:
    """Return for each class the mean logarithm of the number of different items, as cells measure it."""
    visit, item = draw_lines(person, day, classes, sizes, rhythm, random)
    key = np.unique(person[visit] * len(rhythm.item) + item) // len(rhythm.item)
    people, counts = np.unique(key, return_counts=True)
    low, high = size_bounds()
    cell = size_cell(counts)
    logs = np.log(np.sqrt(np.maximum(low, 0.5) * np.maximum(high, 0.5)))[cell]
    weight = np.bincount(classes[people], minlength=CLASSES)
    return np.bincount(classes[people], logs, CLASSES) / np.maximum(weight, 1)

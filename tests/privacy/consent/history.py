"""Makes random consent records (grants, withdrawals, expiries, corrections, objections), memberships and questions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from tests.privacy.consent.oracle import PURPOSES

START = datetime(2022, 1, 1)
DAYS = 4 * 365
CONTROLLER = "Bojagi Mart"
CONSENT_STATES = (
    *["given"] * 8, *["renewed"] * 4, "withdrawn", "withdrawn", "refused", "requested", "expired",
    "invalidated", "revoked", "request_deferred",
)  # fmt: skip
OVERRIDES = ("objected", "objection_lifted", "restricted", "restriction_lifted")
FAULTY = ("unread", "unread", "resolved")
"""States of statements that could not be read, and of their resolution."""
NAMED_PURPOSES = ("marketing", "marketing", "marketing", "night_advertising", "analytics",
             "personalisation", "research",
             "sensitive_research", "sensitive_research", "advertising_message", "model_training")  # fmt: skip


COVERED = (
    *["pd:Purchase"] * 8, "pd:Purchase,pd:OfficialID", *["pd:Health"] * 6, "pd:Religion, pd:MedicalHealth",
    "pd:Health,pd:Purchase", "pd:HealthAndSafety", "",
)  # fmt: skip


def moment(rng: np.random.Generator) -> datetime:
    """Returns a random moment, often midnight, so that records coincide; sometimes a limit of the night hours."""
    day = START + timedelta(days=int(rng.integers(DAYS)))
    kind = rng.integers(4)
    if kind == 0:
        return day
    if kind == 1:
        return day + timedelta(hours=int(rng.choice([8, 21])))
    return day + timedelta(seconds=int(rng.integers(86_400)))


def random_records(rng: np.random.Generator, subjects: int, each: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for subject in range(subjects):
        mine: list[dict[str, Any]] = []
        age = int(rng.integers(11, 60)) if rng.random() < 0.9 else None
        is_foreign = rng.random() < 0.3
        for _ in range(int(rng.integers(1, 2 * each))):
            is_again = bool(mine) and rng.random() < 0.15
            at = mine[-1]["effective_at"] if is_again else moment(rng)
            is_override = rng.random() < 0.08
            is_faulty = rng.random() < 0.05
            states = FAULTY if is_faulty else OVERRIDES if is_override else CONSENT_STATES
            state = str(rng.choice(states))
            choices = (*PURPOSES, "*", "*") if is_override or is_faulty else (*NAMED_PURPOSES, "service_delivery")
            lag = timedelta(days=int(rng.integers(0, 9))) if rng.random() < 0.2 else timedelta(0)
            before = mine[int(rng.integers(len(mine)))] if mine and rng.random() < 0.5 else None
            if before and rng.random() < 0.6:  # a correction is about the same thing
                at = before["effective_at"] - timedelta(days=int(rng.integers(0, 40)))
                lag += timedelta(days=60)
            mine.append(
                {
                    "record_id": f"r_{subject}_{len(mine)}",
                    "subject_id": f"s_{subject}",
                    "controller": CONTROLLER if rng.random() < 0.95 else "Another Shop",
                    "purpose": before["purpose"] if before else str(rng.choice(choices)),
                    "data_categories": str(rng.choice(COVERED)),
                    "jurisdiction": str(
                        rng.choice(["KR", "KR", "KR", "KR", "US", "FR"] if is_foreign else ["KR", "US"])
                    ),
                    "state": state,
                    "effective_at": at,
                    "recorded_at": at + lag,
                    "expires_at": at + timedelta(days=int(rng.integers(0, 900))) if rng.random() < 0.3 else None,
                    "expressed_by": "guardian" if (age or 0) < 14 and rng.random() < 0.5 else "self",
                    "age_years": age,
                    "asked": str(rng.choice(["bundled", "condition_of_service"]))
                    if rng.random() < 0.05
                    else "separately",
                    "supersedes": before["record_id"] if before else None,
                }
            )
        rows += mine
    return rows


def random_membership(rng: np.random.Generator, subjects: int) -> list[dict[str, Any]]:
    """Returns random memberships: some source persons have none, others move between two customers, or to none."""
    rows = []
    for subject in range(subjects):
        if rng.random() < 0.4:
            continue
        around = [f"c_{(subject // 2) * 2 + i}" for i in range(2)]
        begins = START - timedelta(days=1) if rng.random() < 0.8 else moment(rng)
        moments = [begins, *(moment(rng) for _ in range(int(rng.integers(0, 3))))]
        for at in sorted(set(moments)):
            customer = str(rng.choice(around)) if rng.random() < 0.95 else None
            rows.append({"subject_id": f"s_{subject}", "customer_id": customer, "from_at": at})
    return rows


def random_questions(rng: np.random.Generator, subjects: int, number: int) -> list[tuple[str, str, datetime]]:
    who = rng.integers(0, subjects, number)
    kind = rng.random(number)
    names = [f"s_{i}" if k < 0.45 else f"c_{i}" if k < 0.98 else f"unknown_{i}" for i, k in zip(who, kind, strict=True)]
    purposes = rng.integers(0, len(PURPOSES), number)
    grid = [moment(rng) for _ in range(min(number, 5_000))]
    picks = rng.integers(0, len(grid), number)
    return [(n, PURPOSES[p], grid[g]) for n, p, g in zip(names, purposes, picks, strict=True)]

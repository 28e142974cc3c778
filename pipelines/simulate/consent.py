"""Draws the consent records of members: given or refused on joining, later withdrawn, renewed or expired.

Consent to marketing is valid for two years and must then be confirmed again (Act on Promotion of Information and
Communications Network Utilization, art. 50(8)). For a member under fourteen a guardian gives consent (Personal
Information Protection Act, art. 22-2).
"""

from hashlib import sha256

import numpy as np
import pandas as pd

from pipelines.simulate.random_stream import Bools, Ints, Texts, Times, between, chance, choose
from pipelines.simulate.records import Records
from pipelines.simulate.text import label, only, whole
from pipelines.simulate.visit_time import at_usual_hours
from pipelines.simulate.world import World

_END = np.datetime64("2017-12-31T23:59:59")
_DAY = np.timedelta64(86_400, "s")
_MARKETING_DAYS = 730
# Purpose: share of members that give consent, data categories, recipient.
_PURPOSES: dict[str, tuple[float, str, str | None]] = {
    "analytics": (0.86, "pd:Purchase,pd:BrowsingBehavior", None),
    "personalisation": (0.74, "pd:Purchase,pd:BrowsingBehavior,pd:Location", None),
    "marketing": (0.58, "pd:EmailAddress,pd:TelephoneNumber,pd:Purchase", "Mirae Mail Service"),
    "research": (0.35, "pd:Purchase,pd:AgeRange", "Hangang Retail Research Institute"),
    # Sensitive data needs a consent of its own (PIPA art. 23).
    "sensitive_research": (0.22, "pd:Health,pd:Religion", "Hangang Retail Research Institute"),
}


def draw_consents(world: World, rng: np.random.Generator) -> Records:
    """Return one row per consent record, sorted by time of recording; each names the record that it supersedes."""
    events = pd.concat([_of_purpose(world, purpose, rng) for purpose in _PURPOSES], ignore_index=True)
    lag = np.where(
        chance(rng, 0.03, len(events)),
        rng.integers(86_400, 6 * 86_400, len(events)),
        rng.integers(0, 30, len(events)),
    )
    events["recorded_at"] = events["event_at"].to_numpy() + lag.astype("timedelta64[s]")
    events = events.sort_values(["recorded_at", "member", "purpose", "step"], kind="stable", ignore_index=True)
    events["record_id"] = label(f"c_{world.replica}", np.arange(len(events)), 8)
    by_step = events.sort_values(["member", "purpose", "step"], kind="stable")
    previous = by_step.groupby(["member", "purpose"], sort=False)["record_id"].shift()
    events["supersedes"] = previous.reindex(events.index).astype(object).where(previous.notna(), None)
    person = world.members["person"].to_numpy()[events["member"]]
    records = Records("consent_event", _frame(world, events, person, rng), "record_id", person)
    is_late = events["recorded_at"] - events["event_at"] >= pd.Timedelta(days=1)
    records.mark("late", np.flatnonzero(is_late), "recorded_at")
    return records


def _of_purpose(world: World, purpose: str, rng: np.random.Generator) -> pd.DataFrame:
    """Return the history of each member's consent to a purpose: member, purpose, step, state, event_at."""
    members, size = world.members, len(world.members)
    joined = members["joined_on"].to_numpy().astype("datetime64[s]") + np.timedelta64(10 * 3600, "s")
    asked = between(rng, joined, 8 * 3600, size)
    gives = chance(rng, _PURPOSES[purpose][0], size)
    rows = [(0, "requested", asked - np.timedelta64(60, "s"), chance(rng, 0.15, size))]
    rows += [(1, "given", asked, gives), (1, "refused", asked, ~gives)]
    step, holds = 2, gives
    if purpose == "marketing":
        due = asked + _MARKETING_DAYS * _DAY
        while np.any(holds & (due < _END)):
            renews = holds & (due < _END) & chance(rng, 0.7, size)
            lapses = holds & (due < _END) & ~renews
            rows += [(step, "renewed", due - 5 * _DAY, renews), (step, "expired", due, lapses)]
            due = np.where(renews, due + _MARKETING_DAYS * _DAY, due)
            holds, step = holds & ~lapses, step + 1
    withdrawn = _last_moment(rows, asked, size) + (rng.exponential(500, size) * 86_400).astype("timedelta64[s]") + _DAY
    withdrawn = at_usual_hours(rng, withdrawn)
    leaves = holds & chance(rng, 0.3, size) & (withdrawn < _END)
    returns = leaves & chance(rng, 0.15, size)
    again = withdrawn + rng.integers(5, 60, size) * _DAY
    rows += [(step, "withdrawn", withdrawn, leaves), (step + 1, "given", again, returns & (again < _END))]
    rows += [(step + 2, "invalidated", np.full(size, _END - 3 * _DAY), holds & ~leaves & chance(rng, 0.004, size))]
    return pd.concat([_rows(purpose, *row) for row in rows], ignore_index=True)


def _last_moment(rows: list[tuple[int, str, Times, Bools]], asked: Times, size: int) -> Times:
    """Return the time of each member's latest record so far."""
    latest = asked.copy()
    for _, _, at, here in rows:
        latest = np.where(here, np.maximum(latest, at), latest)
    return latest


def _rows(purpose: str, step: int, state: str, at: Times, here: Bools) -> pd.DataFrame:
    member = np.flatnonzero(here)
    return pd.DataFrame({"member": member, "purpose": purpose, "step": step, "state": state, "event_at": at[member]})


def _frame(world: World, events: pd.DataFrame, person: Ints, rng: np.random.Generator) -> pd.DataFrame:
    size, at = len(events), events["event_at"].to_numpy()
    korean = world.people["is_korean"].to_numpy()[person]
    born = world.people["birth_date"].to_numpy()[person]
    is_child = at.astype("datetime64[s]") - born.astype("datetime64[s]") < np.timedelta64(
        14 * 365 * 86_400 + 3 * 86_400, "s"
    )
    state, purpose = events["state"].to_numpy(object), events["purpose"].to_numpy(object)
    lasts = (purpose == "marketing") & np.isin(state, ["given", "renewed"])
    number = world.members["member_no"].to_numpy(object)[events["member"]]
    return pd.DataFrame(
        {
            "record_id": events["record_id"],
            "member_no": number,
            # Every simulated statement names its member; an opt-out by another key has no member number.
            **dict.fromkeys(("email", "phone", "device_id"), np.full(size, None, dtype=object)),
            "controller": "Bojagi Mart",
            "purpose": purpose,
            "data_categories": [_PURPOSES[name][1] for name in purpose],
            "notice_version": _notice_versions(at),
            "notice_language": np.where(korean, "ko", "en").astype(object),
            "recipients": [_PURPOSES[name][2] for name in purpose],
            "jurisdiction": np.where(korean | chance(rng, 0.6, len(world.people))[person], "KR", "US").astype(object),
            "method": choose(
                rng,
                ["web_form", "app_toggle", "paper_form", "call_center", "email_link"],
                [40, 25, 20, 5, 10],
                size,
            ),
            "state": state,
            "event_at": at,
            "recorded_at": events["recorded_at"],
            "valid_days": whole(np.full(size, _MARKETING_DAYS), lasts),
            "expressed_by": np.where(is_child, "guardian", "self").astype(object),
            "asked": np.full(size, "separately", dtype=object),
            "evidence_hash": _evidence(number, events["record_id"].to_numpy(object), state),
            "supersedes": only(events["supersedes"].to_numpy(object), events["supersedes"].notna().to_numpy()),
        }
    )


def _notice_versions(at: Times) -> Texts:
    """Return the version of the privacy notice at each time. It starts at 2011.1; each odd year has a new version."""
    year = at.astype("datetime64[Y]").astype(int) + 1970
    in_force = np.maximum(2011, year - (year + 1) % 2)
    return np.array([f"{y}.1" for y in in_force.tolist()], dtype=object)


def _evidence(number: Texts, record: Texts, state: Texts) -> list[str]:
    """Return a SHA-256 for each record, in place of that of a stored consent form."""
    rows = zip(number, record, state, strict=True)
    return [sha256("|".join(row).encode()).hexdigest() for row in rows]

"""Which dirt each source carries; shares follow what such exports usually show."""

from collections.abc import Callable

import numpy as np

from pipelines.simulate.dirt import Break, blank, break_contract, delay, disorder, resend, scale
from pipelines.simulate.records import Records

Rng = np.random.Generator


def soil(records: Records, rng: Rng) -> None:
    """Plant the dirt of the records' source; sources without a plan stay clean."""
    plan = _PLANS.get(records.source)
    if plan is not None:
        plan(records, rng)


def _crm_customer(records: Records, rng: Rng) -> None:
    faults = [Break("bad_date", "birth_date", "1985-13-45", 2), Break("wrong_type", "account_no", "세대미상", 2),
              Break("missing_required", "name", None, 2), Break("unknown_enum", "status", "보류", 1)]  # fmt: skip
    break_contract(records, faults, rng, "M")
    resend(records, rng, 0.006)


def _loyalty_card(records: Records, rng: Rng) -> None:
    blank(records, "point_balance", rng, 0.03)
    scale(records, "outlier", "point_balance", rng, 0.002, 1000)
    frame = records.frame
    frame["point_balance"] = frame["point_balance"].clip(upper=9_999_999)
    faults = [Break("missing_required", "account_no", None, 1), Break("bad_date", "issued_on", "2016-02-30", 1)]
    break_contract(records, faults, rng, "9410")
    resend(records, rng, 0.005)


def _web_session(records: Records, rng: Rng) -> None:
    blank(records, "ended_at", rng, 0.01)
    scale(records, "outlier", "page_views", rng, 0.001, 150)
    faults = [Break("unknown_enum", "device_type", "smart_fridge", 2), Break("wrong_type", "page_views", "many", 2)]
    break_contract(records, faults, rng, "s_")
    resend(records, rng)
    disorder(records, rng)


def _web_event(records: Records, rng: Rng) -> None:
    scale(records, "unit_slip", "dwell_seconds", rng, 0.006, 1000)
    _keep_slips_apparent(records)
    scale(records, "outlier", "dwell_seconds", rng, 0.0005, 40)
    faults = [Break("bad_date", "event_at", "2017-13-45T10:00:00", 2), Break("unknown_enum", "event_type", "hover", 2),
              Break("missing_required", "session_id", None, 2), Break("wrong_type", "product_id", "N/A", 2)]  # fmt: skip
    break_contract(records, faults, rng, "e_")
    resend(records, rng)
    delay(records, "event_at", rng)


def _keep_slips_apparent(records: Records) -> None:
    """Let only dwell times of more than 7.2 s slip to milliseconds, so that the contract's rule can undo all."""
    planted = {row for kind, row, column, _ in records.marks if (kind, column) == ("unit_slip", "dwell_seconds")}
    short = [row for row in sorted(planted) if records.frame.at[row, "dwell_seconds"] <= 7200]
    records.frame.loc[short, "dwell_seconds"] = (records.frame.loc[short, "dwell_seconds"] / 1000).round(1)
    records.marks = [mark for mark in records.marks if mark[0] != "unit_slip" or mark[1] not in set(short)]


def _app_event(records: Records, rng: Rng) -> None:
    blank(records, "screen", rng, 0.01)
    faults = [Break("unknown_enum", "event_type", "shake", 2), Break("missing_required", "device_id", None, 2)]
    break_contract(records, faults, rng, "a_")
    resend(records, rng)
    delay(records, "event_at", rng, 0.03)


def _wishlist(records: Records, rng: Rng) -> None:
    break_contract(records, [Break("wrong_type", "product_id", "P-00", 1)], rng, "w_")
    resend(records, rng)


def _delivery(records: Records, rng: Rng) -> None:
    scale(records, "unit_slip", "weight_kg", rng, 0.01, 1000)
    _keep_grams_apparent(records)
    blank(records, "weight_kg", rng, 0.01)
    scale(records, "outlier", "fee", rng, 0.001, 20)
    faults = [Break("bad_date", "ordered_at", "2017-02-31 10:00:00", 2), Break("unknown_enum", "method", "드론배송", 2),
              Break("missing_required", "order_no", None, 1), Break("wrong_type", "fee", "무료", 2)]  # fmt: skip
    break_contract(records, faults, rng, "")
    resend(records, rng)
    disorder(records, rng)


def _keep_grams_apparent(records: Records) -> None:
    """Let only parcels of more than 100 g slip to grams, so that the contract's rule can undo all."""
    planted = {row for kind, row, column, _ in records.marks if (kind, column) == ("unit_slip", "weight_kg")}
    light = [row for row in sorted(planted) if records.frame.at[row, "weight_kg"] <= 100]
    records.frame.loc[light, "weight_kg"] = (records.frame.loc[light, "weight_kg"] / 1000).round(2)
    records.marks = [mark for mark in records.marks if mark[0] != "unit_slip" or mark[1] not in set(light)]


def _return_item(records: Records, rng: Rng) -> None:
    blank(records, "reason", rng, 0.02)
    faults = [Break("unknown_enum", "reason", "기타사유", 1), Break("wrong_type", "quantity", "두개", 1)]
    break_contract(records, faults, rng, "R")
    resend(records, rng)


def _review(records: Records, rng: Rng) -> None:
    scale(records, "outlier", "helpful_count", rng, 0.003, 500)
    blank(records, "helpful_count", rng, 0.02)
    faults = [Break("wrong_type", "rating", "five", 2), Break("missing_required", "product_id", None, 1)]
    break_contract(records, faults, rng, "r_")
    resend(records, rng)


def _support_ticket(records: Records, rng: Rng) -> None:
    faults = [Break("bad_date", "opened_at", "31/12/2017", 1), Break("unknown_enum", "channel", "fax", 1)]
    break_contract(records, faults, rng, "T-")
    resend(records, rng)


def _nps_survey(records: Records, rng: Rng) -> None:
    break_contract(records, [Break("missing_required", "member_no", None, 2)], rng, "n_")
    resend(records, rng)


def _recommendation_event(records: Records, rng: Rng) -> None:
    faults = [Break("unknown_enum", "outcome", "shared", 1), Break("bad_date", "shown_at", "yesterday", 1)]
    break_contract(records, faults, rng, "rec_")
    resend(records, rng)
    disorder(records, rng)


def _consent_event(records: Records, rng: Rng) -> None:
    faults = [Break("unknown_enum", "state", "maybe", 1), Break("missing_required", "member_no", None, 1)]
    break_contract(records, faults, rng, "c_")
    resend(records, rng, 0.005)
    disorder(records, rng, 0.005)


def _lifestyle_survey(records: Records, rng: Rng) -> None:
    scale(records, "outlier", "travel_per_year", rng, 0.004, 30)
    frame = records.frame
    frame["travel_per_year"] = frame["travel_per_year"].clip(upper=365)
    break_contract(records, [Break("wrong_type", "travel_per_year", "자주", 1)], rng, "L")
    resend(records, rng)


def _weather(records: Records, rng: Rng) -> None:
    blank(records, "precipitation_mm", rng, 0.01)
    warm = np.flatnonzero(records.frame["temp_max_c"].to_numpy() > 20)
    rows = warm[rng.random(len(warm)) < 0.006]
    celsius = records.frame["temp_max_c"].to_numpy().copy()
    celsius[rows] = np.round(celsius[rows] * 1.8 + 32, 1)
    records.frame["temp_max_c"] = celsius
    records.mark("unit_slip", records.frame.index.to_numpy()[rows], "temp_max_c")


_PLANS: dict[str, Callable[[Records, Rng], None]] = {
    "crm_customer": _crm_customer,
    "loyalty_card": _loyalty_card,
    "web_session": _web_session,
    "web_event": _web_event,
    "app_event": _app_event,
    "wishlist": _wishlist,
    "delivery": _delivery,
    "return_item": _return_item,
    "review": _review,
    "support_ticket": _support_ticket,
    "nps_survey": _nps_survey,
    "recommendation_event": _recommendation_event,
    "consent_event": _consent_event,
    "lifestyle_survey": _lifestyle_survey,
    "weather": _weather,
}

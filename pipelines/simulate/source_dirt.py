"""Plants the faults (dirt) of each source, in shares that are usual for such exports."""

from collections.abc import Callable

import numpy as np

from pipelines.simulate.dirt import Break, Distortion, blank, break_contract, delay, disorder, distort, resend
from pipelines.simulate.rates import DEFAULT_RATES, MOST_ROWS, Rates
from pipelines.simulate.records import Records

Rng = np.random.Generator
# The contracts take a longer dwell time (seconds) for milliseconds, and a heavier parcel (kilograms) for grams.
_LONGEST_DWELL = 7200.0
_HEAVIEST_PARCEL = 100.0


# Numbers as a spreadsheet shows and exports those that are too long for it: their last digits are lost.
_SCIENTIFIC = {
    "crm_customer": ("M", "phone", "8.21001E+11"),
    "loyalty_card": ("9410", "card_no", "9.41001E+15"),
    "delivery": ("", "order_no", "3.11985E+10"),
}


def plant_dirt(records: Records, rng: Rng, rates: Rates = DEFAULT_RATES) -> None:
    """Plant the faults of the records' source in them, in place. A source that is not listed here gets no faults."""
    plant = _DIRT_BY_SOURCE.get(records.source)
    if plant is not None and len(records.frame):
        plant(records, rng)
    if records.source in _SCIENTIFIC and (count := rates.scientific_rows(len(records.frame))):
        prefix, column, value = _SCIENTIFIC[records.source]
        break_contract(records, [Break("scientific_id", column, value, count)], rng, prefix, taken=MOST_ROWS)


def _crm_customer(records: Records, rng: Rng) -> None:
    resend(records, rng, 0.006)
    faults = [
        Break("bad_date", "birth_date", "1985-13-45", 2),
        Break("wrong_type", "account_no", "세대미상", 2),
        Break("missing_required", "name", None, 2),
        Break("unknown_enum", "status", "보류", 1),
    ]
    break_contract(records, faults, rng, "M")


def _loyalty_card(records: Records, rng: Rng) -> None:
    blank(records, "point_balance", rng, 0.03)
    distort(records, Distortion("outlier", "point_balance", 1000, 0.002, up_to=9_999_999), rng)
    resend(records, rng, 0.005)
    faults = [
        Break("missing_required", "account_no", None, 1),
        Break("bad_date", "issued_on", "2016-02-30", 1),
    ]
    break_contract(records, faults, rng, "9410")


def _web_session(records: Records, rng: Rng) -> None:
    blank(records, "ended_at", rng, 0.01)
    distort(records, Distortion("outlier", "page_views", 150, 0.001), rng)
    resend(records, rng)
    faults = [
        Break("unknown_enum", "device_type", "smart_fridge", 2),
        Break("wrong_type", "page_views", "many", 2),
    ]
    break_contract(records, faults, rng, "s_")
    disorder(records, rng)


def _web_event(records: Records, rng: Rng) -> None:
    distort(records, Distortion("unit_slip", "dwell_seconds", 1000, 0.006, above=_LONGEST_DWELL), rng)
    distort(records, Distortion("outlier", "dwell_seconds", 80, 0.001, above=600, up_to=_LONGEST_DWELL), rng)
    resend(records, rng)
    faults = [
        Break("bad_date", "event_at", "2017-13-45T10:00:00", 2),
        Break("unknown_enum", "event_type", "hover", 2),
        Break("missing_required", "session_id", None, 2),
        Break("wrong_type", "product_id", "N/A", 2),
    ]
    break_contract(records, faults, rng, "e_")
    delay(records, "event_at", rng)


def _app_event(records: Records, rng: Rng) -> None:
    blank(records, "screen", rng, 0.01)
    resend(records, rng)
    faults = [
        Break("unknown_enum", "event_type", "shake", 2),
        Break("missing_required", "device_id", None, 2),
    ]
    break_contract(records, faults, rng, "a_")
    delay(records, "event_at", rng, 0.03)


def _wishlist(records: Records, rng: Rng) -> None:
    resend(records, rng)
    break_contract(records, [Break("wrong_type", "product_id", "P-00", 1)], rng, "w_")


def _delivery(records: Records, rng: Rng) -> None:
    distort(records, Distortion("unit_slip", "weight_kg", 1000, 0.01, above=_HEAVIEST_PARCEL), rng)
    blank(records, "weight_kg", rng, 0.01)
    distort(records, Distortion("outlier", "fee", 20, 0.002), rng)
    resend(records, rng)
    faults = [
        Break("bad_date", "ordered_at", "2017-02-31 10:00:00", 2),
        Break("unknown_enum", "method", "드론배송", 2),
        Break("missing_required", "order_no", None, 1),
        Break("wrong_type", "fee", "무료", 2),
    ]
    break_contract(records, faults, rng, "")
    disorder(records, rng)


def _return_item(records: Records, rng: Rng) -> None:
    blank(records, "reason", rng, 0.02)
    resend(records, rng)
    faults = [Break("unknown_enum", "reason", "기타사유", 1), Break("wrong_type", "quantity", "두개", 1)]
    break_contract(records, faults, rng, "R")


def _review(records: Records, rng: Rng) -> None:
    distort(records, Distortion("outlier", "helpful_count", 500, 0.003), rng)
    blank(records, "helpful_count", rng, 0.02)
    resend(records, rng)
    faults = [Break("wrong_type", "rating", "five", 2), Break("missing_required", "product_id", None, 1)]
    break_contract(records, faults, rng, "r_")


def _support_ticket(records: Records, rng: Rng) -> None:
    resend(records, rng)
    faults = [Break("bad_date", "opened_at", "31/12/2017", 1), Break("unknown_enum", "channel", "fax", 1)]
    break_contract(records, faults, rng, "T-")


def _nps_survey(records: Records, rng: Rng) -> None:
    resend(records, rng)
    break_contract(records, [Break("missing_required", "member_no", None, 2)], rng, "n_")


def _recommendation_event(records: Records, rng: Rng) -> None:
    resend(records, rng)
    faults = [Break("unknown_enum", "outcome", "shared", 1), Break("bad_date", "shown_at", "yesterday", 1)]
    break_contract(records, faults, rng, "rec_")
    disorder(records, rng)


def _consent_event(records: Records, rng: Rng) -> None:
    resend(records, rng, 0.005)
    faults = [Break("unknown_enum", "state", "maybe", 1), Break("bad_date", "event_at", "yesterday", 1)]
    break_contract(records, faults, rng, "c_")
    disorder(records, rng, 0.005)


def _lifestyle_survey(records: Records, rng: Rng) -> None:
    distort(records, Distortion("outlier", "travel_per_year", 30, 0.004, up_to=365), rng)
    resend(records, rng)
    break_contract(records, [Break("wrong_type", "travel_per_year", "자주", 1)], rng, "L")


def _weather(records: Records, rng: Rng) -> None:
    blank(records, "precipitation_mm", rng, 0.01)
    warm = np.flatnonzero(records.frame["temp_max_c"].to_numpy() > 20)
    rows = warm[rng.random(len(warm)) < 0.006]
    celsius = records.frame["temp_max_c"].to_numpy().copy()
    celsius[rows] = np.round(celsius[rows] * 1.8 + 32, 1)
    records.frame["temp_max_c"] = celsius
    records.mark("unit_slip", records.frame.index.to_numpy()[rows], "temp_max_c")


_DIRT_BY_SOURCE: dict[str, Callable[[Records, Rng], None]] = {
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

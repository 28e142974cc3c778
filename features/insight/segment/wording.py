"""Writes figures of a card in words."""

from __future__ import annotations

from features.insight.segment.card import DAYS, MOVE_DAYS, Card, Change
from features.insight.segment.reading import Segmentation
from features.insight.segment.trait import TRAITS, Form
from privacy.rights.wording import Language

_UNITS: dict[Language, dict[Form, str]] = {
    "en": {Form.MONEY: " USD", Form.DAYS: " days", Form.YEARS: " years"},
    "ko": {Form.MONEY: "달러", Form.DAYS: "일", Form.YEARS: "세"},
}
_HOURS = {"morning": "6–12", "afternoon": "12–18", "evening": "18–22", "night": "22–6"}
_KOREAN = {
    "morning": "아침", "afternoon": "낮", "evening": "저녁", "night": "밤", "monday": "월요일", "tuesday": "화요일",
    "wednesday": "수요일", "thursday": "목요일", "friday": "금요일", "saturday": "토요일", "sunday": "일요일",
    "store": "매장", "web": "웹", "app": "앱", "email": "이메일", "economy": "저가", "standard": "중가",
    "premium": "고가",
}  # fmt: skip
TRAIT_BY_NAME = {trait.name: trait for trait in TRAITS}


def figure_text(trait: str, value: float, language: Language = "en") -> str:
    """Return a mean of a trait with its unit.

    >>> figure_text("age", 41.2), figure_text("online_share", 0.123), figure_text("order_count", 1230.0)
    ('41.2 years', '12 %', '1,230')
    """
    form = TRAIT_BY_NAME[trait].form
    if form in (Form.SHARE, Form.YES_NO):
        return share_text(value)
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
    return number + _UNITS[language].get(form, "")


def share_text(share: float) -> str:
    """Return a share in percent, with two digits.

    >>> share_text(0.123), share_text(0.0143), share_text(1.0)
    ('12 %', '1.4 %', '100 %')
    """
    return f"{share * 100:.{0 if abs(share) >= 0.0995 else 1}f} %"


def label(name: str) -> str:
    """Return a weekday, a part of the day with its hours, a channel or a price band as a chart names it.

    >>> label("monday"), label("night"), label("web")
    ('Monday', 'night (22–6)', 'web')
    """
    return name.capitalize() if name in DAYS else f"{name} ({_HOURS[name]})" if name in _HOURS else name


def label_ko(name: str) -> str:
    """Return what `label` names, in Korean.

    >>> label_ko("monday"), label_ko("night"), label_ko("web")
    ('월요일', '밤 (22–6시)', '웹')
    """
    return f"{_KOREAN[name]} ({_HOURS[name]}시)" if name in _HOURS else _KOREAN.get(name, name)


def change_text(change: Change) -> str:
    """Return a change of a card in words."""
    if change.trait == "size":
        return f"customers: {change.before:,.0f} → {change.after:,.0f}"
    label = TRAIT_BY_NAME[change.trait].label
    return f"{label}: {figure_text(change.trait, change.before)} → {figure_text(change.trait, change.after)}"


def traits_text(card: Card, count: int) -> str:
    """Return the traits that distinguish the segment the most, against all customers."""
    found = [one for one in card.traits if one.is_distinct][:count]
    return "; ".join(
        f"{TRAIT_BY_NAME[one.trait].label} {figure_text(one.trait, one.mean)} (all {figure_text(one.trait, one.base)})"
        for one in found
    )


def stability_text(found: Segmentation) -> str:
    """Return how the segments were found and how stable they are."""
    number = sum(card.segment_id != "s0" for card in found.cards)
    stability = found.stability
    lines = [
        f"{number} segments of customers with orders, fitted on {found.fitted_on} to about {found.customer_count:,} "
        "customers who permit it.",
        f"Stability over {found.resample_count} resamples: adjusted Rand index {stability.mean:.2f} "
        f"(95 % of the resamples: {stability.low:.2f} to {stability.high:.2f})."
        if number > 1
        else "No division into more segments was stable.",
    ]
    if found.agreement is not None:
        lines.append(f"Agreement with the segments before this fit: {found.agreement:.2f}.")
    return " ".join(lines)


def card_lines(card: Card) -> list[str]:
    """Return the card as lines of text."""
    lines = [
        f"{card.segment_id} {card.name} ({card.name_ko}): at least {card.customer_count:,} customers, "
        f"{share_text(card.customer_share)} of all",
    ]
    for one in card.traits:
        low, high = figure_text(one.trait, one.low), figure_text(one.trait, one.high)
        mark = "" if one.is_distinct else "  (within chance)"
        base, name = figure_text(one.trait, one.base), TRAIT_BY_NAME[one.trait].label
        lines.append(f"  {name}: {figure_text(one.trait, one.mean)} ({low} to {high}; all {base}){mark}")
    if card.categories:
        liked = ", ".join(f"{c.category} ({share_text(c.share)}, {c.lift:.2f} × all)" for c in card.categories)
        lines.append(f"  favourite categories by share of spend: {liked}")
    for heading, shares in (
        ("price band", card.price_bands),
        ("channels", card.channels),
        ("week", card.days),
        ("day", card.day_parts),
    ):
        if shares:
            told = ", ".join(f"{label(name)} {share_text(share)}" for name, share in shares.items())
            lines.append(f"  {heading}: {told}")
    for origin, count in sorted(card.moved_in.items()):
        lines.append(f"  moved here from {origin} in the last {MOVE_DAYS} days: at least {count:,}")
    if card.changed_since:
        changes = "; ".join(map(change_text, card.changes)) or "nothing beyond chance"
        lines.append(f"  changed since {card.changed_since}: {changes}")
    return lines

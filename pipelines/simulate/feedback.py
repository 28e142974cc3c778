"""Draws the feedback of customers: product reviews, support tickets and the NPS survey."""

import numpy as np
import pandas as pd

from pipelines.simulate.contact import write_emails, write_phones
from pipelines.simulate.random_stream import Bools, Ints, Texts, between, chance, choose, pick
from pipelines.simulate.records import Records
from pipelines.simulate.text import given, label, load_table, only, whole
from pipelines.simulate.visit_time import at_usual_hours, within_hours
from pipelines.simulate.world import World

_STARS = [7.0, 6.0, 12.0, 27.0, 48.0]
_REVIEW_SHARE = 0.0029  # of bought lines
_TOPICS = {"product": 20.0, "membership": 30.0, "payment": 20.0, "privacy": 8.0, "other": 22.0}


class Phrases:
    """Draws sentences by kind and tone, in Korean or English."""

    def __init__(self) -> None:
        table = load_table("phrase")
        self._texts = {
            (kind, int(tone), korean): np.array([t.replace("⏎", "\n") for t in texts.split("|")], dtype=object)
            for kind, tone, *both in table.itertuples(index=False)
            for korean, texts in zip((True, False), both, strict=True)
        }

    def draw(self, rng: np.random.Generator, kind: str, tones: Ints, is_korean: Bools) -> Texts:
        """Draw a sentence of the kind for each tone, in Korean where `is_korean` is true and in English elsewhere."""
        drawn, out = rng.random(len(tones)), np.full(len(tones), None, dtype=object)
        for tone in np.unique(tones):
            for korean in (True, False):
                here = np.flatnonzero((tones == tone) & (is_korean == korean))
                texts = self._texts[kind, int(tone), korean]
                out[here] = texts[(drawn[here] * len(texts)).astype(int)]
        return out


def draw_reviews(world: World, rng: np.random.Generator) -> Records:
    """Return one row per review, written within weeks after the product was bought; online buyers write more."""
    market, phrases = world.market, Phrases()
    online = world.is_online[market.line_basket]
    line = np.flatnonzero(chance(rng, np.where(online, 0.02, _REVIEW_SHARE * 0.45), len(online)))
    size, basket = len(line), market.line_basket[line]
    person = world.principal[market.basket_household[basket]]
    korean = world.people["is_korean"].to_numpy()[person]
    # Each product has its own mean quality, so that its reviews agree with each other.
    quality = np.sin(market.line_product[line] * 12.9898)
    rating = np.clip(pick(rng, _STARS, size) + 1 + np.round(quality * 0.8), 1, 5).astype(int)
    member = only(world.used_member_no(person, rng), chance(rng, 0.85, size))
    guest = ~given(member)
    frame = pd.DataFrame(
        {
            "review_id": label(f"r_{world.replica}", np.arange(size), 7),
            "member_no": member,
            "email": write_emails(rng, only(world.column("email")[person], guest)),
            "product_id": market.line_product[line],
            "rating": rating,
            "title": phrases.draw(rng, "review_title", rating, korean),
            "body": only(phrases.draw(rng, "review_body", rating, korean), ~chance(rng, 0.06, size)),
            "created_at": at_usual_hours(
                rng, between(rng, market.basket_at[basket] + np.timedelta64(86_400, "s"), 21 * 86_400, size)
            ),
            "is_verified": ~guest | chance(rng, 0.5, size),
            "helpful_count": rng.negative_binomial(1, 0.3, size),
            "photo_count": rng.poisson(0.3, size),
        }
    )
    frame["helpful_count"] = frame["helpful_count"].astype("Int64")
    records = Records("review", frame, "review_id", person)
    records.arrange(np.argsort(frame["created_at"].to_numpy(), kind="stable"))
    return records


def draw_tickets(world: World, deliveries: Records, returns: Records, rng: np.random.Generator) -> Records:
    """Return one row per support ticket, about a return, a delivery or another topic, sorted by time."""
    assert deliveries.person is not None
    assert returns.person is not None
    returned = np.flatnonzero(chance(rng, 0.18, len(returns.frame)))
    sent = np.flatnonzero(chance(rng, 0.04, len(deliveries.frame)))
    members = world.members["person"].to_numpy()
    asks = members[chance(rng, 0.25, len(members))]
    person = np.concatenate([returns.person[returned], deliveries.person[sent], asks])
    after = np.concatenate(
        [
            returns.frame["returned_at"].to_numpy()[returned],
            deliveries.frame["ordered_at"].to_numpy()[sent] + np.timedelta64(86_400, "s"),
            between(rng, np.datetime64("2017-01-01"), 363 * 86_400, len(asks)),
        ]
    )
    topic = np.concatenate(
        [
            np.full(len(returned), "return", dtype=object),
            np.full(len(sent), "delivery", dtype=object),
            choose(rng, list(_TOPICS), list(_TOPICS.values()), len(asks)),
        ]
    )
    opened = within_hours(rng, between(rng, after, 3 * 86_400, len(person)), 8, 22)
    return _tickets(world, person, opened, topic, rng)


def _tickets(world: World, person: Ints, opened: np.ndarray, topic: Texts, rng: np.random.Generator) -> Records:
    order = np.argsort(opened, kind="stable")
    person, opened, topic, size = person[order], opened[order], topic[order], len(person)
    channel = choose(rng, ["phone", "email", "chat", "kakao", "store"], [34, 22, 18, 20, 6], size)
    by_phone = np.isin(channel, ["phone", "kakao", "store"])
    closed = opened + (rng.lognormal(1.8, 1.1, size) * 3600).astype("timedelta64[s]")
    closed[chance(rng, 0.04, size)] = np.datetime64("NaT")
    korean, phrases = world.people["is_korean"].to_numpy()[person], Phrases()
    summary = np.full(size, None, dtype=object)
    for name in np.unique(topic.astype(str)):
        here = np.flatnonzero(topic == name)
        summary[here] = phrases.draw(rng, f"support_{name}", np.zeros(len(here), dtype=np.int64), korean[here])
    frame = pd.DataFrame(
        {
            "ticket_id": label("T-", world.replica * 1_000_000 + np.arange(size) + 1, 8),
            "email": write_emails(rng, only(world.column("email")[person], ~by_phone | chance(rng, 0.3, size))),
            "phone": write_phones(rng, only(world.column("phone")[person], by_phone)),
            "channel": channel,
            "topic": topic,
            "summary": summary,
            "opened_at": opened,
            "closed_at": closed,
            "satisfaction": whole(pick(rng, [12, 10, 20, 30, 28], size) + 1, chance(rng, 0.45, size)),
        }
    )
    return Records("support_ticket", frame, "ticket_id", person)


def draw_nps(world: World, rng: np.random.Generator) -> Records:
    """Return one row per NPS question sent in spring or autumn; score and comment are null without an answer.

    Scores are lower on average in autumn.
    """
    members = world.members["person"].to_numpy()
    number = world.members["member_no"].to_numpy(object)
    asked = np.concatenate([np.flatnonzero(chance(rng, 0.4, len(members))) for _ in range(2)])
    wave = np.repeat([0, 1], [len(asked) // 2, len(asked) - len(asked) // 2])
    person, size = members[asked], len(asked)
    starts = np.array(["2017-04-03", "2017-10-10"], dtype="datetime64[s]")[wave]
    asked_at = within_hours(rng, between(rng, starts, 5 * 86_400, size), 9, 18)
    answers = chance(rng, 0.44, size)
    mood = rng.normal(0, 1.6, len(world.people))[person]  # a person's scores of the two waves agree
    score = np.clip(np.round(7.6 + mood + rng.normal(0, 1.2, size) - 0.4 * wave), 0, 10).astype(int)
    answered_at = within_hours(rng, between(rng, asked_at + np.timedelta64(600, "s"), 6 * 86_400, size), 7, 23)
    answered_at[~answers] = np.datetime64("NaT")
    tone = np.select([score >= 9, score >= 7], [5, 3], 1)
    korean = world.people["is_korean"].to_numpy()[person]
    frame = pd.DataFrame(
        {
            "response_id": label(f"n_{world.replica}", np.arange(size), 7),
            "member_no": number[asked],
            "asked_at": asked_at,
            "answered_at": answered_at,
            "score": whole(score, answers),
            "comment": only(Phrases().draw(rng, "nps_comment", tone, korean), answers & chance(rng, 0.4, size)),
        }
    )
    return Records("nps_survey", frame, "response_id", person)

"""Draws any number of simulated person records, for measurements of time and memory.

Each person has one to three records, with typing errors and missing values, and shares a home with another person. The
people of the simulated market are in `pipelines.simulate`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_SURNAMES = list("김이박최정강조윤장임한오서신권황안송류홍")
_SYLLABLES = list("민서지현수영준우진연은정하윤도예성경미선재희승원유빈주혜태동훈상용철광나라다온별샘솔봄결찬혁범석")


def draw_people(records: int, seed: int = 1) -> pd.DataFrame:
    """Return person records in random order, about 1.6 per person.

    All columns are text; `person` is the true person.
    """
    random = np.random.default_rng(seed)
    people = int(records / 1.6)
    home = np.arange(people) // 2
    surname = random.choice(
        _SURNAMES, people, p=np.linspace(2, 0.1, len(_SURNAMES)) / np.linspace(2, 0.1, len(_SURNAMES)).sum()
    )
    first, second = random.choice(_SYLLABLES, people), random.choice(_SYLLABLES, people)
    day = pd.Timestamp("1940-01-01") + pd.to_timedelta(random.integers(0, 24000, people), unit="D")
    phone, mail = random.integers(20_000_000, 99_999_999, people), random.integers(0, 10**9, people)
    copies = random.choice([1, 2, 3], people, p=[0.55, 0.3, 0.15])
    who = np.repeat(np.arange(people), copies)[:records]
    random.shuffle(who)
    n = len(who)
    typo = random.random(n) < 0.05
    name = pd.Series(surname[who]) + pd.Series(np.where(typo, random.choice(_SYLLABLES, n), first[who])) + second[who]
    text = pd.Series(phone[who].astype(str))
    address = pd.Series(home[who] // 400).astype(str).add("로 ").add(pd.Series(home[who] % 400).astype(str))
    frame = pd.DataFrame(
        {
            "name": name,
            "birth_date": pd.Series(day[who].strftime("%Y-%m-%d")).where(random.random(n) > 0.1),
            "phone": ("010" + text).where(random.random(n) > 0.15),
            "email": ("u" + pd.Series(mail[who].astype(str)) + "@mail.example").where(random.random(n) > 0.3),
            "address": ("서울시 중구 " + address).where(random.random(n) > 0.2),
            "postal_code": pd.Series((home[who] // 40 % 90000 + 10000).astype(str)).where(random.random(n) > 0.2),
        }
    ).astype(object)
    return frame.where(frame.notna(), None).assign(person=who.astype(str))

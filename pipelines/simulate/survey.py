"""Draws the responses of the lifestyle survey: voluntary answers on living, health, belief and interests."""

import numpy as np
import pandas as pd

from pipelines.simulate.people import age_of
from pipelines.simulate.random_stream import Texts, chance, choose
from pipelines.simulate.records import Records
from pipelines.simulate.text import label, only, whole
from pipelines.simulate.visit_time import draw_times
from pipelines.simulate.world import World

_HOBBIES = np.array(
    ["요리", "등산", "독서", "게임", "여행", "낚시", "캠핑", "영화", "음악", "운동", "원예", "육아"],
    dtype=object,
)
_DIETS = {"없음": 62.0, "당뇨식": 9.0, "저염식": 11.0, "채식": 5.0, "글루텐프리": 3.0, "유당불내증": 10.0}
_BELIEFS = {"없음": 50.0, "기독교": 19.0, "천주교": 8.0, "불교": 14.0, "기타": 2.0, "응답거부": 7.0}


def draw_lifestyles(world: World, rng: np.random.Generator) -> Records:
    """Return one row per response. Some members answer twice; the later response is the valid one."""
    members = world.members
    adult = age_of(world.people)[members["person"].to_numpy()] >= 19
    row = np.flatnonzero(adult & chance(rng, 0.26, len(members)))
    row = np.concatenate([row, row[chance(rng, 0.05, len(row))]])
    person, size = members["person"].to_numpy()[row], len(row)
    age = age_of(world.people)[person]
    at = draw_times(rng, size)
    frame = pd.DataFrame(
        {
            "response_id": label("L", world.replica * 1_000_000 + np.arange(size) + 1, 7),
            "member_no": members["member_no"].to_numpy(object)[row],
            "answered_at": at,
            "occupation": only(_occupations(rng, age), ~chance(rng, 0.06, size)),
            "education": only(
                choose(rng, ["고졸 이하", "전문대졸", "대졸", "대학원졸"], [30, 18, 42, 10], size),
                ~chance(rng, 0.04, size),
            ),
            "housing_type": choose(rng, ["아파트", "단독주택", "빌라", "오피스텔", "기타"], [60, 16, 14, 8, 2], size),
            "pets": choose(rng, ["없음", "개", "고양이", "기타"], [68, 20, 9, 3], size),
            "health_diet": only(choose(rng, list(_DIETS), list(_DIETS.values()), size), ~chance(rng, 0.08, size)),
            "beliefs": only(choose(rng, list(_BELIEFS), list(_BELIEFS.values()), size), ~chance(rng, 0.08, size)),
            "hobbies": _hobbies(rng, size),
            "media": choose(
                rng, ["TV", "유튜브", "인스타그램", "신문", "라디오", "블로그"], [30, 34, 14, 8, 5, 9], size
            ),
            "travel_per_year": whole(rng.poisson(2.4, size), ~chance(rng, 0.05, size)),
        }
    )
    records = Records("lifestyle_survey", frame, "response_id", person)
    records.arrange(np.argsort(at, kind="stable"))
    return records


def _occupations(rng: np.random.Generator, age: np.ndarray) -> Texts:
    young = choose(rng, ["학생", "사무직", "서비스직", "전문직", "무직"], [35, 28, 22, 8, 7], len(age))
    middle = choose(
        rng,
        ["사무직", "전문직", "자영업", "서비스직", "생산직", "주부", "공무원"],
        [30, 13, 15, 12, 12, 12, 6],
        len(age),
    )
    old = choose(rng, ["은퇴", "자영업", "주부", "농어업", "서비스직"], [50, 16, 22, 6, 6], len(age))
    return np.select([age < 26, age < 63], [young, middle], old)


def _hobbies(rng: np.random.Generator, size: int) -> list[str]:
    ranked = np.argsort(rng.random((size, len(_HOBBIES))), axis=1)
    count = 1 + rng.binomial(3, 0.4, size)
    return [";".join(_HOBBIES[ranked[i, :n]]) for i, n in enumerate(count.tolist())]

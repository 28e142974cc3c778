"""Draws a register of people in Korea, with the true person of each record.

The people are families with twins and common syllables, namesakes, colleagues who give the phone of their company, and
foreigners. Korean names occur in Hangul, in Latin letters in both orders, and in Han characters. Foreign names occur in
Latin letters or their own script, and in Hangul. The spellings are written down here, so that they do not depend on the
tables of the resolver.
"""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pandas as pd

from pipelines.evaluation.dataset import LabelledFile
from pipelines.matching.mapping import guess_mapping

TRUTH = "person"
NAME = "Korean people"
_COLUMNS = ("성명", "생년월일", "성별", "휴대폰번호", "이메일", "주소")

_SURNAMES = {
    "김": "Kim Kim Gim", "이": "Lee Lee Yi Rhee", "박": "Park Park Pak", "최": "Choi Choi Choe",
    "정": "Jung Jeong Chung", "강": "Kang", "조": "Cho Jo", "윤": "Yoon Yun", "장": "Jang Chang", "임": "Lim Im",
    "한": "Han", "오": "Oh", "서": "Seo Suh", "신": "Shin Sin", "권": "Kwon", "황": "Hwang", "송": "Song",
    "유": "Yoo Ryu Yu", "진": "Jin", "민": "Min", "남궁": "Namgung Namkoong", "선우": "Sunwoo",
    "노": "Noh Roh", "우": "Woo",
}  # fmt: skip
# Given name, sex, syllables in Latin letters (alternatives after `|`), and Han characters where one writing is usual.
_GIVEN = [
    line.split(";")
    for line in """
수진;F;Su Jin|Soo Jin;秀珍
지민;F;Ji Min|Jee Min;智敏
정우;M;Jung Woo|Jeong U;正宇
찬호;M;Chan Ho;贊浩
신수;M;Shin Soo|Sin Su;信守
태호;M;Tae Ho;泰浩
민수;M;Min Su|Min Soo;敏洙
현우;M;Hyun Woo|Hyeon U;賢宇
현아;F;Hyun Ah|Hyeon A;賢雅
서연;F;Seo Yeon|Suh Yeon;
서현;F;Seo Hyun|Seo Hyeon;
지은;F;Ji Eun;智恩
지영;F;Ji Young|Ji Yeong;智英
지훈;M;Ji Hoon|Ji Hun;志勳
지원;F;Ji Won|Jee Won;
영수;M;Young Soo|Yeong Su;永洙
영희;F;Young Hee|Yeong Hui;英姬
미경;F;Mi Kyung|Mi Gyeong;美京
경숙;F;Kyung Sook|Gyeong Suk;敬淑
성민;M;Sung Min|Seong Min;成敏
성호;M;Sung Ho|Seong Ho;成浩
은주;F;Eun Joo|Eun Ju;恩珠
은정;F;Eun Jung|Eun Jeong;恩貞
혜진;F;Hye Jin;惠珍
혜원;F;Hye Won;
동현;M;Dong Hyun|Dong Hyeon;東賢
동욱;M;Dong Wook|Dong Uk;
재석;M;Jae Suk|Jae Seok;在錫
재현;M;Jae Hyun|Jae Hyeon;
준호;M;Jun Ho|Joon Ho;俊浩
준영;M;Jun Young|Joon Young;俊英
민준;M;Min Jun|Min Joon;
민지;F;Min Ji|Min Jee;
하늘;F;Ha Neul;
예린;F;Ye Rin|Ye Lin;
유진;F;Yu Jin|Yoo Jin;
상철;M;Sang Chul|Sang Cheol;相哲
철수;M;Chul Soo|Cheol Su;哲秀
광수;M;Kwang Soo|Gwang Su;光洙
순자;F;Soon Ja|Sun Ja;順子
옥순;F;Ok Soon|Ok Sun;玉順
명희;F;Myung Hee|Myeong Hui;明姬
윤아;F;Yoon Ah|Yun A;
윤서;F;Yoon Seo|Yun Seo;
도윤;M;Do Yoon|Do Yun;
시우;M;Si Woo|Shi Woo;
하준;M;Ha Jun|Ha Joon;
건우;M;Gun Woo|Geon U;
선영;F;Sun Young|Seon Yeong;善英
선희;F;Sun Hee|Seon Hui;善姬
인성;M;In Sung|In Seong;仁成
기범;M;Ki Bum|Gi Beom;
훈;M;Hoon|Hun;
진;F;Jin;
""".strip().splitlines()
]
# Foreign names: given name, surname, in the order of the passport, as written in Latin letters, in Hangul, and in the
# person's own script.
_FOREIGNERS = [
    line.split(";")
    for line in """
Michael Johnson;마이클 존슨;
Emily Carter;에밀리 카터;
Robert Miller;로버트 밀러;
Jennifer Wilson;제니퍼 윌슨;
David Brown;데이비드 브라운;
Sarah Thompson;사라 톰슨;
Peter Schmidt;페터 슈미트;
Maria Garcia;마리아 가르시아;
Pierre Dubois;피에르 뒤부아;
Yuri Volkov;유리 볼코프;Юрий Волков
Natalia Petrova;나탈리야 페트로바;Наталья Петрова
Sergei Kim;세르게이 김;Сергей Ким
Olga Ivanova;올가 이바노바;Ольга Иванова
Wang Wei;왕웨이;王伟
Li Na;리나;李娜
Zhang Min;장민;张敏
Nguyen Thi Lan;응우옌 티 란;Nguyễn Thị Lan
Tran Van Minh;쩐 반 민;Trần Văn Minh
Ilker Sahin;일케르 샤힌;İlker Şahin
Aylin Yilmaz;아일린 일마즈;Aylın Yılmaz
Kenji Yamada;야마다 켄지;山田健二
Yuki Tanaka;다나카 유키;田中ゆき
Ahmed Hassan;아흐메드 하산;أحمد حسن
Thomas Anderson;토머스 앤더슨;
""".strip().splitlines()
]


@dataclass(frozen=True)
class Person:
    """A true person. `writings` are the ways in which the name is written, more likely ones more often."""

    writings: tuple[str, ...]
    sex: str
    birth: date
    phone: str
    email: str
    address: str


class KoreanSource:
    """Draws people in Korea from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"korean {seed}")

    def people(self) -> list[Person]:
        """Return families, single people with namesakes, colleagues and foreigners."""
        found = [person for _ in range(50) for person in self.family()]
        found += [self.single() for _ in range(40)]
        found += [self.single(writings=person.writings) for person in self.random.sample(found, 12)]
        for _ in range(3):
            phone = f"02-{self.random.randrange(300, 999)}-{self.random.randrange(10_000):04d}"
            found += [replace(self.single(), phone=phone) for _ in range(12)]
        return found + [self.foreigner(line) for line in _FOREIGNERS]

    def family(self) -> list[Person]:
        """Return a couple and one to three children, some of them twins; children share a syllable of the name."""
        draw = self.random
        father, mother = self.single(sex="M"), self.single(sex="F")
        mother = replace(mother, address=father.address, email=draw.choice((father.email, mother.email)))
        surname, names = self.surname(), list[str]()
        father = replace(father, writings=self.korean(surname, self.given("M")))
        born, children = father.birth + timedelta(days=draw.randrange(9_500, 12_500)), list[Person]()
        for _ in range(draw.choice((1, 2, 2, 3))):
            sex = draw.choice("FM")
            given = self.given(sex, near=names[0] if names else None, apart=names)
            names.append(given[0])
            parent = draw.choice((father, mother))
            child = Person(
                self.korean(surname, given), sex, born, parent.phone, draw.choice((parent.email, self.email())),
                father.address,
            )  # fmt: skip
            children.append(child if draw.random() < 0.5 else replace(child, phone=self.phone()))
            born += timedelta(days=draw.choice((0, draw.randrange(400, 2_000))))
        return [father, mother, *children]

    def single(self, writings: tuple[str, ...] = (), sex: str | None = None) -> Person:
        """Return a person of a home of its own."""
        sex = sex or self.random.choice("FM")
        birth = date(1950, 1, 1) + timedelta(days=self.random.randrange(16_000))
        names = writings or self.korean(self.surname(), self.given(sex))
        return Person(names, sex, birth, self.phone(), self.email(), self.address())

    def foreigner(self, line: list[str]) -> Person:
        """Return a person with a foreign name, which is also written in Hangul and perhaps in a third script."""
        latin, in_hangul, own = line
        given, *rest = latin.split()
        turned = f"{' '.join(rest)}, {given}"
        return self.single(writings=(latin, latin.upper(), turned, in_hangul, in_hangul, *([own] if own else [])))

    def surname(self) -> str:
        """Return a surname; earlier ones are more likely."""
        names = list(_SURNAMES)
        return names[int(len(names) * self.random.random() ** 1.7)]

    def given(self, sex: str, near: str | None = None, apart: list[str] | None = None) -> list[str]:
        """Return the line of a given name; half of the siblings share a syllable with `near`."""
        fitting = [line for line in _GIVEN if line[1] == sex and line[0] not in (apart or [])]
        close = [line for line in fitting if near and set(near) & set(line[0])]
        return self.random.choice(close if close and self.random.random() < 0.5 else fitting)

    def korean(self, surname: str, given: list[str]) -> tuple[str, ...]:
        """Return the writings of a Korean name: most in Hangul, then in Latin letters, and a few in Han characters."""
        draw = self.random
        family = draw.choice(_SURNAMES[surname].split())
        first = draw.choice(given[2].split("|"))
        joined = first.replace(" ", "").capitalize()
        hyphened = first.replace(" ", "-").capitalize()
        latin = (
            f"{family} {first}", f"{family} {joined}", f"{first} {family}", f"{joined} {family}", f"{family}, {first}",
            f"{family} {hyphened}", f"{family} {first}".upper(), f"{hyphened} {family}",
        )  # fmt: skip
        spoken = surname + given[0]
        return (spoken,) * 12 + (f"{surname} {given[0]}", f"{spoken} 님") + tuple(draw.sample(latin, 5))

    def phone(self) -> str:
        """Return a number of a block that is assigned to no telephone company."""
        return f"010-{self.random.randrange(2_000):04d}-{self.random.randrange(10_000):04d}"

    def email(self) -> str:
        """Return an address that ends in `.example`."""
        word = "".join(self.random.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(6))
        return f"{word}{self.random.randrange(100)}@mail.example"

    def address(self) -> str:
        """Return the address of a home."""
        draw = self.random
        road = draw.choice(("테헤란로", "세종대로", "중앙로", "한강대로", "봉은사로", "충장로"))
        city = draw.choice(("서울특별시 강남구", "부산광역시 중구", "광주광역시 동구", "경기도 성남시 분당구"))
        flat = f"{draw.randrange(101, 120)}동 {draw.randrange(1, 20)}0{draw.randrange(1, 4)}호"
        return f"{city} {road} {draw.randrange(1, 300)}, {flat}"

    def mistype(self, name: str) -> str:
        """Return the name with another letter (jamo) of the same kind in its last Hangul syllable."""
        syllables = [n for n, character in enumerate(name) if "가" <= character <= "힣" and not name.endswith("님")]
        if not syllables:
            return name
        place = syllables[-1]
        letters = list(unicodedata.normalize("NFD", name[place]))
        if self.random.random() < 0.5:
            letters[0] = chr(0x1100 + self.random.randrange(19))
        else:
            letters[1] = chr(0x1161 + self.random.randrange(21))
        return name[:place] + unicodedata.normalize("NFC", "".join(letters)) + name[place + 1 :]

    def records(self, person: Person) -> list[list[str | None]]:
        """Return one to four records of a person, with missing values, typing errors and changed phones."""
        draw = self.random
        found = []
        for _ in range(draw.choices((1, 2, 3, 4), (20, 40, 25, 15))[0]):
            name = draw.choice(person.writings)
            birth = person.birth.strftime(draw.choice(("%Y-%m-%d", "%Y%m%d", "%Y.%m.%d")))
            phone = person.phone if draw.random() > 0.06 else self.phone()
            if draw.random() < 0.04:
                name = self.mistype(name)
            if draw.random() < 0.03:
                birth = birth[:-1] + draw.choice("0123456789")
            parts = (birth, person.sex, phone, person.email, person.address)
            shown = [part if draw.random() > share else None for part, share in zip(parts, _MISSING, strict=True)]
            if not (shown[0] or shown[2] or shown[3]):
                shown[2] = phone
            found.append([name, *shown])
        return found


# Share of records without a birth date, sex, phone, e-mail and address.
_MISSING = (0.2, 0.4, 0.2, 0.4, 0.3)


def draw_korean(seed: int = 1) -> LabelledFile:
    """Return the labelled file."""
    source = KoreanSource(seed)
    rows = [[*row, f"p{n}"] for n, person in enumerate(source.people()) for row in source.records(person)]
    source.random.shuffle(rows)
    frame = pd.DataFrame(rows, columns=[*_COLUMNS, TRUTH], dtype=object)
    frame = frame.where(frame.notna(), None)
    return LabelledFile(NAME, frame, TRUTH, guess_mapping(frame, ignore=[TRUTH]))

"""Names of several scripts: how they are read, and what the comparison of two names says."""

from unittest import mock

import numpy as np
import pandas as pd
import pytest

from bench.identity.korean import draw_korean
from pipelines.evaluation.pair_metric import cluster_score
from pipelines.matching.comparison import comparisons_for
from pipelines.matching.mapping import Mapping
from pipelines.matching.model import observe_levels
from pipelines.matching.name_relation import NameRelation
from pipelines.matching.resolution import Options, filled_columns, load_person, open_workspace, resolve
from pipelines.matching.standardise.hangul import romanise
from pipelines.matching.standardise.korean_name import hangul_of_given, hangul_of_surname
from pipelines.matching.standardise.name import parse_full_name
from pipelines.simulate.text import load_table

MAPPING = Mapping(name=("name",))


@pytest.mark.parametrize(
    ("written", "surname", "given"),
    [
        ("Kim Su Jin", "김", "수진"),
        ("Park Ji Min", "박", "지민"),
        ("Lee Jung Woo", "이", "정우"),
        ("Park, Chan Ho", "박", "찬호"),
        ("Min Su Kim", "김", "민수"),
        ("Choo Shin-soo", "추", "신수"),
        ("용녀 선우", "선우", "용녀"),
        ("LA MI RAN", "라", "미란"),
        ("Namgung Min", "남궁", "민"),
    ],
)
def test_a_korean_name_is_read_in_any_order_and_spelling(written, surname, given):
    name = parse_full_name(written)
    assert surname in hangul_of_surname(name.surname)
    assert given in hangul_of_given(name.given)


def test_common_names_of_three_words_are_read_as_surname_and_two_syllables():
    names = [n for n in load_table("korean_given")["hangul"] if len(n) == 2]
    for first, second in (map(romanise, n) for n in names):
        for written in (f"Kim {first} {second}", f"{first} {second} Kim", f"Kim, {first} {second}"):
            assert (parse_full_name(written).surname, parse_full_name(written).given) == ("kim", first + second)


def test_listed_spellings_of_common_names_are_known():
    for table, hangul_of in (("korean_given", hangul_of_given), ("korean_surname", hangul_of_surname)):
        rows = load_table(table)
        pairs = [
            (h, s.lower()) for h, listed in zip(rows["hangul"], rows["latin"], strict=True) for s in listed.split("|")
        ]
        unknown = {(h, s) for h, s in pairs if not set(hangul_of(h)) & set(hangul_of(s))}
        assert unknown <= {("유진", "eugene")}


def _relations(*names, later=()):
    """Return the relation of the first given name to each of the others, and that of the surnames as a label.

    The names `later` are added as a batch, after the comparisons were chosen.
    """
    with open_workspace(Options(memory="1GB")) as workspace:
        load_person(workspace, pd.DataFrame({"name": names}, dtype=object), MAPPING, Options())
        comparisons = comparisons_for(filled_columns(workspace))
        batch = pd.DataFrame({"name": later}, dtype=object)
        load_person(workspace, batch, MAPPING, Options(), behind=len(names))
        names = (*names, *later)
        workspace.register("asked", pd.DataFrame({"a": 0, "b": np.arange(1, len(names))}))
        observe_levels(workspace, comparisons, pairs="asked", into="observed")
        rows = workspace.execute("select * from observed order by b").fetchall()
    given, surname = comparisons
    relations = [NameRelation.UNKNOWN, *(level.relation for level in given.levels), NameRelation.DIFFERENT]
    labels = ["unknown", *(level.label for level in surname.levels), "different"]
    return [(relations[row[2]], labels[row[3]]) for row in rows]


def test_a_romanised_name_is_compared_with_hangul_and_han_characters():
    names = ("김수진", "Kim Su Jin", "金秀珍", "Kim Su Min", "Kim Yeong Ho", "Kim Sujjxn")
    same, han, typo, other, unread = _relations(*names)
    assert same == (NameRelation.SAME, "surname equal")
    assert han == (NameRelation.VARIANT, "surname in another form")
    assert typo[0] == NameRelation.TYPO
    assert other == (NameRelation.DIFFERENT, "surname equal")
    assert unread[0] == NameRelation.UNKNOWN


def test_an_ambiguous_order_is_compared_in_both_readings():
    one, other, neither = _relations("Jin Su Min", "진수민", "민진수", "진영호")
    assert one[0] in (NameRelation.SAME, NameRelation.VARIANT)
    assert other[0] in (NameRelation.SAME, NameRelation.VARIANT)
    assert one[1] != "different" != other[1]
    assert neither[0] == NameRelation.DIFFERENT


def test_names_in_two_scripts_agree_by_sound_and_are_never_different():
    foreign = _relations("마이클 존슨", "Michael Johnson", "Robert Miller", "Юрий Гагарин")
    assert foreign[0] == (NameRelation.VARIANT, "surname in another form")
    assert foreign[1:] == [(NameRelation.UNKNOWN, "unknown")] * 2
    cyrillic = _relations("Юрий Гагарин", "Yuri Gagarin", "Robert Miller", "김수진")
    assert cyrillic[0][0] in (NameRelation.VARIANT, NameRelation.TYPO)
    assert cyrillic[1:] == [(NameRelation.UNKNOWN, "unknown")] * 2
    assert _relations("김수진", "Jennifer Smith") == [(NameRelation.UNKNOWN, "unknown")]


def test_a_later_batch_in_another_script_is_unknown_to_a_model_of_one_script():
    same, other = _relations("김수진", "김수진", later=["Kim Yeong Ho"])
    assert same == (NameRelation.SAME, "surname equal")
    assert other == (NameRelation.UNKNOWN, "unknown")


def test_half_of_a_name_and_a_foreign_first_name_are_not_different():
    short, foreign, written_alone = _relations("김수진", "Su Kim", "Jennifer Sujin Kim", "수진")
    assert short[0] == NameRelation.UNKNOWN
    assert foreign == (NameRelation.VARIANT, "surname equal")
    assert written_alone[0] == NameRelation.SAME
    assert _relations("Su Jin Kim", "Su Kim")[0][0] == NameRelation.VARIANT
    assert _relations("김민준", "민준")[0][0] == NameRelation.VARIANT


def test_names_in_one_script_that_sound_alike_are_not_forms_of_one_name():
    assert _relations("지은 김", "김지언")[0][0] == NameRelation.TYPO
    assert _relations("마이클 존슨", "미셸 존슨")[0][0] == NameRelation.DIFFERENT
    assert _relations("Mary Jones", "Mira Jones", "김수진")[0][0] != NameRelation.VARIANT


def test_turkish_letters_match_their_ascii_forms():
    assert _relations("İlker Şahin", "Ilker Sahin", "ilker şahin", "Işıl Şahin") == [
        (NameRelation.SAME, "surname equal"),
        (NameRelation.SAME, "surname equal"),
        (NameRelation.DIFFERENT, "surname equal"),
    ]


def _f1(data):
    with open_workspace(Options(memory="1GB")) as workspace:
        group = resolve(workspace, data.frame.drop(columns=[data.truth]), data.mapping, Options()).group
    return cluster_score(pd.factorize(data.frame[data.truth])[0].astype(np.int64), group).f1


def test_korean_people_are_found_in_all_scripts_and_not_without_the_readings():
    data = draw_korean(2)
    assert len(data.frame) > 300
    assert _f1(data) > 0.96
    with (
        mock.patch("pipelines.matching.standardise.name.read_name", return_value=[]),
        mock.patch("pipelines.matching.preparation.given_forms", return_value=()),
        mock.patch("pipelines.matching.preparation.hangul_form", side_effect=lambda text, *_, **__: text),
    ):
        assert _f1(data) < 0.93

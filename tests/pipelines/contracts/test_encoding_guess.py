"""The encoding of texts in several languages is guessed right, or the guess names the encodings that fit as well."""

from __future__ import annotations

import pytest

from pipelines.contracts.encoding_guess import guess_encoding

SWEDISH = "kund_nr,namn,ort\nK1,Åsa Berg,Årsta\nK2,Åke Sten,Malmö\nK3,Åsa Falk,Örebro\n"
GERMAN = "artikel;größe\nMüller;groß\nKöln;Straße\nGRÖSSE;MÜNCHEN\n"
FRENCH = "nom,ville\nÉlodie,Île-de-France\nFrançois,Orléans\nJosé Muñoz,São Paulo\n"
KOREAN = "회원번호,이름,등급\nM1,똠방각,골드\nM2,펲시쀍,실버\n"
POLISH = "imię;miasto\nŁukasz;Łódź\nZażółć;Gdańsk\nŚwięta;Częstochowa\nŻaneta;Białystok\nŹrebię;Bydgoszcz\n"


@pytest.mark.parametrize(
    ("text", "codec", "expected"),
    [
        ("id,name\n1,a\n", "ascii", "UTF-8"),
        (KOREAN, "utf-8", "UTF-8"),
        (KOREAN, "utf-8-sig", "UTF-8-BOM"),
        (KOREAN, "utf-16", "UTF-16"),
        (SWEDISH, "utf-16-le", "UTF-16LE"),
        (SWEDISH, "utf-16-be", "UTF-16BE"),
        (KOREAN, "cp949", "CP949"),
        ("이름\n김\n", "cp949", "CP949"),
        ("성명,비고\n金哲洙,한자 이름\n㈜보자기,１２３\n", "cp949", "CP949"),
        ("A등급,VIP회원\n", "cp949", "CP949"),
        (SWEDISH, "iso-8859-1", "ISO-8859-1"),
        (GERMAN, "iso-8859-1", "ISO-8859-1"),
        (FRENCH, "iso-8859-1", "ISO-8859-1"),
        ("price\n5 €\n“good”\n", "cp1252", "CP1252"),
        ("名前,住所\n山田,東京都ひらがな\n鈴木,カタカナ\n", "cp932", "CP932"),
        ("姓名,地址\n张伟,北京市朝阳区\n", "gb18030", "GB18030"),
        ("Имя,город\nАнна,Москва\n", "cp1251", "CP1251"),
    ],
)
def test_the_encoding_of_a_text_is_guessed(text: str, codec: str, expected: str) -> None:
    guess = guess_encoding(text.encode(codec))
    assert (guess.stated, guess.is_certain) == (expected, True)
    assert text.encode(codec).decode(guess.codec).lstrip("\ufeff") == text


@pytest.mark.parametrize("text", ["name\nÅs\n", "temperature\n5 °C\n"])
def test_a_text_that_is_readable_as_latin_1_and_as_cp949_is_a_doubt(text: str) -> None:
    guess = guess_encoding(text.encode("iso-8859-1"))
    assert guess.stated == "ISO-8859-1 or CP949"
    assert not guess.is_certain


@pytest.mark.parametrize("codec", ["cp1250", "iso-8859-2"])
def test_central_european_letters_are_never_read_as_western_ones_without_a_doubt(codec: str) -> None:
    guess = guess_encoding(POLISH.encode(codec))
    assert not guess.is_certain or POLISH.encode(codec).decode(guess.codec) == POLISH


def test_swedish_names_never_become_hangul() -> None:
    content = SWEDISH.encode("iso-8859-1")
    # Control: CP949 does read these bytes, as Hangul.
    assert any("가" <= letter <= "힣" for letter in content.split(b"\n")[1].decode("cp949", "replace"))
    assert not any("가" <= letter <= "힣" for letter in content.decode(guess_encoding(content).codec))


def test_utf_8_with_a_few_broken_bytes_stays_utf_8() -> None:
    content = (KOREAN * 40).encode() + b"\xc3\x28\n"
    guess = guess_encoding(content)
    assert guess.encoding == "UTF-8"
    assert "all but 1 bytes are valid" in guess.evidence


def test_the_beginning_of_a_file_may_end_within_a_character() -> None:
    content = (KOREAN * 5).encode()[:-2]
    assert guess_encoding(content, is_whole=False).stated == "UTF-8"


def test_short_words_of_any_letters_are_no_evidence_of_cyrillic() -> None:
    short, long = (f"size;n\n{words}" for words in ("éü;1\nÖÆ;2\nñÖ;3\nßÆ;4\næø;5\n", "молоко;1\nхлеб;2\nкефир;3\n"))
    assert not guess_encoding(short.encode("iso-8859-1")).is_certain
    assert guess_encoding(long.encode("cp1251")).stated == "CP1251"


def test_a_single_rare_syllable_is_a_doubt() -> None:
    assert not guess_encoding("size;n\nłŁ;1\n".encode("iso-8859-2")).is_certain

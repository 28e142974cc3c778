"""Delimiter, quote character, header line and footer lines are found in files as several systems write them."""

from __future__ import annotations

import io

import pytest

from pipelines.contracts.csv_dialect import Dialect, NoHeaderError, find_dialect

ROWS = "".join(f"S{n},M{n:05d},2017-06-{n:02d} 10:00:00,{n}00\n" for n in range(1, 10))
HEADER = "sale_id,member_no,sold_at,amount\n"


def find(text: str) -> Dialect:
    return find_dialect(list(io.StringIO(text, newline="")))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_the_delimiter_is_found(delimiter: str, line_end: str) -> None:
    text = (HEADER + ROWS).replace(",", delimiter).replace("\n", line_end)
    found = find(text)
    assert (found.delimiter, found.header_row, found.footer_rows) == (delimiter, 1, 0)
    assert found.headers == ("sale_id", "member_no", "sold_at", "amount")


def test_a_decimal_comma_is_not_the_delimiter() -> None:
    text = "artikel;preis;listenpreis\n" + "".join(f"A{n};{n},50;{n},25\n" for n in range(20))
    assert find(text).delimiter == ";"


def test_single_quotes_around_fields_are_found() -> None:
    text = "id,note\n" + "".join(f"{n},'a, b ''c'' and \"d\"'\n" for n in range(9))
    assert find(text).quote == "'"
    # Control: apostrophes within words are no quotes.
    assert find("id,note\n" + "".join(f"{n},it's 'good'\n" for n in range(9))).quote == '"'


def test_quoted_fields_may_hold_delimiters_and_line_ends() -> None:
    text = "id,note\n" + "".join(f'{n},"one; two\nthree, ""four"""\n' for n in range(9))
    assert find(text) == Dialect(",", '"', 1, ("id", "note"))


@pytest.mark.parametrize(
    ("titles", "line"),
    [
        ("Sales export\n", 2),
        ("Sales export,,,\nGenerated 2017-06-30,,,\n,,,\n", 4),
        ("Sales export\nGenerated 2017-06-30\n\n", 4),
        ("\n", 2),
    ],
)
def test_title_lines_above_the_header_are_skipped(titles: str, line: int) -> None:
    assert find(titles + HEADER + ROWS).header_row == line


@pytest.mark.parametrize(
    ("footer", "lines"),
    [
        ("Total,,,4500\n", 1),
        ("합계,,,4500\n", 1),
        ("Total;4500\nEnd of report\n", 2),
        ("\n9 rows selected.\n", 1),
        ("Total,,,4500\n\n", 1),
    ],
)
def test_lines_below_the_rows_are_counted(footer: str, lines: int) -> None:
    assert find(HEADER + ROWS + footer).footer_rows == lines


def test_a_last_row_that_is_cut_off_is_no_footer() -> None:
    assert find(HEADER + ROWS + "S10,M000").footer_rows == 0
    assert find(HEADER + ROWS + "S10,M00010,2017-06-10 10:00:00,1000\n").footer_rows == 0


def test_a_file_with_one_column_has_no_delimiter_to_find() -> None:
    assert find("kind\n" + "retail\nstaff\n" * 9).headers == ("kind",)
    assert find("note\n" + "Good, but late\nGood\nNo; never, ever\n" * 5).headers == ("note",)


@pytest.mark.parametrize(
    "text",
    [
        ROWS,
        "M00001,kim@example.com\nM00002,lee@example.com\n",
        "KR,red\nKR,blue\nSE,red\n",
    ],
)
def test_a_file_without_header_is_recognised(text: str) -> None:
    with pytest.raises(NoHeaderError) as error:
        find(text)
    assert error.value.line == 1


def test_a_header_may_name_a_year() -> None:
    text = "store,region,city,kind,2017\n" + "".join(f"S{n},north,Seoul,big,{n * 7}\n" for n in range(9))
    assert find(text).headers[-1] == "2017"

import re

from hypothesis import given
from hypothesis import strategies as st

from agent_serving.llm.reasoning import ReasoningFilter

PARTS = st.lists(st.sampled_from(["<think>", "</think>", "<", "th", "ink>", "</", "a", "답", "\n"]), max_size=12)


def filtered(pieces: list[str], *, starts_inside: bool = False) -> str:
    reasoning = ReasoningFilter(starts_inside=starts_inside)
    return "".join([*map(reasoning.feed, pieces), reasoning.finish()])


@given(PARTS, st.booleans(), st.data())
def test_the_answer_is_the_text_without_reasoning_however_it_is_cut(
    parts: list[str], inside: bool, data: st.DataObject
) -> None:
    text = "".join(parts)
    opened = f"<think>{text}" if inside else text
    expected = re.sub(r"<think>(?:.*?</think>|.*\Z)", "", opened, flags=re.DOTALL)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert filtered(pieces, starts_inside=inside) == expected


def test_what_cannot_be_reasoning_is_passed_on_at_once() -> None:
    reasoning = ReasoningFilter()
    assert [reasoning.feed(piece) for piece in ("사과 <", "b", ">", "<thi", "nk>hm", "</think", ">네")] == [
        "사과 ", "<b", ">", "", "", "", "네",
    ]  # fmt: skip

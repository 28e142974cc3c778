"""Makes the documents of the bench: the simulator's content, and products drawn from its words up to a number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent_serving.search.content_file import content_files, read_content
from agent_serving.search.document import Document, Kind
from pipelines.simulate.content import write_content
from pipelines.simulate.random_stream import Streams
from pipelines.simulate.text import load_table

BRANCH = "gangnam"
BRANCHES = (BRANCH, "main", "jamsil", "pangyo", "centum", "daegu")
PER_FILE = 1000
_SEED = 20170101
_COLOURS = ("블랙", "화이트", "네이비", "베이지", "그레이", "레드", "핑크", "그린", "블루", "카키")
_PRAISE = (
    "오래 써도 편안하고 가볍습니다.", "올겨울에 가장 많이 찾으신 상품입니다.", "선물하기 좋은 상자에 담아 드립니다.",
    "매장에서 입어 보고 골라 보세요.", "물로 빨아도 모양이 그대로입니다.", "국내에서 만들어 믿을 수 있습니다.",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """A query, what the first five results must contain in one title, and what none of them may contain."""

    query: str
    found: str
    never: str = "\0"


# Written forms, spaces, particles, abbreviations, other scripts, and words that a dictionary of Korean lacks.
QUERIES = (
    Wanted("에어팟", "에어팟", "팟타이"), Wanted("에어팟이 어디 있어요?", "에어팟"), Wanted("에어 팟", "에어팟"),
    Wanted("아이폰케이스", "아이폰 케이스"), Wanted("아이폰 케이스", "아이폰 케이스"),
    Wanted("갤럭시케이스", "갤럭시 케이스"), Wanted("여름원피스", "여름 원피스"), Wanted("무선청소기", "무선청소기"),
    Wanted("무선 청소기", "무선청소기"), Wanted("팟타이", "팟타이", "에어팟"), Wanted("사과", "사과", "회사 과장"),
    Wanted("귤", "귤"), Wanted("쌀", "쌀"), Wanted("스벅", "스타벅스"), Wanted("노페 패딩", "노스페이스"),
    Wanted("파바", "파리바게뜨"), Wanted("뉴발", "뉴발란스"), Wanted("나이키를", "나이키"),
    Wanted("나이키에서", "나이키"), Wanted("바나나", "바나나"), Wanted("오설록", "오설록"),
    Wanted("룰루레몬 레깅스", "룰루레몬"), Wanted("젤카야노", "젤카야노"), Wanted("시스템 원피스", "시스템"),
    Wanted("lipstick", "립스틱"), Wanted("sneakers", "운동화"), Wanted("TV", "텔레비전"), Wanted("SK2", "SK-II"),
    Wanted("화장실", "화장실"), Wanted("수유실", "유아휴게실"), Wanted("주차장", "주차장"),
    Wanted("와이파이", "와이파이"), Wanted("환불", "환불"), Wanted("반품하고 싶어요", "환불"),
    Wanted("포인트 적립", "포인트"), Wanted("할랄", "할랄"), Wanted("닭가슴살", "닭가슴살"),
    Wanted("등산화", "등산화"), Wanted("맥북", "맥북"), Wanted("메모리폼베개", "메모리폼"),
    Wanted("땅콩버터를 사고 싶어", "땅콩버터"), Wanted("에어프라이어", "에어프라이어", "에어팟"),
    Wanted("쿠션", "쿠션"),
)  # fmt: skip


def write_files(folder: Path, number: int) -> list[Document]:
    """Write content files with `number` documents to a folder, and return the documents."""
    write_content(folder.parent, Streams(_SEED, 0).generator("content"))
    (folder.parent / "content").rename(folder)
    documents = [
        document
        for source, path in content_files(folder).items()
        for document in read_content(path.read_bytes(), source)
    ][:number]
    drawn = list(_drawn(number - len(documents)))
    (folder / "drawn").mkdir()
    for start in range(0, len(drawn), PER_FILE):
        lines = (json.dumps(_row(document), ensure_ascii=False) for document in drawn[start : start + PER_FILE])
        (folder / "drawn" / f"{start // PER_FILE:04d}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return documents + drawn


def _drawn(number: int) -> Iterator[Document]:
    """Yield products with names like the simulator's. The first ones are those that a query must not confuse."""
    rng = np.random.default_rng(_SEED)
    rows = load_table("content/product").astype(str).to_dict("records")
    traps = ("방콕식당 팟타이 밀키트 2인", "주식회사 과장님 머그컵", "에어컨 리모컨 거치대")
    for place in range(max(number, 0)):
        row = rows[int(rng.integers(len(rows)))]
        brand = rng.choice(row["brands"].split("|"))
        colour, model = rng.choice(_COLOURS), int(rng.integers(1, 1000))
        title = traps[place] if place < len(traps) else f"{brand} {row['korean']} {colour} {model}호"
        branch = BRANCH if place < len(traps) else BRANCHES[place % len(BRANCHES)]
        text = " ".join([f"{row['category']} {row['korean']}", *rng.choice(_PRAISE, 3).tolist()])
        price = int(rng.integers(10, 4000)) * 100
        facts: dict[str, str | int | float] = {"name": title, "brand": str(brand), "price_won": price, "floor": "3F"}
        keywords = tuple(word for word in row["keywords"].split("|") if word)
        yield Document(f"product:drawn-{place:06d}", Kind.PRODUCT, branch, title, text, facts, {}, keywords)


def _row(document: Document) -> dict[str, object]:
    names = ("id", "kind", "branch", "title", "text", "facts", "card", "keywords")
    return {name: getattr(document, name) for name in names}

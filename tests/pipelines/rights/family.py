"""A mother and her son in one home: they share telephone, address and loyalty account. Their records are loaded.

The mother is the principal of the account, ordered one parcel for herself and one for her son.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from installation.installation import Installation
from installation.settings import load_settings
from pipelines.ingest.source_load import ingest_source
from privacy.rights.subject import Subject

MOTHER, SON = "c_aaaaaaaaaaaaaaaaaaaaaaaaaa", "c_bbbbbbbbbbbbbbbbbbbbbbbbbb"
SHARED_PHONE = "010-0003-4765"
HEADER = (
    "회원번호,성명,영문명,생년월일,성별,휴대폰번호,이메일,주소,우편번호,시도,시군구,행정동,"
    "세대번호,대표회원여부,가입일,회원상태,수정일시"
)
MOTHER_ROW = (
    f"M000000001,박은주,,1984-03-27,여,{SHARED_PHONE},mother@mail.example,"
    '"경기도 용인시 수지구 상현로 210",32729,경기도,'
    "용인시 수지구,상현1동,44,Y,2016-07-07,정상,2017-05-31 08:46:59"
)
SON_ROW = (
    f"M000000002,김하늘소리,,2004-05-05,남,{SHARED_PHONE},son@mail.example,"
    '"경기도 용인시 수지구 상현로 210",32729,경기도,'
    "용인시 수지구,상현1동,44,N,2016-08-08,정상,2017-05-31 08:46:59"
)
_PARCEL = '"경기도 용인시 수지구 상현로 210",용인시 수지구,상현1동,새벽배송,2017-02-09 14:26:07,,,0,'
_FILES = {
    "crm_customer": f"\ufeff{HEADER}\n{MOTHER_ROW}\n{SON_ROW}\n",
    "delivery": "운송장번호,주문번호,수령인,연락처,배송지,시군구,행정동,배송방법,주문일시,출고일시,"
    "배송완료일시,배송비,중량kg\n"
    f"100000000001,31818756113,박은주,{SHARED_PHONE},{_PARCEL}\n"
    f"100000000002,31818756114,김하늘소리,{SHARED_PHONE},{_PARCEL}\n",
    "support_ticket": "ticket_id,email,phone,channel,topic,summary,opened_at,closed_at,satisfaction\n"
    "T-00000001,mother@mail.example,,email,product,=1+1 <script>alert(1)</script>,2017-02-01 21:23:46,,5\n"
    f"T-00000002,,{SHARED_PHONE},phone,product,누구의 문의인지 모름,2017-02-01 21:23:46,,5\n",
}


def open_family(folder: Path) -> Installation:
    """Return the installation with the family's records in bronze, and their keys in silver/identifier."""
    settings = load_settings(data_dir=folder, run_date=datetime(2018, 1, 1).date())
    installation = Installation(settings)
    for source, text in _FILES.items():
        land(installation, source, f"{source}-000.csv", text)
    lines = {
        "household_id": [44, 44], "store_id": [321, 321], "basket_id": [31818756113, 31818756114],
        "product_id": [847982, 847983], "quantity": [2, 1], "sales_value": [2.0, 1.0], "retail_disc": [0.0, 0.0],
        "coupon_disc": [0.0, 0.0], "coupon_match_disc": [0.0, 0.0], "week": [6, 6],
        "transaction_timestamp": [datetime(2017, 2, 9, 5, 26, 7)] * 2,
    }  # fmt: skip
    file = settings.landing_dir / "cj_transactions" / "transactions-000.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table(lines), file)
    for source in (*_FILES, "cj_transactions"):
        load(installation, source)
    write_identifiers(installation, _keys(installation))
    return installation


def land(installation: Installation, source: str, name: str, text: str) -> None:
    """Write a file into the landing folder of a source."""
    path = installation.settings.landing_dir / source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def load(installation: Installation, source: str) -> int:
    """Load the landed files of a source; return the number of rows that were added."""
    contract, settings = installation.contracts.source(source), installation.settings
    return ingest_source(
        contract, installation.lakehouse, settings.landing_dir, installation.protection, installation.clock
    ).rows_added


def write_identifiers(installation: Installation, keys: list[tuple[str, str | None, str]]) -> None:
    """Write silver/identifier with the kind, token and customer of each key."""
    at = datetime(2018, 1, 1)
    rows = [
        {"token_kind": kind, "token": token, "customer_id": customer, "method": "link", "confidence": 1.0,
         "record_count": 1, "changed_at": at}
        for kind, token, customer in keys
    ]  # fmt: skip
    schema = installation.contracts["silver.identifier"].arrow_schema()
    installation.lakehouse.overwrite_rows("silver/identifier", pa.Table.from_pylist(rows, schema))


def subject_of(installation: Installation, customer: str) -> Subject:
    """Return the person as a look-up finds the person: all keys, also the shared telephone."""
    tokens = installation.protection.tokens
    number = "M000000001" if customer == MOTHER else "M000000002"
    member = str(tokens.token("member_no", number))
    return Subject(
        "s_1", (customer,), (f"crm_customer:{member}",), (("member_no", member),),
        (("phone", str(tokens.token("phone", SHARED_PHONE))),),
    )  # fmt: skip


def _keys(installation: Installation) -> list[tuple[str, str | None, str]]:
    tokens = installation.protection.tokens
    return [
        ("member_no", tokens.token("member_no", "M000000001"), MOTHER),
        ("member_no", tokens.token("member_no", "M000000002"), SON),
        ("email", tokens.token("email", "mother@mail.example"), MOTHER),
        ("email", tokens.token("email", "son@mail.example"), SON),
        ("account_no", tokens.token("account_no", "44"), MOTHER),
        # As if the son had never stated the number: then profiles take the mother for its only user.
        ("phone", tokens.token("phone", SHARED_PHONE), MOTHER),
    ]

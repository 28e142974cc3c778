"""Audiences on real stores: members as consents and rules say, sizes that are rounded, refusals, and the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from features.insight.audience.errors import (
    AudienceError,
    DefinitionError,
    NearIdenticalError,
    TooManyQuestionsError,
    TooSmallError,
    UnknownAudienceError,
    UnreadableAudienceError,
)
from features.insight.audience.rule import (
    Audience,
    read_audience,
    read_rule,
)
from features.insight.audience.store import AudienceStore
from features.retrieval.answer import Caller
from installation.backup.content import KEPT_DOCUMENTS, part_of_file
from installation.backup.vault import Area, Part
from installation.data_secret import open_audiences
from installation.store_file import AUDIENCES
from privacy.access.errors import AccessRefused
from tests.features.insight.audience.audience_shop import AudienceShop, at
from tests.features.retrieval.feature_shop import AGENT, NOON, OFFICER

MARKETER = Caller("campaigns", "marketer")
NAMES = [f"c_{n:03d}" for n in range(210)]
PERMITTING = NAMES[:180]
REFUSES_MAIL = {"c_003", "c_013"}


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AudienceShop]:
    """Customer number n has ordered n times; 180 of 210 permit marketing, one of the others withdrew."""
    with closing(AudienceShop(tmp_path_factory.mktemp("market"))) as shop:
        shop.open_with(NAMES)
        shop.write_views([{"customer": name, "order_count": n} for n, name in enumerate(NAMES)])
        shop.permit(NAMES[:181], "marketing")
        shop.state("c_180", "withdrawn", "marketing", NOON)
        shop.permit(NAMES, "personalisation")
        for name in REFUSES_MAIL:
            shop.state(name, "withdrawn", "advertising_message", NOON)
        yield shop


@pytest.fixture
def shop(market: AudienceShop) -> Iterator[AudienceShop]:
    """The market without audiences and history."""
    yield market
    documents = open_audiences(market.installation.settings, market.installation.server)
    for name in documents.names():
        documents.delete(name)
    market.moment = NOON


def audience(rule: Any, name: str = "a", purpose: str = "marketing") -> Audience:
    return Audience(name, "A test", purpose, read_rule(rule, "rule"))


def orders(**bounds: object) -> dict[str, Any]:
    return {"feature": "trade:order_count", **bounds}


def members(shop: AudienceShop, rule: Any) -> set[str]:
    shop.audiences.store.write(audience(rule), replaces=True)
    return set(shop.audiences.members("a", OFFICER))


def selected(shop: AudienceShop, rule: Any) -> set[str]:
    """Return the members, whatever was asked before."""
    found, _ = shop.audiences._select(shop.audiences.contracted.bound(audience(rule)), ())
    return {name for name, is_member in zip(found.customers, found.members.tolist(), strict=True) if is_member}


def test_an_audience_is_created_listed_sized_and_exported(shop: AudienceShop) -> None:
    text = audience(orders(at_least=117), "frequent").text()
    size = shop.audiences.create(text, MARKETER)
    assert (size.size, size.permitting, size.purpose, size.moment) == (60, 180, "marketing", NOON)
    assert shop.audiences.store.names() == ["frequent"]
    assert shop.audiences.members("frequent", OFFICER) == NAMES[117:180]
    assert shop.audiences.size(shop.audiences.store.read("frequent"), MARKETER) == size
    with pytest.raises(AudienceError, match="already"):
        shop.audiences.create(text, MARKETER)
    shop.audiences.store.delete("frequent")
    with pytest.raises(UnknownAudienceError, match="none"):
        shop.audiences.members("frequent", OFFICER)


def test_a_withdrawal_removes_a_member_at_once(shop: AudienceShop) -> None:
    rule = orders(at_least=30)
    assert "c_140" in members(shop, rule)
    shop.state("c_140", "withdrawn", "marketing", at(0, hours=2))
    try:
        assert "c_140" not in members(shop, rule)
    finally:
        shop.state("c_140", "renewed", "marketing", at(0, hours=1))


def test_a_test_of_consent_selects_who_permits_it_also_for_the_purpose_of_the_audience(shop: AudienceShop) -> None:
    everybody = set(PERMITTING)
    assert members(shop, {"all": []}) == everybody
    few = [orders(at_least=60), {"permits": "marketing"}]
    assert members(shop, {"all": few}) == set(NAMES[60:180])
    mail = {"all": [orders(at_most=89), {"permits": "advertising_message"}]}
    assert members(shop, mail) == set(NAMES[:90]) - REFUSES_MAIL
    # Nobody denies the purpose of the audience among its members.
    found = shop.audiences.size(audience({"not": {"permits": "marketing"}}), MARKETER)
    assert (found.size, found.permitting) == (0, 180)


def test_a_near_identical_audience_is_refused_and_its_definition_not_stored(shop: AudienceShop) -> None:
    assert shop.audiences.size(audience(orders(at_least=60)), MARKETER).size == 120
    for rule in (
        orders(at_least=61),
        {"all": [orders(at_least=60), {"not": orders(**{"is": 91})}]},
        # The same customers by another rule: a refusal only where somebody differs would tell that somebody does.
        {"all": [orders(at_least=60), {"not": orders(**{"is": 10})}]},
        {"not": orders(at_least=62)},
        orders(at_least=5),
    ):
        # Whoever asks: two users may talk to each other.
        with pytest.raises(NearIdenticalError):
            shop.audiences.size(audience(rule), OFFICER)
        with pytest.raises(NearIdenticalError) as raised:
            shop.audiences.create(audience(rule, "near").text(), MARKETER)
        assert not any(name in str(raised.value) for name in NAMES)
    assert shop.audiences.store.names() == []
    assert shop.audiences.size(audience(orders(at_least=90)), MARKETER).size == 90
    # The same rule in other words keeps its answer, as does the one that was asked for first.
    assert shop.audiences.size(audience({"all": [orders(at_least=90)]}), MARKETER).size == 90
    assert shop.audiences.size(audience(orders(at_least=60)), MARKETER).size == 120


def test_a_small_audience_has_size_zero_and_is_not_exported(shop: AudienceShop) -> None:
    rule = audience(orders(at_least=172))
    assert shop.audiences.create(rule.text(), MARKETER).size == 0
    with pytest.raises(TooSmallError):
        shop.audiences.members("a", OFFICER)


def test_a_question_of_a_year_ago_is_no_longer_compared_and_the_history_has_a_limit(
    shop: AudienceShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.insight.audience.store.MOST_QUESTIONS", 1)
    shop.audiences.size(audience(orders(at_least=60)), MARKETER)
    with pytest.raises(TooManyQuestionsError):
        shop.audiences.size(audience(orders(at_least=120)), MARKETER)
    assert shop.logged()[-1].outcome == "refused"
    shop.moment = NOON.replace(year=NOON.year + 1, day=NOON.day + 1)
    assert shop.audiences.store.questions(shop.moment.date()) == ()
    assert shop.audiences.size(audience(orders(at_least=61)), MARKETER).size == 110


def test_a_rule_may_use_only_what_serves_its_purpose_and_the_role(shop: AudienceShop) -> None:
    refused = [
        (audience({"feature": "trade:basket", "missing": True}), OFFICER),  # does not serve marketing
        (audience({"feature": "trade:income", "missing": True}), MARKETER),  # not for the role
        (audience({"event": "search", "within_days": 3}), OFFICER),  # events do not serve marketing
        (audience({"all": []}), AGENT),  # the role has no such purpose
        (audience({"all": []}), Caller("key", "privacy_officer", frozenset({"personalisation"}))),
    ]
    for asked, caller in refused:
        with pytest.raises(AccessRefused):
            shop.audiences.size(asked, caller)
    shop.audiences.store.write(audience(orders(at_least=3)), replaces=True)
    with pytest.raises(AccessRefused, match="pseudonyms"):
        shop.audiences.members("a", MARKETER)
    last = shop.logged()[-6:]
    assert {(entry.outcome, entry.action, entry.subjects) for entry in last[:5]} == {("refused", "size", None)}
    assert (last[5].outcome, last[5].action) == ("refused", "export")


@pytest.mark.parametrize(
    "rule",
    [
        {"feature": "trade:orders", "missing": True},
        {"feature": "tread:order_count", "missing": True},
        orders(at_least="three"),
        orders(at_least=2.5),
        orders(within_days=3),
        {"feature": "taste:last_visit", "at_least": 3},
        {"permits": "marketng"},
        {"feature": "customer_purchase_behaviour:preferred_channel", "is": "shop"},
    ],
)
def test_a_value_or_name_that_the_contracts_do_not_know_is_refused(shop: AudienceShop, rule: Any) -> None:
    with pytest.raises(DefinitionError):
        shop.audiences.size(audience(rule), OFFICER)


def test_no_rule_selects_by_the_name_of_a_sensitive_category(shop: AudienceShop) -> None:
    colours = ["red", "Infant formula", None]
    shop.write_views(
        [{"customer": name, "order_count": n} for n, name in enumerate(NAMES)],
        [{"customer": name, "colour": colours[n % 3]} for n, name in enumerate(NAMES)],
    )
    for words in ({"is": "Infant formula"}, {"one_of": ["red", "PHARMACY"]}):
        with pytest.raises(DefinitionError, match="health"):
            shop.audiences.size(audience({"feature": "taste:colour", **words}), MARKETER)
    # Nor by naming all others, which would select who is left.
    has_any, is_red = {"feature": "taste:colour", "missing": False}, {"feature": "taste:colour", "is": "red"}
    assert selected(shop, is_red) == selected(shop, has_any) == set(PERMITTING[::3])


@pytest.mark.parametrize("names", [[], ["c_000"], NAMES[181:], ["c_000"] * 40])
def test_an_empty_market_one_customer_duplicates_and_denying_customers_give_size_zero(
    shop: AudienceShop, names: list[str]
) -> None:
    shop.open_with(names)
    try:
        rules: list[Any] = [{"all": []}, orders(at_least=0), {"not": orders(at_least=9)}, {"permits": "marketing"}]
        for rule in rules:
            found = shop.audiences.size(audience(rule), MARKETER)
            assert (found.size, found.permitting) == (0, 0)
    finally:
        shop.open_with(NAMES)


def test_of_two_near_identical_questions_at_once_only_one_is_answered(
    shop: AudienceShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second question is asked and answered after the first one was compared and before it was noted."""
    note, answers = AudienceStore.note, []

    def between(*arguments: Any) -> bool:
        monkeypatch.setattr(AudienceStore, "note", note)
        answers.append(shop.audiences.size(audience(orders(at_least=61)), MARKETER).size)
        return note(*arguments)

    monkeypatch.setattr(AudienceStore, "note", between)
    with pytest.raises(NearIdenticalError):
        shop.audiences.size(audience(orders(at_least=60)), MARKETER)
    assert answers == [110]


def test_a_long_history_is_compared_in_several_queries(shop: AudienceShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.insight.audience.selection.MOST_TESTS", 2)
    for bound in (30, 60, 90, 120):
        shop.audiences.size(audience(orders(at_least=bound)), MARKETER)
    for bound in (31, 61, 91, 121):
        with pytest.raises(NearIdenticalError):
            shop.audiences.size(audience(orders(at_least=bound)), MARKETER)


def test_the_log_names_features_and_numbers_but_no_customer_and_no_value(shop: AudienceShop) -> None:
    shop.audiences.create(audience(orders(at_least=100), "frequent").text(), MARKETER)
    shop.audiences.members("frequent", OFFICER)
    size, export = shop.logged()[-2:]
    assert (size.action, size.table, size.columns) == ("size", "audience/frequent", ("trade:order_count",))
    assert (size.subjects, export.action, export.subjects) == (None, "export", 80)
    assert "at_least" not in size.model_dump_json(exclude={"at"})
    assert "c_0" not in export.model_dump_json()


def test_a_check_says_which_tests_hold_and_reads_nothing_of_who_denies(shop: AudienceShop) -> None:
    rule = {"all": [orders(at_least=100), {"permits": "advertising_message"}]}
    shop.audiences.store.write(audience(rule), replaces=True)
    with shop.open() as reader:
        found = shop.audiences.check("a", "c_140", OFFICER, reader)
        assert (found.is_member, found.permits) == (True, True)
        few = shop.audiences.check("a", "c_013", OFFICER, reader)
        assert few.tests == (
            ("feature: trade:order_count, at_least: 100", False),
            ("permits: advertising_message", False),
        )
        for name in ("c_180", "c_nobody", "' OR 1=1"):
            before = len(shop.logged())
            assert shop.audiences.check("a", name, OFFICER, reader).tests == ()
            (entry,) = shop.logged()[before:]
            assert (entry.action, entry.columns) == ("check", ("trade:order_count",))


@pytest.mark.parametrize("customer", ["c_140", "c_180", "c_nobody"])
@pytest.mark.parametrize("rule", [{"all": []}, {"permits": "advertising_message"}, orders(at_least=100)])
def test_a_role_that_knows_pseudonyms_learns_no_membership(shop: AudienceShop, rule: Any, customer: str) -> None:
    shop.audiences.store.write(audience(rule), replaces=True)
    with shop.open() as reader, pytest.raises(AccessRefused, match="pseudonyms"):
        shop.audiences.check("a", customer, MARKETER, reader)
    assert shop.logged()[-1].outcome == "refused"


@pytest.mark.parametrize(
    "text",
    [
        # Written with a condition a line, it is longer than the limit.
        "rule: " + "{not: " * 18 + f"{{feature: 'trade:order_count', one_of: {list(range(9000))}}}" + "}" * 18,
        "rule: {feature: 'trade:order_count', at_least: 60}\ndescription: \"\\ud800\"",
    ],
)
def test_no_size_is_told_of_a_rule_that_the_history_cannot_keep(shop: AudienceShop, text: str) -> None:
    with pytest.raises(DefinitionError):
        shop.audiences.size(read_audience(f"name: a\npurpose: marketing\n{text}"), MARKETER)
    odd = audience(orders(at_least=60))
    with pytest.raises(DefinitionError):
        shop.audiences.size(replace(odd, description="\x1b[2J"), MARKETER)
    assert shop.audiences.store.questions(NOON.date()) == ()


@pytest.mark.parametrize("document", ["history.json", "asked.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[[1, 2, 3]]", b'[["a"]]', b"{}", b"\xff", b"[" * 99_999])
def test_a_damaged_history_is_refused_and_no_size_is_told(shop: AudienceShop, document: str, content: bytes) -> None:
    shop.audiences.size(audience(orders(at_least=60)), MARKETER)
    open_audiences(shop.installation.settings, shop.installation.server).write(document, content)
    with pytest.raises(UnreadableAudienceError, match=document):
        shop.audiences.size(audience(orders(at_least=61)), MARKETER)


def test_a_damaged_definition_is_refused_and_can_be_deleted(shop: AudienceShop) -> None:
    open_audiences(shop.installation.settings, shop.installation.server).write("a.audience.yaml", b"name: \xff")
    with pytest.raises(UnreadableAudienceError, match=r"a\.audience\.yaml"):
        shop.audiences.members("a", OFFICER)
    shop.audiences.store.delete("a")
    assert shop.audiences.store.names() == []


def test_refused_rules_count_among_those_of_the_year(shop: AudienceShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.insight.audience.store.MOST_QUESTIONS", 3)
    shop.audiences.size(audience(orders(at_least=60)), MARKETER)
    for bound in (61, 62, 61):
        with pytest.raises(NearIdenticalError):
            shop.audiences.size(audience(orders(at_least=bound)), MARKETER)
    with pytest.raises(TooManyQuestionsError):
        shop.audiences.size(audience(orders(at_least=63)), MARKETER)


def test_definitions_and_history_belong_to_the_backups_and_name_no_customer(shop: AudienceShop) -> None:
    shop.audiences.create(audience(orders(at_least=100), "frequent").text(), MARKETER)
    folder = shop.installation.settings.data_dir
    files = {str(path.relative_to(folder)): path.read_bytes() for path in (folder / "audience").iterdir()}
    assert {part_of_file(Area.DATA, name) for name in files if not name.endswith(".lock")} == {Part.STORES}
    assert AUDIENCES in KEPT_DOCUMENTS
    assert not any(b"c_0" in content for content in files.values())


@pytest.mark.parametrize(("rule", "words"), [
    ({"event": "purchse", "within_days": 30}, "purchase"),
    ({"not": {"event": "Search", "within_days": 30}}, "search"),
    ({"event": "search", "channel": "fax", "within_days": 30}, "app, delivery, email"),
])  # fmt: skip
def test_an_unknown_event_type_or_channel_is_refused_with_the_known_ones(
    shop: AudienceShop, rule: Any, words: str
) -> None:
    """It would select nobody, or with `not` everybody, and look like an answer."""
    with pytest.raises(DefinitionError, match=words):
        shop.audiences.size(audience(rule, purpose="personalisation"), MARKETER)


def test_an_event_type_that_only_events_have_is_known(shop: AudienceShop) -> None:
    shop.write_events({"c_001": [(at(1).date(), "tasted_wine", "fair")]})
    try:
        rule = {"event": "tasted_wine", "channel": "fair", "within_days": 30}
        assert shop.audiences.size(audience(rule, purpose="personalisation"), MARKETER).size == 0
    finally:
        shop.write_events({})


def test_a_preview_shows_no_more_members_than_the_size_that_is_told(shop: AudienceShop) -> None:
    shop.write_views([{"customer": name, "order_count": n} for n, name in enumerate(NAMES)])
    rule = "name: a\npurpose: marketing\nrule: {feature: trade:order_count, at_least: 137}\n"
    size = shop.audiences.create(rule, MARKETER)
    told, shown = shop.audiences.preview("a", MARKETER, 100)
    assert told == size
    assert len(shown) == size.size == 40 < len(PERMITTING[137:])
    assert all(one.startswith("p_") for one in shown)
    assert set(shop.audiences.preview("a", OFFICER, 5)[1]) <= set(PERMITTING[137:])

"""The policy stores what visitors permit and nothing else, by an independent evaluation; no rule can be left out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent_serving.collector import consent_policy, person_record
from agent_serving.collector.consent_policy import ConsentPolicy, open_policy
from agent_serving.collector.policy import Decision, Outcome, StoreAll
from agent_serving.collector.received_event import ReceivedEvent, SignalHeaders
from agent_serving.collector.visitor_store import FILE
from bench.collect.consent import RULES, SOURCE, Clock, compare, contracts
from installation.installation import Installation
from installation.settings import load_settings
from privacy.consent.errors import RuleError
from privacy.consent.record import SUBJECT_TOKEN_KIND, ConsentRecord
from privacy.consent.service import Statement
from privacy.consent.signal import decision
from privacy.consent.signal.decision import DeviceAnswer, Verdict
from privacy.consent.signal.reading import Answer

YES, NO = {"Analytics": True}, {"Analytics": False}
STORE, WAIT, DROP = Outcome.STORE, Outcome.WAIT, Outcome.DROP


class Site:
    """A collected source with a policy, and the events of its visitors."""

    def __init__(self, folder: Path, **changed: Any) -> None:
        self.clock, self.folder = Clock(), folder
        settings = load_settings(data_dir=folder / "data", secret_dir=folder / "secret")
        self.installation = Installation(settings, self.clock)
        self.installation.__dict__["contracts"] = contracts()
        self.contract = replace(
            contracts()[SOURCE], collection={"protocol": "segment", "userIds": "trusted", **RULES, **changed}
        )
        self.policy = self.open()
        self.count = 0

    def open(self) -> ConsentPolicy:
        policy = open_policy(self.installation, self.contract)
        assert isinstance(policy, ConsentPolicy)
        return policy

    def close(self) -> None:
        self.policy.close()
        self.installation.close()

    def event(
        self, device: str | None = "d-1", user: str | None = None, said: Any = None, **more: Any
    ) -> ReceivedEvent:
        self.count += 1
        context = {} if said is None else {"consent": {"categoryPreferences": said}}
        kind, ago = more.get("type", "track"), more.get("ago", timedelta(0))
        now = self.clock()
        message = {"type": kind, "event": more.get("event", "Viewed"), "context": context}
        return ReceivedEvent(
            kind, str(self.count), device, user, more.get("former"), now - ago, now, message,
            SignalHeaders(more.get("gpc")), {}, b'{"page":"secret-page-%d"}' % self.count,
        )  # fmt: skip

    def send(self, *events: ReceivedEvent) -> Sequence[Decision]:
        decisions = self.policy.decide(events)
        self.policy.settle(events, decisions)
        return decisions

    def outcome(self, *arguments: Any, **more: Any) -> tuple[Outcome, str]:
        (found,) = self.send(self.event(*arguments, **more))
        return found.outcome, found.reason

    def records(self, user: str) -> list[ConsentRecord]:
        token = str(self.installation.tokenizer.token(SUBJECT_TOKEN_KIND, user))
        return self.installation.consent_store.records_of([token])

    def states(self, user: str, purpose: str = "analytics") -> list[str]:
        return [str(record.state) for record in self.records(user) if record.purpose == purpose]

    def withdraw(self, user: str) -> None:
        service = self.installation.consent_service()
        token = str(self.installation.tokenizer.token(SUBJECT_TOKEN_KIND, user))
        service.take_in([service.withdrawal(token, "analytics", Statement("call_center"))])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site(tmp_path)
    yield one
    one.close()


@pytest.mark.parametrize(("seed", "user_ids"), [(1, "trusted"), (2, "claimed")])
def test_random_visitors_are_stored_as_the_evaluation_says(tmp_path: Path, seed: int, user_ids: Any) -> None:
    found = compare(tmp_path, 120, seed, user_ids)
    assert found.agrees, found
    assert found.stored > 200
    assert found.released > 10


def counts_late(before: DeviceAnswer | None, answer: Answer, at: datetime) -> DeviceAnswer | None:
    return None if answer is Answer.UNREADABLE else DeviceAnswer(answer, at)


def ignores_persons(own: Answer | None, device: Verdict, persons: Sequence[Verdict]) -> Verdict:
    return decision.event_verdict(own, device, [])


def ignores_the_event(own: Answer | None, device: Verdict, persons: Sequence[Verdict]) -> Verdict:
    return decision.event_verdict(None, device, persons)


@pytest.mark.parametrize(
    ("module", "name", "broken"),
    [
        (consent_policy, "followed", counts_late),
        (consent_policy, "event_verdict", ignores_persons),
        (consent_policy, "event_verdict", ignores_the_event),
        (person_record, "is_recorded", lambda *_: True),
    ],
)
def test_the_evaluation_finds_a_broken_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, broken: Callable[..., Any]
) -> None:
    monkeypatch.setattr(module, name, broken)
    assert compare(tmp_path, 120, 3).unpermitted


def test_an_event_waits_until_the_visitor_decides(site: Site) -> None:
    assert site.outcome() == (WAIT, "no_decision")
    assert site.outcome("d-2") == (WAIT, "no_decision")
    (consented,) = site.send(site.event(said=YES))
    assert (consented.outcome, consented.released) == (STORE, (b'{"page":"secret-page-1"}',))
    assert site.outcome("d-2", said=NO) == (DROP, "refused")
    assert site.send(site.event("d-2"))[0] == Decision(DROP, "refused")
    assert site.outcome() == (STORE, "consent")


def test_a_released_event_waits_until_it_is_in_the_log(site: Site) -> None:
    site.outcome()
    (first,) = site.policy.decide([site.event(said=YES)])
    site.policy.close()
    site.policy = site.open()  # the process was killed before the line was in the log
    events = [site.event()]
    again = site.policy.decide(events)
    assert again[0].released == first.released != ()
    site.policy.settle(events, again)
    assert site.send(site.event())[0].released == ()


def test_a_request_that_is_sent_again_waits_once(site: Site) -> None:
    event = site.event()
    assert [found.outcome for found in (*site.send(event), *site.send(event))] == [WAIT, WAIT]
    assert site.send(site.event(said=YES))[0].released == (event.line,)


def test_waiting_events_follow_the_person_and_never_with_more_consent(site: Site) -> None:
    site.outcome("d-0", "M1", YES)
    site.outcome("d-1")
    assert len(site.send(site.event("d-1", "M1"))[0].released) == 1, "M1 permits"
    site.outcome("d-2", "M2", NO)
    site.outcome("d-3")
    assert site.outcome("d-3", "M2") == (DROP, "refused")
    assert site.send(site.event("d-3", said=YES))[0] == Decision(DROP, "refused"), "M2 was seen on the device"
    assert (site.states("M1"), site.states("M2")) == (["given"], ["refused"])


def test_consent_withdrawal_and_a_cookie_from_before(site: Site) -> None:
    assert site.outcome(user="M1", said=YES) == (STORE, "consent")
    site.clock.now += timedelta(days=1)
    site.withdraw("M1")
    assert site.outcome(user="M1", said=YES) == (DROP, "refused")
    assert site.outcome("d-new", user="M1", said=YES) == (DROP, "refused"), "the first answer of another device"
    site.clock.now += timedelta(days=1)
    changed = {"user": "M1", "said": YES, "event": "Segment Consent Preference Updated"}
    assert site.outcome(**changed, ago=timedelta(days=1, hours=1)) == (DROP, "refused"), "sent before the withdrawal"
    assert site.states("M1") == ["given", "withdrawn"]
    assert site.outcome(**changed) == (STORE, "consent")
    assert site.states("M1") == ["given", "withdrawn", "given"]
    (first, *_) = site.records("M1")
    assert (first.notice_version, first.age_years, first.asked) == ("banner-1", 14, "separately")
    assert first.method == "collector: segment"
    assert "pd:BrowsingBehavior" in first.data_categories


def test_a_refusal_on_the_device_withdraws_the_persons_consent(site: Site) -> None:
    site.outcome(user="M1", said=YES)
    assert site.outcome(user="M1", said=NO) == (DROP, "refused")
    assert site.outcome("d-2", user="M1") == (DROP, "refused")
    assert site.states("M1") == ["given", "withdrawn"]
    site.outcome(user="M1", said=NO)
    assert site.states("M1") == ["given", "withdrawn"], "a repeated answer is no new statement"


def test_an_answer_from_before_the_last_one_permits_nothing(site: Site) -> None:
    site.outcome(said=NO, ago=timedelta(hours=1))
    site.outcome(said=NO)
    assert site.outcome(said=YES, ago=timedelta(minutes=30)) == (DROP, "refused")
    assert site.outcome(said=YES) == (STORE, "consent")


def test_a_clock_in_the_future_cannot_outlast_a_later_refusal(site: Site) -> None:
    site.outcome(said=YES, ago=-timedelta(days=9))
    assert site.outcome(said=NO) == (DROP, "refused")
    assert site.outcome() == (DROP, "refused")


def test_events_sent_with_a_refusal_are_not_stored_before_it(site: Site) -> None:
    found = site.send(site.event(said=YES), site.event(said=NO), site.event())
    assert [one.outcome for one in found] == [DROP, DROP, DROP]


def test_privacy_control_refuses_marketing_and_stores_for_analytics(site: Site) -> None:
    assert site.outcome(user="M1", said={**YES, "Advertising": True}, gpc="1") == (STORE, "consent")
    assert (site.states("M1"), site.states("M1", "marketing")) == (["given"], ["refused"])


def test_privacy_control_and_unreadable_signals_are_named_as_reasons(tmp_path: Path) -> None:
    with closing(Site(tmp_path, privacyControl=["analytics"])) as site:
        assert site.outcome(said=YES, gpc="1") == (DROP, "privacy_control")
        assert site.outcome("d-2", said={"Analytics": "ja"}) == (DROP, "unreadable")
        assert site.outcome("d-2", said=YES) == (STORE, "consent"), "what cannot be read is no refusal"


def test_a_claimed_user_gives_consent_for_the_event_only(tmp_path: Path) -> None:
    with closing(Site(tmp_path, userIds="claimed")) as site:
        assert site.outcome(user="M1", said=YES) == (STORE, "consent")
        assert site.states("M1") == []
        assert site.outcome(user="M1", said=NO) == (DROP, "refused")
        assert site.states("M1") == ["refused"]


def test_the_consent_of_one_user_of_a_device_is_not_recorded_for_the_next(site: Site) -> None:
    site.outcome(user="M1", said=YES)
    assert site.outcome(user="M2", said=YES) == (STORE, "consent"), "the browser permits"
    assert site.states("M2") == []
    assert site.outcome(None, "M2") == (WAIT, "no_decision")


def test_an_alias_links_the_former_device(site: Site) -> None:
    site.outcome("d-old", said=NO)
    site.outcome(None, "M1", former="d-old", type="alias")
    assert site.states("M1") == ["refused"]


def test_objections_deny_and_drop_is_the_other_choice_for_the_undecided(tmp_path: Path) -> None:
    with closing(Site(tmp_path, undecided="drop")) as site:
        assert site.outcome() == (DROP, "no_decision")
        site.outcome(user="M1", said=YES)
        service = replace(site.installation.consent_service(), is_known_customer=lambda _: True)
        token = str(site.installation.tokenizer.token(SUBJECT_TOKEN_KIND, "M1"))
        service.object(token, "*", Statement("portal"), "KR")
        assert site.outcome(user="M1", said=YES) == (DROP, "refused")


def test_a_decision_made_elsewhere_releases_and_deletes_and_time_deletes(site: Site) -> None:
    site.outcome(None, "M1")
    site.outcome(None, "M2")
    site.outcome("d-1")
    service = site.installation.consent_service()
    token = str(site.installation.tokenizer.token(SUBJECT_TOKEN_KIND, "M1"))
    terms = site.policy._rules.terms
    service.take_in(service.consents([token], "analytics", terms, Statement("portal")))
    site.withdraw("M2")
    lines = site.policy.release(site.clock())
    assert lines == (b'{"page":"secret-page-1"}',)
    site.policy.forget(lines)
    assert rows(site) == 1
    assert site.policy.release(site.clock() + timedelta(days=3)) == ()
    assert rows(site) == 0


def test_a_refusal_that_another_source_heard_deletes_what_waits(site: Site) -> None:
    site.outcome("d-1", "M1")
    other = open_policy(site.installation, replace(site.contract, id="source.other"))
    other.decide([site.event("d-1", said=NO)])
    other.close()
    assert site.send(site.event("d-2", "M1", YES))[0].released == (), "M1 permits, and the device of the event does not"
    assert rows(site) == 0


def test_many_waiting_events_are_released_in_parts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent_policy, "MOST_RELEASED_BYTES", 50)
    site.send(*[site.event() for _ in range(5)])
    assert [len(site.send(site.event(said=YES))[0].released) for _ in range(4)] == [3, 2, 0, 0]
    site.send(*[site.event("d-2", "M2") for _ in range(5)])
    site.send(site.event("d-3", "M2", YES))
    first = site.policy.release(site.clock())
    assert first == site.policy.release(site.clock()), "what is not forgotten is released again"
    site.policy.forget(first)
    second = site.policy.release(site.clock())
    site.policy.forget(second)
    assert (len(first), len(second), site.policy.release(site.clock())) == (2, 1, ())


def test_too_many_events_of_one_visitor_are_dropped(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent_policy, "MOST_WAITING", 2)
    assert [found.reason for found in site.send(*[site.event() for _ in range(3)])] == [
        "no_decision", "no_decision", "too_many_wait",
    ]  # fmt: skip
    assert site.outcome() == (DROP, "too_many_wait")
    assert site.outcome("d-2") == (WAIT, "no_decision")


def test_the_file_shows_no_event_and_no_identifier(site: Site) -> None:
    site.outcome("device-of-kim", "M000000777", None)
    content = (site.folder / "data" / FILE).read_bytes()
    assert b"secret-page" not in content
    assert b"device-of-kim" not in content
    assert b"M000000777" not in content


def test_a_replaced_consent_record_is_opened_anew(site: Site) -> None:
    site.outcome(user="M1", said=YES)
    path = site.installation.settings.data_dir / "consent" / "consent.db"
    for file in path.parent.glob("consent.db*"):
        file.rename(file.with_name(f"old-{file.name}"))
    assert site.outcome(None, "M1") == (WAIT, "no_decision"), "a new record knows nothing"


def test_a_notice_whose_consents_never_count_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="never counts by the law of KR"):
        Site(tmp_path, notice={"version": "1", "asked": "bundled", "leastAge": 14})
    with pytest.raises(RuleError, match="never counts by the law of KR"):
        Site(tmp_path, notice={"version": "1", "asked": "separately"})


def test_a_source_without_purpose_stores_everything(tmp_path: Path) -> None:
    with Installation(load_settings(data_dir=tmp_path, secret_dir=tmp_path / "secret")) as installation:
        assert isinstance(
            open_policy(installation, replace(contracts()[SOURCE], collection={"protocol": "segment"})), StoreAll
        )


def test_a_purpose_that_needs_no_consent_yields_to_a_restriction(tmp_path: Path) -> None:
    with closing(Site(tmp_path, purpose="service_delivery")) as site:
        assert site.outcome(said=NO) == (STORE, "consent")
        site.outcome(user="M1", said=YES)
        service = replace(site.installation.consent_service(), is_known_customer=lambda _: True)
        token = str(site.installation.tokenizer.token(SUBJECT_TOKEN_KIND, "M1"))
        service.restrict(token, "*", Statement("portal"), "KR")
        assert site.outcome(user="M1", said=YES) == (DROP, "refused")


def rows(site: Site) -> int:
    with closing(sqlite3.connect(site.folder / "data" / FILE)) as db:
        return int(db.execute("SELECT count(*) FROM waiting_event").fetchone()[0])

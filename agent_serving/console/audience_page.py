"""Pages of audiences: the list, the builder with the permitted size, members under pseudonyms, and exports."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.audience_export import export_to, exports_of
from agent_serving.console.audience_form import (
    EVENT,
    MOST_ROWS,
    OPERATORS,
    PERMITS,
    Row,
    RuleForm,
    form_of,
    read_form,
)  # fmt: skip
from agent_serving.console.audience_refusal import Refusal, refusal_of
from agent_serving.console.audience_words import OPERATORS as OPERATOR_WORDS
from agent_serving.console.audience_words import RuleWords, event_name
from agent_serving.console.cell import Link, Share
from agent_serving.console.errors import UnknownEntry
from agent_serving.console.handling import add_page
from agent_serving.console.tile import Tile
from agent_serving.console.visit import Visit
from features.definition import Feature
from features.destination.errors import DestinationError
from features.insight.audience.errors import AudienceError, AudienceRefused, DefinitionError
from features.insight.audience.rule import Audience, read_audience
from features.insight.audience.service import Audiences, AudienceSize
from features.retrieval.answer import Caller
from installation.errors import SettingsError
from privacy.access.errors import AccessRefused
from privacy.rights.wording import Wording

router = APIRouter(prefix="/console")
PREVIEWED = 20
_PROFILE = "gold/customer_360"
_SHOWN = ["customer_id", "order_count", "days_since_last_order", "mean_monthly_spend", "online_order_share",
          "preferred_price_band", "sido"]  # fmt: skip
_MOST_TEXT = 20_000


def show_audiences(visit: Visit) -> Response:
    """Show the audiences of the purpose of this session, and how many there are for others."""
    store = _audiences(visit).store
    found = [store.read(name) for name in store.names()]
    here = [one for one in found if one.purpose == visit.staff.purpose]
    rows = [(Link(one.name, f"/console/audience/{one.name}"), one.description) for one in here]
    return visit.render("audiences", rows=rows, others=len(found) - len(here))


def show_builder(visit: Visit) -> Response:
    """Show the builder: empty, with a segment, or with the rule of an audience."""
    form, audience = RuleForm((Row(),)), None
    if name := visit.query("from", 63):
        audience = _audience(visit, name)
        form = form_of(audience) or form
    elif segment := visit.query("segment", 20):
        form = RuleForm((Row("customer_segment:segment_id", "is", segment),))
    return _builder(visit, form, audience)


def build(visit: Visit) -> Response:
    """Answer a step of the builder: another condition, the size, or a new audience."""
    action = visit.value("action")
    senses, subjects, operators, values = (visit.form.get(one, ()) for one in ("sense", "subject", "operator", "value"))
    form = read_form(subjects, operators, values, senses, is_all=visit.value("match") != "any")
    if action.startswith("remove-") and action[7:].isdigit():
        kept = tuple(row for n, row in enumerate(form.rows) if n != int(action[7:]))
        return _builder(visit, RuleForm(kept or (Row(),), form.is_all))
    if action == "add":
        return _builder(visit, RuleForm((*form.rows, Row())[:MOST_ROWS], form.is_all))
    if action not in ("size", "save"):
        return _builder(visit, form)
    audiences, caller = _audiences(visit), _caller(visit)
    audience: Audience | None = None
    try:
        audience = _entered(visit, form, audiences, "" if action == "save" else "draft")
        if action == "size":
            return _builder(visit, form, audience, size=audiences.size(audience, caller))
        audiences.create(audience.text(), caller, replaces=visit.value("replace") == "yes")
    except (AudienceError, AccessRefused) as error:
        return _builder(visit, form, audience, refusal=refusal_of(error), status=_status(visit))
    return visit.redirect(f"/audience/{audience.name}")


def show_audience(visit: Visit) -> Response:
    """Show an audience: its rule, its size now, its exports, members under pseudonyms."""
    return _shown(visit)


def export(visit: Visit) -> Response:
    """Export an audience to a destination now."""
    audience, destination = _audience(visit, visit.path("audience")), visit.value("destination", 100)
    try:
        export_to(visit, audience.name, destination, _caller(visit))
    except (AccessRefused, DestinationError, SettingsError) as error:
        return _shown(visit, refusal_of(error), 422)
    return visit.redirect(f"/audience/{audience.name}?exported={quote(destination)}")


def _shown(visit: Visit, failure: Refusal | None = None, status: int = 200) -> Response:
    audiences, audience = _audiences(visit), _audience(visit, visit.path("audience"))
    content: dict[str, Any] = {"size": None, "refusal": None, "members": [], "heads": []}
    try:
        content["size"], members = audiences.preview(audience.name, _caller(visit), PREVIEWED)
        if members:
            content["heads"], content["members"] = _profiles(visit, members)
    except (AudienceRefused, AccessRefused, DefinitionError) as error:
        content["refusal"] = refusal_of(error)
    words = _words(visit, audiences)
    done = visit.query("exported", 100)
    exports = exports_of(visit, audience.name)
    known = {name for name, _, _ in exports["destinations"]}
    return visit.render("audience", status, audience=audience, failure=failure,
                        exported=done if done in known else "", clause=words.clause(audience.rule), previewed=PREVIEWED,
                        is_form=form_of(audience) is not None, **exports, **content)  # fmt: skip


def delete(visit: Visit) -> Response:
    """Delete an audience."""
    _audiences(visit).store.delete(_audience(visit, visit.path("audience")).name)
    return visit.redirect("/audience")


def tiles(visit: Visit) -> list[Tile]:
    """Return how many audiences there are for the purpose of this session."""
    store = _audiences(visit).store
    count = sum(store.read(name).purpose == visit.staff.purpose for name in store.names())
    return [Tile(Wording("audiences", "오디언스"), count, "/audience")]


def _audiences(visit: Visit) -> Audiences:
    return Audiences(visit.console.installation)


def _audience(visit: Visit, name: str) -> Audience:
    store = _audiences(visit).store
    if name not in store.names():
        raise UnknownEntry("There is no audience of this name.")
    return store.read(name)


def _caller(visit: Visit) -> Caller:
    return Caller(visit.staff.name, visit.staff.role, frozenset({visit.staff.purpose}), "authenticated")


def _entered(visit: Visit, form: RuleForm, audiences: Audiences, unnamed: str) -> Audience:
    """Return the audience that was entered, as text or in rows. `unnamed`: its name if none was entered."""
    if text := visit.value("text", _MOST_TEXT):
        return read_audience(text)
    features = audiences.contracted.usable(visit.staff.role, visit.staff.purpose)
    name = visit.value("name", 63) or unnamed
    draft = Audience(name, visit.value("description", 500) or name, visit.staff.purpose, form.rule(features))
    # Read again, so that the form obeys what a file has to.
    return read_audience(draft.text())


def _profiles(visit: Visit, members: list[str]) -> tuple[list[str], list[list[Any]]]:
    """Return heads and rows of some members, as the role sees them."""
    contract = visit.console.installation.contracts.table(_PROFILE)
    listed = ", ".join(f"'{one}'" for one in members)
    found = visit.read(_PROFILE, _SHOWN, where=f"customer_id IN ({listed})").to_pylist()
    rows = [
        [Share(row[name]) if name.endswith("_share") else row[name] for name in _SHOWN]
        for row in sorted(found, key=lambda row: row["customer_id"])
    ]
    if "customer" in visit.open_pages:
        rows = [[Link(row[0], f"/console/customer/{row[0]}"), *row[1:]] for row in rows]
    return [visit.console.names.column(contract, name).text(visit.language) for name in _SHOWN], rows


def _words(visit: Visit, audiences: Audiences) -> RuleWords:
    return RuleWords(audiences.catalog, visit.console.installation.contracts, visit.console.names)


def _status(visit: Visit) -> int:
    # htmx shows no answer of another status.
    return 200 if "hx-request" in visit.request.headers else 422


def _builder(
    visit: Visit, form: RuleForm, audience: Audience | None = None, *, size: AudienceSize | None = None,
    refusal: Refusal | None = None, status: int = 200,
) -> Response:  # fmt: skip
    audiences = _audiences(visit)
    contracted, (role, purpose) = audiences.contracted, (visit.staff.role, visit.staff.purpose)
    features = {name: one for name, one in contracted.usable(role, purpose).items() if one.type in OPERATORS}
    words = _words(visit, audiences)
    subjects: list[tuple[Wording, list[tuple[str, Wording]]]] = [
        (words.view(view.name), [(one.reference, words.feature(one)) for one in view.features
                                 if one.reference in features])
        for view in audiences.catalog.views.values()
    ]  # fmt: skip
    purposes = [(f"{PERMITS}{name}", visit.console.names.purpose(name)) for name in _refusable(visit)]
    subjects.append((Wording("Consents", "동의"), purposes))
    if contracted.may_use_events(role, purpose):
        events = [(f"{EVENT}{name}", event_name(name)) for name in sorted(audiences.event_names.types)]
        subjects.append((Wording("Events", "활동"), events))
    choices = partial(_choices, audiences, features)
    text = visit.value("text", _MOST_TEXT) or ("" if audience is None or form_of(audience) else audience.text())
    return visit.render(
        "builder", status, form=form, audience=audience, size=size, refusal=refusal, text=text,
        subjects=[(title, options) for title, options in subjects if options], choices=choices, most=MOST_ROWS,
        words=OPERATOR_WORDS, features=features,
    )  # fmt: skip


def _choices(audiences: Audiences, features: dict[str, Feature], row: Row) -> tuple[list[str], tuple[str, ...]]:
    """Return the comparisons and the values that a row offers; no values where any may be entered."""
    feature = features.get(row.subject)
    if feature is None:
        return ([] if row.subject else list(OPERATOR_WORDS)), ()
    is_listed = row.operator not in ("one_of", "missing", "known")
    return list(OPERATORS[feature.type]), audiences.contracted.values_of(feature) if is_listed else ()


def _refusable(visit: Visit) -> list[str]:
    policy = visit.console.installation.policy
    return [name for name in policy.purposes if policy.can_refuse(name)]


add_page(router, "GET", "/audience", show_audiences, "audience")
add_page(router, "GET", "/audience/new", show_builder, "audience")
add_page(router, "POST", "/audience/new", build, "audience")
add_page(router, "GET", "/audience/{audience}", show_audience, "audience")
add_page(router, "POST", "/audience/{audience}/export", export, "audience")
add_page(router, "POST", "/audience/{audience}/delete", delete, "audience")

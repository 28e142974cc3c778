"""Corrects a draft by trial loads of its file, until the draft quarantines only rows that it states."""

from __future__ import annotations

from dataclasses import replace

from pipelines.contracts.column_profile import RARE_SHARE, Profile, allowed_misfits
from pipelines.contracts.contract_draft import Draft, DraftColumn
from pipelines.contracts.draft_yaml import render_draft
from pipelines.contracts.reading import TEXT
from pipelines.contracts.rehearsal import Rehearsal, RowProblem, rehearse
from pipelines.ingest.load_option import LoadOptions

MAX_TRIALS = 5
_LIMITS = {"length": ("minLength", "maxLength"), "bounds": ("minimum", "maximum")}
_EARLIEST, _LATEST = "0001-01-01", "9999-12-31"


def correct_draft(draft: Draft, options: LoadOptions) -> Draft:
    """Return the draft without the limits and types that too many rows of the whole file break.

    Values that do not have a type stay misfits only while they are few; else the column becomes text. Limits that were
    guessed from the first rows are dropped as soon as a row breaks them, because the row is valid by all that is known.
    """
    for _ in range(MAX_TRIALS):
        trial = rehearse(render_draft(_readable(draft)), draft.sample, draft.name, draft.event_time, options)
        corrected = _correct(draft, trial)
        if corrected == draft:
            break
        draft = corrected
    return replace(draft, rehearsal=trial)


def _readable(draft: Draft) -> Draft:
    """Return the draft with one encoding, so that the trial load can read it."""
    guess = draft.sample.encoding
    if guess is None or guess.is_certain:
        return draft
    return replace(draft, sample=replace(draft.sample, encoding=replace(guess, encoding=guess.codec, rivals=())))


def _correct(draft: Draft, trial: Rehearsal) -> Draft:
    if trial.refusal and trial.refused_column:
        return _without(draft, trial.refused_column, trial.refusal)
    columns = tuple(_relax(column, trial) for column in draft.columns)
    lost_keys = {column.name for column in columns if column.is_key and not column.profile.is_required}
    if lost_keys:
        columns = tuple(replace(column, is_key=False) for column in columns)
        return replace(draft, columns=columns, primary_key=())
    return draft if columns == draft.columns else replace(draft, columns=columns)


def _without(draft: Draft, name: str, reason: str) -> Draft:
    """Return the draft with the column as text, or without it if it is text already."""
    column = next(column for column in draft.columns if column.name == name)
    if column.profile.logical_type != "string":
        columns = tuple(_as_text(other) if other is column else other for other in draft.columns)
        return replace(draft, columns=columns)
    columns = tuple(other for other in draft.columns if other is not column)
    if not columns:
        return draft
    key = () if name in draft.primary_key else draft.primary_key
    subject = draft.subject_key if draft.subject_key != name else columns[0].name
    return replace(
        draft,
        columns=tuple(replace(other, is_key=other.name in key) for other in columns),
        primary_key=key,
        subject_key=subject,
        event_time=None if draft.event_time == name else draft.event_time,
        left_out=(*draft.left_out, (column.header, reason)),
    )


def _relax(column: DraftColumn, trial: Rehearsal) -> DraftColumn:
    profile = column.profile
    wrong_values = 0
    for problem, count in trial.of_column(column.name).items():
        is_rare = count <= RARE_SHARE * trial.rows
        if problem.rule == "required":
            profile = replace(profile, is_required=False)
        elif problem.rule == "enum":
            profile = profile if is_rare else replace(profile, enum=())
        elif problem.rule in _LIMITS:
            profile = _widen(profile, problem, is_rare=is_rare)
        elif problem.rule != "plausible_date":
            wrong_values += count
    is_doubted = bool(profile.doubts) and wrong_values <= len(profile.texts) / 2
    if wrong_values > allowed_misfits(trial.rows) and profile.logical_type != "string" and not is_doubted:
        return _as_text(replace(column, profile=profile))
    return column if profile == column.profile else replace(column, profile=profile)


def _widen(profile: Profile, problem: RowProblem, *, is_rare: bool) -> Profile:
    """Return the profile without the broken limit. A few implausible dates stay outside the bounds of their column."""
    if profile.logical_type in ("date", "timestamp"):
        if is_rare:
            return profile
        return replace(profile, options={**profile.options, "minimum": _EARLIEST, "maximum": _LATEST})
    dropped = _LIMITS[problem.rule]
    return replace(profile, options={key: value for key, value in profile.options.items() if key not in dropped})


def _as_text(column: DraftColumn) -> DraftColumn:
    profile = column.profile
    note = f"text, because too many values are not of type {profile.logical_type}"
    return replace(column, profile=replace(profile, reading=TEXT, options={}, notes=(*profile.notes, note), doubts=()))

"""Explains the match weight of a pair of records by the weight of each comparison, as text or as a waterfall chart."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from rich.cells import cell_len, set_cell_size

from pipelines.matching.deterministic_rule import rule_sql
from pipelines.matching.guard import DOUBTFUL_WEIGHT, REFUSED_WEIGHT, Refusal, doubt_sql, suffix_weight_sql
from pipelines.matching.mapping import PARTS
from pipelines.matching.model import Model, observe_levels
from pipelines.matching.scoring import score_pairs
from pipelines.matching.workspace import Workspace

# Fonts of Windows, macOS and Linux with Hangul and Hanzi, for the names of columns.
_OTHER_FONTS = ("Malgun Gothic", "Apple SD Gothic Neo", "Noto Sans CJK KR", "Noto Sans CJK JP", "NanumGothic")
_FOR, _AGAINST, _TOTAL = "#2a7f62", "#b5442e", "#3b4a54"


@dataclass(frozen=True, slots=True)
class Step:
    """One bar of the waterfall: a comparison, the pair's level of agreement and its weight in bits (log2 odds).

    `columns` and `values` are the compared columns and the values of both records, where `name_by_columns` added them.
    """

    comparison: str
    level: str
    weight: float
    columns: tuple[str, ...] = ()
    values: tuple[str | None, str | None] | None = None

    @property
    def label(self) -> str:
        """The comparison, and in brackets its columns if they have other names."""
        is_named = not self.columns or self.columns == (self.comparison,)
        return self.comparison if is_named else f"{self.comparison} ({', '.join(self.columns)})"

    def as_dict(self) -> dict[str, Any]:
        """Return the step as values that can be written as JSON."""
        known = {"comparison": self.comparison, "level": self.level, "weight": self.weight}
        values = {} if self.values is None else {"values": list(self.values)}
        return known | ({"columns": list(self.columns)} if self.columns else {}) | values


@dataclass(frozen=True, slots=True)
class Explanation:
    """The steps from the prior to the match weight of a pair.

    Attributes:
        steps: the prior first, then each comparison; `household` where evidence that a household shares exceeds its
            limit (see `dependence`), and `guard` where a guard refuses the pair.
        weight: sum of the steps.
        refusal: what differs, if a guard refuses the pair (see `guard`); `None` otherwise.
        rule: name of the deterministic rule that decides the pair; `None` if the weight decides.
    """

    steps: tuple[Step, ...]
    weight: float
    refusal: str | None = None
    rule: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as values that can be written as JSON."""
        steps = [step.as_dict() for step in self.steps]
        return {"weight": self.weight, "refusal": self.refusal, "rule": self.rule, "steps": steps}

    def as_text(self, width: int = 30) -> str:
        """Return the waterfall as lines of text."""
        scale = width / max(max(abs(s.weight) for s in self.steps), 1.0)
        left = max(cell_len(step.label) for step in self.steps)
        lines = [
            f"{set_cell_size(s.label, left)} {s.weight:>+8.2f}  {_bar(s.weight * scale):<{width}} {s.level}{_values(s)}"
            for s in self.steps
        ]
        decided = [f"decided by rule: {self.rule} equal"] if self.rule else []
        total = f"{'total':<{left}} {self.weight:>+8.2f}  log2 odds that both are one person"
        return "\n".join([*decided, *lines, total])


def explain(
    connection: Workspace, model: Model, first: int, second: int, *, frequency_table: str | None = None
) -> Explanation:
    """Return the steps to the match weight of a pair of rows; weights include term frequencies and dependence.

    Args:
        connection: a workspace after `resolve`.
        model: the model that `resolve` trained.
        first: row number of one record.
        second: row number of the other record.
        frequency_table: see `scoring.score_pairs`.
    """
    low, high = sorted((first, second))
    row = _predict(connection, model, (low, high), frequency_table)
    connection.execute(f"create or replace table asked as select {low} as a, {high} as b")
    observe_levels(connection, model.comparisons, pairs="asked", into="asked_level")
    levels = connection.execute("select * from asked_level").fetchall()[0][2 : 2 + len(model.comparisons)]
    refusal, rule, suffix, is_doubtful = connection.execute(
        f"select {model.refusal_sql} as refusal, {rule_sql(model)} as rule, {suffix_weight_sql()} as suffix, "
        f"{doubt_sql(model.comparisons)} as is_doubtful from asked_level"
    ).fetchall()[0]
    weights = [float(row[f"mw_{c.name}"]) + float(row.get(f"mw_tf_adj_{c.name}", 0.0)) for c in model.comparisons]
    steps = [Step("prior", "any two records", round(model.prior_weight, 3))]
    for number, (comparison, level) in enumerate(zip(model.comparisons, levels, strict=True)):
        labels = ["unknown", *(lv.label for lv in comparison.levels), "different"]
        counted = weights[number] * model.share_counted(number, weights)
        steps.append(Step(comparison.name, labels[level], round(counted, 3)))
    reached = float(model.total([np.array([weight]) for weight in weights])[0])
    excess = round(reached - sum(s.weight for s in steps), 3)
    if excess < -0.01:
        steps.append(Step("household", "what one household shares counts once", excess))
    if suffix:
        steps.append(Step("suffix", "suffix equal" if suffix > 0 else "suffix on one record only", float(suffix)))
        reached += float(suffix)
    reason = Refusal(int(refusal)).reason or None
    if is_doubtful and not reason and not rule and reached > DOUBTFUL_WEIGHT:
        steps.append(Step("guard", "two people of one household", round(DOUBTFUL_WEIGHT - reached, 3)))
    if reason and not rule:
        steps.append(Step("guard", reason, round(min(REFUSED_WEIGHT - reached, 0.0), 3)))
    return Explanation(tuple(steps), round(sum(s.weight for s in steps), 3), reason, rule)


def draw_waterfall(explanation: Explanation, path: Path) -> None:
    """Draw the waterfall chart to a PNG, SVG or PDF file; the extension decides which. It shows no values."""
    known = set(get_font_names())
    fonts: Any = {"font.family": ["DejaVu Sans", *(name for name in _OTHER_FONTS if name in known)]}
    with rc_context(fonts), warnings.catch_warnings():
        # A column name in a script without an installed font is drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        _draw(explanation, path)


def _draw(explanation: Explanation, path: Path) -> None:
    steps = [*explanation.steps, Step("total", _verdict(explanation), explanation.weight)]
    ends = [*(sum(s.weight for s in steps[: n + 1]) for n in range(len(steps) - 1)), explanation.weight]
    starts = [end - step.weight for end, step in zip(ends, steps, strict=True)]
    figure = Figure(figsize=(9, 0.4 * len(steps) + 1.3))
    axes = figure.subplots()
    rows = range(len(steps))
    colours = [_TOTAL if s.comparison == "total" else _FOR if s.weight >= 0 else _AGAINST for s in steps]
    axes.barh(rows, [s.weight for s in steps], left=starts, color=colours, height=0.7)
    # Each bar starts where the one above it ended.
    for row, end in enumerate(ends[:-2]):
        axes.plot([end, end], [row + 0.35, row + 0.65], color="0.5", linewidth=0.8)
    for row, (start, end, step) in enumerate(zip(starts, ends, steps, strict=True)):
        text = f"{step.weight:+.1f}" if step.weight else "0"
        axes.annotate(text, (max(start, end), row), (4, 0), textcoords="offset points", va="center", fontsize=9)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(rows, [_bar_label(s) for s in steps])
    axes.invert_yaxis()
    low, high = min(0.0, *starts, *ends), max(0.0, *starts, *ends)
    axes.set_xlim(low - 0.04 * (high - low), high + 0.12 * (high - low))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("match weight: log2 odds that both are one person; even odds at 0")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def _verdict(explanation: Explanation) -> str:
    if explanation.rule:
        return f"decided by rule: {explanation.rule} equal"
    return "one person more likely" if explanation.weight > 0 else "two people more likely"


def _bar_label(step: Step) -> str:
    """Return the label of a bar: the level, with the comparison before it where the level does not name it."""
    kind, _, number = step.comparison.rpartition("_")
    part = step.comparison.replace("_", " ")
    if step.columns == (step.comparison,):
        part = step.comparison
    elif number.isdigit():
        part = kind if number == "0" else f"{kind} {int(number) + 1}"
    named = step.level not in ("unknown", "different") and step.comparison not in ("prior", "total")
    if step.columns and step.comparison not in PARTS and step.comparison not in step.level:
        named = False
    return step.level if named else f"{part}: {step.level}"


def _values(step: Step) -> str:
    """Return the values of both records as text, where they are shown and one is known."""
    if step.values is None or step.values == (None, None):
        return ""
    return f": {' | '.join('(none)' if value is None else value for value in step.values)}"


def _bar(length: float) -> str:
    return ("█" if length >= 0 else "░") * round(abs(length))


def _predict(connection: Workspace, model: Model, ends: tuple[int, int], frequency_table: str | None) -> dict[str, Any]:
    keys = f"{ends[0]} as join_key_l, {ends[1]} as join_key_r, '0' as match_key"
    connection.execute(f"create or replace table asked_pair as select {keys}")
    predicted = score_pairs(connection, model, "asked_pair", frequency_table)
    row: dict[str, Any] = predicted.as_record_list()[0]
    predicted.drop_table_from_database_and_remove_from_cache()
    return row

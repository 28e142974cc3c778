"""Renders the report of synthetic data as one HTML file without external references."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from privacy.anonymity.report.html_page import STYLE
from privacy.synthetic.attack.copied import Copies
from privacy.synthetic.attack.membership import Membership
from privacy.synthetic.evaluation.chart import draw_intervals, draw_positions, draw_shares
from privacy.synthetic.evaluation.report import INDEPENDENT, Report
from privacy.synthetic.synthesizer import Guarantee

KEEP_INSIDE = (
    "This report was computed from real rows and is not differentially private. It is for the people who decide on the "
    "release. Do not publish it with the rows."
)
_NAMES = {"train": "Learned from", "holdout": "Real hold-out: other people, for comparison", "synthetic": "Synthetic",
          "train events": "Events of the first", "holdout events": "Events of the hold-out",
          "synthetic events": "Synthetic events"}  # fmt: skip


_SAYS_NOTHING = " It does not beat guesses, so it says nothing."


def render_page(report: Report) -> str:
    """Return the report as one HTML page. Equal reports give equal bytes."""
    title = escape(report.title)
    body = "\n".join(
        [f"<h1>{title}</h1>", *_verdict(report), *_guarantee(report.guarantee), *_rows(report), *_usefulness(report),
         *_disclosure(report), *_checks(report)]
    )  # fmt: skip
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>{body}</body></html>\n'
    )


def _verdict(report: Report) -> list[str]:
    lines = [f'<p class="no">{KEEP_INSIDE}</p>']
    if report.gate is None:
        return [*lines, "<p>The release gate did not judge these rows.</p>"]
    if report.gate.is_open:
        count = len(report.gate.checks)
        return [*lines, f'<p>Release gate: <b class="ok">open</b>. All {count} checks passed.</p>']
    failed = _items(f"<b>{escape(check.name)}</b>: {escape(check.detail)}" for check in report.gate.failed)
    return [
        *lines,
        f'<p>Release gate: <b class="no">closed</b>. These checks failed, so nothing may be published:</p>{failed}',
    ]


def _guarantee(guarantee: Guarantee | None) -> list[str]:
    lines = ["<h2>Guarantee</h2>"]
    if guarantee is None or guarantee.epsilon is None:
        text = guarantee.statement if guarantee else "How the rows were made is not known here."
        return [*lines, f'<p class="no">There is no formal guarantee. {escape(text)} The attacks below show what some '
                "attackers find; other attackers may find more.</p>"]  # fmt: skip
    factor = math.exp(guarantee.epsilon)
    whose = "one row" if guarantee.unit == "row" else f"all rows of one {escape(guarantee.unit)}"
    return [
        *lines,
        f"<p>{escape(guarantee.statement)}</p>",
        f"<p>In other words: with or without {whose}, every possible result is nearly as likely. The likelihoods "
        f"differ by at most the factor {factor:.3g}, except with a probability of at most {guarantee.delta:g}. This "
        "holds against every attacker, whatever he knows. It limits what is learned about one person who took part. "
        "It does not limit what is learned about groups.</p>",
    ]


def _rows(report: Report) -> list[str]:
    cells = [(_NAMES.get(name, name), f"{count:,}") for name, count in report.rows.items()]
    return ["<h2>Rows</h2>", _table(("", "Number"), cells)]


def _usefulness(report: Report) -> list[str]:
    lines = [
        "<h2>Usefulness</h2>",
        f"<p>Each score stands between two references. On the left are {INDEPENDENT}: right values, but no relations. "
        "On the right are real rows of other people: the best that can be expected. The dot is the synthetic data.</p>",
        draw_positions({score.title: score.position for score in report.scores if score.position is not None}),
    ]
    rows = [(score.title, _number(score.synthetic), _number(score.holdout), _number(score.independent),
             score.missing or score.meaning) for score in report.scores]  # fmt: skip
    lines.append(_table(("Score", "Synthetic", "Real hold-out", "Independent columns", "Meaning"), rows))
    if report.columns:
        lines += ["<h3>Columns</h3><p>How alike the shares of the values of each column are; 100 % is equal.</p>",
                  draw_shares(report.columns)]  # fmt: skip
    return lines


def _disclosure(report: Report) -> list[str]:
    found = report.disclosure
    lines = [
        "<h2>Attacks</h2>",
        "<p>Each attack was made on people who were learned from and on people who were not. The risk is how much more "
        "often it succeeds on the former, as a share of what could be gained. Zero means that taking part changed "
        "nothing. Lines are 95 % intervals. Below each risk stand those of three references.</p>",
    ]
    risks = {f"{attack.title}: {name}": (risk.value, risk.low, risk.high) for attack in found.attacks
             for name, risk in {"synthetic": attack.synthetic, **attack.references}.items()}  # fmt: skip
    lines.append(draw_intervals(risks, 0.0, "risk"))
    rows = [(attack.title, f"{attack.synthetic.success.attacks:,}", _percent(attack.synthetic.success.value),
             _percent(attack.synthetic.control.value), _percent(attack.synthetic.naive.value),
             attack.meaning + ("" if attack.synthetic.is_informative else _SAYS_NOTHING))
            for attack in found.attacks]  # fmt: skip
    head = ("Attack", "Attacks", "Success, learned from", "Success, others", "Success of guesses", "Meaning")
    lines += [_table(head, rows), "<h3>Copies and identifiers</h3>", _items(_copies(report)), "<h3>Membership</h3>"]
    members = {name: one for name, one in (("nearness", found.distance), ("shadow models", found.shadow)) if one}
    lines += [
        "<p>How well an attacker tells people who were learned from, from others; 0.5 is guessing, 1 is always.</p>",
        draw_intervals({name: (one.auc, one.low, one.high) for name, one in members.items()}, 0.5, "AUC"),
        _items([*(_member(name, one) for name, one in members.items()), *_canaries(report)]),
    ]
    return lines


def _copies(report: Report) -> Iterable[str]:
    found = report.disclosure
    yield "In these rows: " + _copied(found.copies)
    if found.copies_of_samples is not None:
        yield f"In {found.copies_of_samples.samples} further samples of the model: {_copied(found.copies_of_samples)}"
    else:
        yield "Further samples of the model: not searched; there was no model"
    for leak in found.leaks:
        state = "<b class='no'>leaked</b>" if leak.is_proven else "not leaked"
        learned, others = _percent(leak.risk.success.value), _percent(leak.risk.control.value)
        yield (
            f"Identifying column {escape(leak.column)}: {state}. {learned} of the values of people who were learned "
            f"from are in {escape(leak.synthetic_column)}, of other people {others}"
        )
    if not found.leaks:
        yield "Identifying columns: the real rows have none that could have leaked"


def _copied(copies: Copies) -> str:
    if not math.isfinite(copies.detectable):
        least = "the rows are too few to find copies"
    else:
        least = f"copies of {_percent(copies.detectable)} of the rows would be found 95 times in 100"
    learned, others = _percent(copies.learned.value), _percent(copies.control.value)
    return (
        f"{learned} of the rare rows that were learned from appear, and {others} of the rare rows of other people, "
        f"which appear by chance. Copying is "
        f"{'<b class=no>proven</b>' if copies.is_proven else 'not found'}; {least}"
    )


def _member(name: str, one: Membership) -> str:
    models = f" with {one.shadow_models} models" if one.shadow_models else ""
    return f"By {name}{models}, {one.people:,} people: AUC {one.auc:.3f}, 95 % interval {one.low:.3f} to {one.high:.3f}"


def _canaries(report: Report) -> Iterable[str]:
    canaries, missing = report.disclosure.canaries, report.disclosure.missing
    if canaries is not None:
        yield (
            f"Planted canaries: {canaries.planted} made-up people were added and the model was fitted again. An "
            f"attacker guessed {canaries.guesses} times who was added. {canaries.right} guesses were right; "
            f"{canaries.guesses // 2} are expected by chance. They prove an epsilon of at least {canaries.epsilon:.2f}"
        )
    for name, reason in missing.items():
        yield f"{escape(name.capitalize())}: {escape(reason)}"


def _checks(report: Report) -> list[str]:
    if report.gate is None:
        return []
    rows = [(check.name, "passed" if check.is_passed else "FAILED", check.detail) for check in report.gate.checks]
    return ["<h2>Checks of the release gate</h2>", _table(("Check", "Result", "Found"), rows)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    names = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table><thead><tr>{names}</tr></thead><tbody class="n">{lines}</tbody></table>'


def _items(lines: Iterable[str]) -> str:
    """Return a list; the lines are HTML."""
    return "<ul>" + "".join(f"<li>{line}.</li>" for line in lines) + "</ul>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.01 or share == 0 else f"{share:.2%}"

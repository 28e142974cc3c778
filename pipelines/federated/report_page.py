"""Renders the evaluation of a model as one HTML file without external references."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from federated.checkpoint import Checkpoint
from federated.worth.curve import CurvePoint
from federated.worth.difference import Difference
from federated.worth.site_worth import CENTRAL, FEDERATED, LOCAL, OFFSET, SiteWorth
from pipelines.federated.evaluation import Evaluation
from privacy.anonymity.report.html_page import STYLE

WIDTH, HEIGHT, LEFT, BELOW = 620, 200, 60, 24
_STYLE = f"{STYLE}thead th{{white-space:normal}}"
_METRICS = {"auc": "AUC", "log_loss": "log loss"}
_MODELS = {FEDERATED: "federated", OFFSET: "with local offset", LOCAL: "local", CENTRAL: "central"}


def render_page(found: Evaluation, run: Checkpoint) -> str:
    """Return the page: what the model is worth to each site, its curve, the contributions and the rounds."""
    parts = [f"<h1>{html.escape(found.title)}</h1>", *_summary(found, run)]
    if found.worth.curve:
        parts += ["<h2>Metric after each round</h2>", draw_curve(found.worth.curve, metric_name(found))]
    parts += ["<h2>Sites</h2>", _sites(found)]
    if found.worth.contributions:
        rows = [
            (one.site, f"{one.value:+.4f}", f"±{one.error:.4f}" if one.error else "exact")
            for one in found.worth.contributions
        ]
        about = (
            f"Change of the {metric_name(found)}, as a mean over the sites, when the site joins: on average over the "
            "orders in which the sites may join, or when it joins last. A model of no site predicts a constant."
        )
        parts += ["<h2>Contribution of each site</h2>", f"<p>{about}</p>", _table(("Site", "Change", "Error"), rows)]
    if found.worth.notes:
        parts += ["<h2>Notes</h2>", *(f"<p>{html.escape(note)}</p>" for note in found.worth.notes)]
    parts += ["<h2>Rounds</h2>", _rounds(run)]
    title, body = html.escape(found.title), "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>{body}</body></html>\n'
    )


def metric_name(found: Evaluation) -> str:
    """Return the name of the metric by which sites are compared, as a reader knows it."""
    return _METRICS.get(found.worth.metric, found.worth.metric.replace("_", " "))


def summary_lines(found: Evaluation) -> list[str]:
    """Return in plain sentences what the model is worth: on average, who loses, and how it does on the newest day."""
    worth, lines = found.worth, []
    mean = worth.comparison(FEDERATED, LOCAL).mean
    if mean is not None:
        verb = "better" if mean.gain >= 0 else "worse"
        reach = "" if mean.low is None else f" (95 % interval {mean.low:+.4f} to {mean.high:+.4f})"
        lines.append(
            f"On average over the sites, the federated model is {abs(mean.gain):.4f} {verb} in {metric_name(found)} "
            f"than the model that each site trains alone{reach}."
        )
    plain = worth.comparison(FEDERATED, LOCAL).worse
    if plain:
        lines.append(f"Without a local offset, it is significantly worse for: {', '.join(plain)}.")
    differences = {site.site: site.difference(OFFSET, LOCAL, worth.metric) for site in worth.sites}
    unknown = [site for site, one in differences.items() if one is None or one.low is None]
    if worth.losing:
        lines.append(f"With its local offset, it is significantly worse for: {', '.join(worth.losing)}.")
    elif len(unknown) < len(differences):
        measured = " that could be measured" if unknown else ""
        lines.append(f"With its local offset, it is significantly worse for no site{measured}.")
    if unknown:
        lines.append(f"Too few held-out customers of each outcome to tell what it is worth to: {', '.join(unknown)}.")
    newest = found.newest
    if newest.auc is not None:
        lines.append(
            f"On the newest day whose outcome is known, its AUC is {newest.auc:.3f} ({newest.low:.3f} to "
            f"{newest.high:.3f}), for {newest.customers:,} customers that it was not trained on."
        )
    return lines


def site_table(found: Evaluation) -> str:
    """Return the figures of the sites as a Markdown table."""
    metric = found.worth.metric
    head = ("Site", "Training rows", "Held-out rows", *_MODELS.values(), "Gain over local", "With offset")
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    return "\n".join([*lines, *(f"| {' | '.join(_site(site, metric))} |" for site in found.worth.sites)])


def draw_curve(points: Sequence[CurvePoint], metric: str) -> str:
    """Return the metric after each round as SVG: a grey line for each site, and the mean in blue."""
    values = [value for point in points for value in (point.mean, *point.sites.values())]
    low, high = min(values), max(values)
    first, last = points[0].round, points[-1].round
    across, up = WIDTH / max(last - first, 1), HEIGHT / ((high - low) or 1.0)

    def line(ys: Iterable[float], colour: str, width: int) -> str:
        places = " ".join(
            f"{LEFT + (point.round - first) * across:.1f},{4 + HEIGHT - (y - low) * up:.1f}"
            for point, y in zip(points, ys, strict=True)
        )
        return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width}"/>'

    lines = [line((point.sites[site] for point in points), "#b9c4d0", 1) for site in points[0].sites]
    lines.append(line((point.mean for point in points), "#3b6ea5", 3))
    labels = [
        f'<text x="0" y="14">{high:.3f}</text><text x="0" y="{4 + HEIGHT}">{low:.3f}</text>',
        f'<text x="{LEFT}" y="{HEIGHT + BELOW}">round {first}</text>',
        f'<text x="{LEFT + WIDTH}" y="{HEIGHT + BELOW}" text-anchor="end">round {last}</text>',
    ]
    about = f"<p>{html.escape(metric)} on held-out customers. Blue: mean over the sites. Grey: each site.</p>"
    size = f'width="{LEFT + WIDTH + 10}" height="{HEIGHT + BELOW + 6}"'
    return f'{about}<svg {size} role="img">{"".join(lines + labels)}</svg>'


def _summary(found: Evaluation, run: Checkpoint) -> list[str]:
    sums = "Masked sums: the server saw no site's own values." if run.plan.is_secure else "Plain sums of each site."
    noise = "No noise." if run.plan.privacy is None else f"Noise of {run.plan.privacy.noise_multiplier:.3g} × the clip."
    lines = [f"<p>{html.escape(line)}</p>" for line in summary_lines(found)]
    return [*lines, f"<p>Run {html.escape(found.run)}. {sums} {noise}</p>"]


def _sites(found: Evaluation) -> str:
    metric = found.worth.metric
    head = ("Site", "Training rows", "Held-out rows", *_MODELS.values(), "Gain over local (95 %)", "With offset (95 %)")
    return _table(head, [_site(site, metric) for site in found.worth.sites])


def _site(site: SiteWorth, metric: str) -> tuple[str, ...]:
    values = (site.metrics.get(model, {}).get(metric) for model in _MODELS)
    gains = (site.difference(FEDERATED, LOCAL, metric), site.difference(OFFSET, LOCAL, metric))
    shown = ("–" if value is None else f"{value:.4f}" for value in values)
    return (site.site, f"{site.train_rows:,}", f"{site.test_rows:,}", *shown, *(_gain(one) for one in gains))


def _gain(one: Difference | None) -> str:
    if one is None:
        return "–"
    return f"{one.gain:+.4f}" + ("" if one.low is None else f" ({one.low:+.4f} to {one.high:+.4f})")


def _rounds(run: Checkpoint) -> str:
    rows = [
        (
            str(one["round"] + 1), str(len(one["sites"])), f"{one['seconds']:.2f} s",
            "; ".join(f"{site}: {why}" for site, why in one["left_out"].items()) or "–",
        )
        for one in run.history
    ]  # fmt: skip
    return _table(("Round", "Sites in the sum", "Time", "Left out"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table><thead><tr>{top}</tr></thead><tbody class="n">{body}</tbody></table>'

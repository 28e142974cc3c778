"""Formats the risk of a table as text."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from privacy.anonymity.risk.reidentification_risk import Risk


def risk_text(risk: "Risk") -> dict[str, object]:
    """Returns the measured risks by name, as text; measures that were not requested are left out."""
    lines: dict[str, object] = {
        "records": f"{risk.records:,}",
        "people": f"{risk.people:,}",
        **({"suppressed records": f"{risk.suppressed:,}"} if risk.suppressed else {}),
        "classes": f"{risk.classes:,}",
        "smallest class": f"{risk.smallest_class:,}",
        "unique people": f"{risk.unique:,}",
        "highest risk (prosecutor)": _share(risk.highest_prosecutor),
        "records at the highest risk": f"{risk.records_at_highest:,}",
        "mean risk (prosecutor)": _share(risk.mean_prosecutor),
        "people re-identified (marketer)": _share(risk.marketer),
    }
    if risk.highest_journalist is not None:
        lines["highest risk (journalist)"] = _share(risk.highest_journalist)
    for threshold, share in risk.at_risk.items():
        lines[f"records above {threshold:.0%} risk"] = _share(share)
    for name, unique in risk.unique_without.items():
        lines[f"unique people without {name}"] = f"{unique:,}"
    if risk.population_size is not None:
        lines["population"] = f"{risk.population_size:,}"
        estimates = {
            "Pitman": risk.population_unique_pitman,
            "SNB": risk.population_unique_snb,
            "Poisson, the lowest": risk.population_unique_poisson,
        }
        for model, unique_there in estimates.items():
            lines[f"unique in the population ({model})"] = f"{unique_there or 0.0:,.0f}"
    return lines


def _share(value: float) -> str:
    return f"{value:.1%}"

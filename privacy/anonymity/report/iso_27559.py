"""The sections of a report after clauses 6 to 9 of ISO/IEC 27559:2022, the framework for de-identification."""

from __future__ import annotations

from privacy.anonymity.report.release_report import ReleaseReport
from privacy.anonymity.report.section import Section, Statement, Table, asked, percent
from privacy.anonymity.report.statement import homogeneity, other_releases, residual_risk, verification
from privacy.anonymity.report.wording import model_text, treatment_text
from privacy.anonymity.spec.model import PopulationModel


def iso_sections(report: ReleaseReport) -> tuple[Section, ...]:
    """Returns the sections on context, data, identifiability with mitigation, and governance, in order of their
    clauses.
    """
    return (*_context(report), *_data(report), *_identifiability(report), *_governance(report))


def names_of(names: tuple[str, ...], none: str = "none") -> str:
    """Returns column names as a list in a sentence, or `none` when there are none."""
    return ", ".join(names) or none


def _context(report: ReleaseReport) -> tuple[Section, ...]:
    context, spec = report.context, report.spec
    known = names_of(spec.quasi)
    revealed = names_of(spec.by_role("sensitive"))
    plain = names_of(spec.by_role("insensitive"))
    return (
        Section(
            "6_context",
            "Context assessment",
            (
                asked(context, "Purpose", "purpose"),
                asked(context, "Recipient", "recipient"),
                asked(context, "Environment", "environment"),
            ),
        ),
        Section(
            "6.2_threat_modelling",
            "Threat modelling",
            (
                Statement("Attackers assumed", f"Know that a person is in the table, and the person's {known}"),
                asked(context, "Security and privacy practices", "controls"),
                asked(context, "Motives and capacity", "threats"),
                asked(context, "Other data", "other_data"),
            ),
        ),
        Section(
            "6.3_transparency_and_impact",
            "Transparency and impact assessment",
            (
                Statement(
                    "Revealed about a person who is found", f"Sensitive: {revealed}. Also released unchanged: {plain}"
                ),
                asked(context, "Harms", "harms"),
                asked(context, "Transparency", "transparency"),
            ),
        ),
    )


def _data(report: ReleaseReport) -> tuple[Section, ...]:
    spec, before = report.spec, report.before
    people = f"{before.people:,} people in {before.records:,} rows"
    if spec.person is not None:
        people += f", identified by {spec.person}; no person has more than {_rows(report.most_rows_of_a_person)}"
    else:
        people += "; every row counts as a person"
    if report.repeating_identifiers:
        repeated = names_of(tuple(report.repeating_identifiers))
        people += f". Values of {repeated} repeat: where that is one person, name the column as `person`"
    head = ("Column", "Role", "Values before", "Labels after", "Cells generalised", "Mean loss")
    rows = [
        (
            name,
            fact.role,
            f"{fact.values_before:,}",
            f"{fact.values_after:,}",
            percent(fact.generalised),
            percent(fact.loss),
        )
        for name, fact in report.columns.items()
    ]
    left_out = report.input_columns - len(report.columns)
    return (
        Section(
            "7.2_data_features",
            "Data features",
            (
                Statement("Data principals", people),
                Statement(
                    "Data type",
                    f"One table of {report.input_columns} columns, a row a record; {left_out} of them are left out",
                ),
                Statement("Dataset", _population(report)),
            ),
            (Table(head, rows),),
        ),
        Section(
            "7.3_attack_modelling",
            "Attack modelling",
            (
                Statement(
                    "Maximum or average risk",
                    "The maximum is bounded: every class must satisfy the models. The average is shown beside it",
                ),
                Statement(
                    "Population or sample",
                    "By the population's table"
                    if _has_population(report)
                    else "By the sample, the stricter: classes count the people of the table only",
                ),
                Statement("Privacy models", "; ".join(model_text(model) for model in spec.models)),
            ),
        ),
    )


def _rows(number: int) -> str:
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


def _has_population(report: ReleaseReport) -> bool:
    return any(isinstance(model, PopulationModel) for model in report.spec.models)


def _population(report: ReleaseReport) -> str:
    size = report.before.population_size
    if size is None:
        return "Treated as the whole population: no person is protected by possibly not being in it"
    return f"A sample of {percent(report.before.people / size)} of {size:,} people"


def _identifiability(report: ReleaseReport) -> tuple[Section, ...]:
    before, after = report.before, report.after
    rows = [
        ("Classes", f"{before.classes:,}", f"{after.classes:,}"),
        ("Smallest class, people", f"{before.smallest_class:,}", f"{after.smallest_class:,}"),
        ("Records at the highest risk", f"{before.records_at_highest:,}", f"{after.records_at_highest:,}"),
        ("Unique people", f"{before.unique:,}", f"{after.unique:,}"),
        ("Highest risk (prosecutor)", percent(before.highest_prosecutor), percent(after.highest_prosecutor)),
        ("Mean risk (prosecutor)", percent(before.mean_prosecutor), percent(after.mean_prosecutor)),
        ("People re-identified (marketer)", percent(before.marketer), percent(after.marketer)),
        *(
            (f"Records above {t:.0%} risk", percent(before.at_risk[t]), percent(after.at_risk[t]))
            for t in before.at_risk
        ),
    ]
    attacks = [
        (
            a.name,
            percent(a.risk),
            f"{percent(a.low)} to {percent(a.high)}",
            percent(a.attack),
            percent(a.baseline),
            f"{a.attempts:,}",
        )
        for a in report.attacks
    ]
    head = ("Attack", "Risk", "95 % interval", "Succeeds", "Baseline", "Attempts")
    utility = report.utility
    utility_text = (
        f"{percent(utility.certainty_penalty)} of the information lost (normalised certainty penalty), "
        f"{percent(utility.query_error_median)} median error of random counting queries, "
        f"{utility.mean_class_size:,.1f} records a class"
    )
    return (
        Section(
            "8.2_assessing_identifiability",
            "Assessing identifiability",
            (
                Statement("Columns that single out", singling_text(report)),
                Statement(
                    "Adversarial testing",
                    "Singling out is compared with random claims, linkability and inference with the same "
                    "attack on the release without the target's own rows"
                    if attacks
                    else "No attack was made",
                ),
            ),
            (Table(("Risk", "Before", "After"), rows), *((Table(head, attacks),) if attacks else ())),
        ),
        Section(
            "8.3_mitigation",
            "Mitigation",
            (
                asked(report.context, "Reconfiguring the environment", "controls"),
                *(Statement(f"Transforming {name}", treatment_text(report.spec, name)) for name in report.spec.quasi),
                Statement("Rows suppressed", f"{report.suppressed:,} of {before.records:,}"),
                Statement("Remaining utility", utility_text),
                verification(report),
                *homogeneity(report),
                other_releases(report),
                residual_risk(report),
            ),
        ),
    )


def singling_text(report: ReleaseReport) -> str:
    """Returns as text how many people are unique, and how many would be without each column."""
    unique = report.before.unique
    if not unique:
        return "No person was unique"
    lost = sorted(report.before.unique_without.items(), key=lambda item: (item[1], item[0]))
    without = ", ".join(f"{left:,} without {name}" for name, left in lost)
    return f"{unique:,} people were unique; without one column there would be {without}"


def _governance(report: ReleaseReport) -> tuple[Section, ...]:
    context = report.context
    return (
        Section(
            "9.2_before_data_are_made_available",
            "Governance before data are made available",
            (
                asked(context, "Roles and responsibilities", "accountable"),
                asked(context, "Principles, policies and procedures", "policies"),
                asked(context, "Record of the disclosure", "records"),
                asked(context, "Review", "reviewers"),
            ),
        ),
        Section(
            "9.3_after_data_are_made_available",
            "Governance after data are made available",
            (
                asked(context, "Monitoring the environment", "monitoring"),
                Statement(
                    "Due again",
                    "Before any other release of the same people, and when data with "
                    f"{names_of(report.spec.quasi)} about them become known",
                ),
                asked(context, "Next review", "review_on"),
                asked(context, "End of use", "destroy_on"),
            ),
        ),
        Section("9.4_incident", "Mitigation in case of incident", (asked(context, "Incident", "incident"),)),
    )

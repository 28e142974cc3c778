"""Privacy rules for one contract: data categories, identifiers, purposes, legal bases and retention."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.contracts.basic_rules import CheckedContract, Rule, is_personal
from privacy.consent.errors import CategoryRefused
from privacy.consent.policy import built_in_policy
from privacy.contract.document import Document
from privacy.contract.fault import Fault
from privacy.contract.service_level import FRESHNESS
from privacy.contract.vocabulary import load_vocabulary
from privacy.contract.yaml_source import Source

# Direct identifiers are allowed up to silver. Gold and release tables carry the opaque customer identifier instead.
_LAYERS_WITHOUT_NAMES = ("gold", "release")
_ARTICLE = re.compile(r"\b[Aa]rt(\.|icle)|§|제\s*\d+\s*조")


def check_privacy_rules(document: Document, source: Source) -> list[Fault]:
    """Return every violation of the privacy rules by one contract."""
    checked = CheckedContract(document, source)
    return [fault for rule in PRIVACY_RULES for fault in rule(checked)]


def _personal_table_names_its_subject(checked: CheckedContract) -> Iterator[Fault]:
    document = checked.document
    if not is_personal(document):
        return
    if document.subject_key is None:
        hint = "name the column that identifies the person, or set the dataCategory to dpv:NonPersonalData"
        yield checked.fault("A table with personal data has no subjectKey", hint=hint)
    if document.retention_days is None:
        hint = "add slaProperties: {property: retention, value: 2, unit: y}"
        yield checked.fault("A table with personal data has no retention", hint=hint)
    if not document.retention_basis:
        hint = "state why the rows are kept that long"
        yield checked.fault("A table with personal data has no retentionBasis", hint=hint)
    if not document.recipients:
        hint = "list under roles who may read it (GDPR art. 30(1)(d))"
        yield checked.fault("A table with personal data names no recipients", hint=hint)


def _subject_key_is_a_column(checked: CheckedContract) -> Iterator[Fault]:
    document = checked.document
    names = [column.name for column in document.columns]
    if document.subject_key is not None and document.subject_key not in names:
        expected = f"one of {', '.join(names)}"
        message = "subjectKey names a column that does not exist"
        yield checked.fault_at("subjectKey", message, got=document.subject_key, expected=expected)


def _service_levels_count_from_a_time(checked: CheckedContract) -> Iterator[Fault]:
    document, source = checked.document, checked.source
    types = {column.name: column.logical_type for column in document.columns}
    counted = (
        ("Retention", ("retention",), document.retention_column),
        ("Freshness", FRESHNESS, document.freshness_column),
    )
    for what, names, column in counted:
        found = types.get(column or "", "no such column")
        if column is None or found in ("date", "timestamp"):
            continue
        entries = source.content.get("slaProperties") or []
        index = next(i for i, entry in enumerate(entries) if entry.get("property") in names and entry.get("element"))
        line = source.line(("slaProperties", index, "element"))
        message = f"{what} counts from a column that is not a date or timestamp"
        yield Fault(source.path, line, message, f"{column}: {found}", "a date or timestamp")


def _identifiers_are_marked(checked: CheckedContract) -> Iterator[Fault]:
    vocabulary = load_vocabulary()
    for column in checked.document.columns:
        if vocabulary.is_identifying(column.category) and column.role != "direct":
            message = f"Column {column.name!r} of category {column.category} is not marked as a direct identifier"
            yield checked.fault(message, column=column, got=column.role, expected="identifierRole direct")
        if column.role == "direct" and checked.document.layer in _LAYERS_WITHOUT_NAMES:
            message = f"Column {column.name!r} is a direct identifier in a {checked.document.layer} table"
            yield checked.fault(message, column=column, hint="remove the column, or use customer_id instead")
        if column.role != "none" and column.category and not vocabulary.is_personal(column.category):
            message = f"Column {column.name!r} has an identifierRole but a category that is not personal"
            hint = "correct the identifierRole or the dataCategory"
            yield checked.fault(message, column=column, got=f"{column.role}, {column.category}", hint=hint)


def _tokens_are_made_from_sources(checked: CheckedContract) -> Iterator[Fault]:
    for column in checked.document.columns:
        if column.token and checked.document.layer != "source":
            message = f"Column {column.name!r} has a token, but tokens are computed for sources only"
            yield checked.fault(message, column=column, got=column.token, hint="remove token")
        if column.token and column.role not in ("direct", "quasi"):
            message = f"Column {column.name!r} is a matching key but not an identifier"
            yield checked.fault(message, column=column, got=column.role, expected="identifierRole direct or quasi")


def _sensitive_columns_name_their_purposes(checked: CheckedContract) -> Iterator[Fault]:
    vocabulary = load_vocabulary()
    for column in checked.document.columns:
        if vocabulary.is_special(column.category) and column.role != "sensitive":
            message = f"Column {column.name!r} of category {column.category} is not marked as sensitive"
            yield checked.fault(message, column=column, got=column.role, expected="identifierRole sensitive")
        if column.role == "sensitive" and not column.narrows_purposes:
            message = f"Sensitive column {column.name!r} does not name its purposes"
            yield checked.fault(message, column=column, hint="set purpose on the column itself")


def _purposes_are_within_the_table(checked: CheckedContract) -> Iterator[Fault]:
    for column in checked.document.columns:
        beyond = [purpose for purpose in column.purposes if purpose not in checked.document.purposes]
        if beyond:
            yield checked.fault(
                f"Column {column.name!r} has a purpose that its table does not have",
                column=column,
                got=", ".join(beyond),
                expected=f"any of {', '.join(checked.document.purposes)}",
            )


def _special_categories_have_only_lawful_purposes(checked: CheckedContract) -> Iterator[Fault]:
    for column in checked.document.columns:
        if not load_vocabulary().is_special(column.category) or not column.narrows_purposes:
            continue
        for purpose in column.purposes:
            try:
                built_in_policy().check_categories(purpose, frozenset({column.category}))
            except CategoryRefused as refused:
                message = f"Column {column.name!r} of category {column.category} may not be used for {purpose}"
                yield checked.fault(message, column=column, hint=f"{'; '.join(refused.articles)}: see docs/consent.md")


def _gold_table_declares_its_purpose(checked: CheckedContract) -> Iterator[Fault]:
    document = checked.document
    if document.built_for is not None and document.purposes and document.built_for not in document.purposes:
        expected = f"one of {', '.join(document.purposes)}"
        message = "builtFor names a purpose that the table does not have"
        yield checked.fault_at("builtFor", message, got=document.built_for, expected=expected)
    if document.layer == "gold" and is_personal(document) and document.built_for is None:
        hint = "set builtFor to the purpose of the table; it then holds only customers who permit this purpose"
        yield checked.fault("A gold table with personal data has no builtFor", hint=hint)


def _bases_hold(checked: CheckedContract) -> Iterator[Fault]:
    document = checked.document
    if not is_personal(document):
        return
    for purpose, basis in document.legal_bases.items():
        needs_consent = load_vocabulary().basis_of(purpose) == "consent"
        if needs_consent and basis in ("contract", "legal_duty"):
            message = f"Purpose {purpose!r} cannot have the legal basis {basis}"
            yield checked.fault_at("legalBasis", message, expected="consent, or legitimate_interest with reasons")
    is_named = document.legal_article or _ARTICLE.search(document.retention_basis)
    if "legal_duty" in document.legal_bases.values() and not is_named:
        hint = "state the law and its article in legalArticle"
        yield checked.fault_at("legalBasis", "The legal basis legal_duty does not name a law", hint=hint)
    beyond = [purpose for purpose in document.legal_bases if purpose not in document.purposes]
    if beyond:
        message, hint = "legalBasis names a purpose that the table does not have", "remove it or add it to purpose"
        yield checked.fault_at("legalBasis", message, got=", ".join(beyond), hint=hint)


PRIVACY_RULES: tuple[Rule, ...] = (
    _personal_table_names_its_subject,
    _subject_key_is_a_column,
    _service_levels_count_from_a_time,
    _identifiers_are_marked,
    _tokens_are_made_from_sources,
    _sensitive_columns_name_their_purposes,
    _purposes_are_within_the_table,
    _special_categories_have_only_lawful_purposes,
    _gold_table_declares_its_purpose,
    _bases_hold,
)

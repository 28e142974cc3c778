"""Decides what a training set may hold: features that serve its purpose, and customers who permit it now."""

from __future__ import annotations

from collections.abc import Sequence

from features.definition import FeatureCatalog
from features.retrieval.customer_consent import CustomerConsent
from installation.installation import Installation
from privacy.access.errors import AccessRefused
from privacy.audit import AuditEntry


def require_purpose(catalog: FeatureCatalog, service: str, purpose: str, others: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the features of a service, after a check that the service and each feature may serve the purpose.

    Args:
        catalog: the features of the installation.
        service: the feature service.
        purpose: the purpose of the training.
        others: features `view:feature` beside the service that the training reads, such as the one of the outcome.

    Raises:
        UnknownFeatureError: there is no such service or feature.
        AccessRefused: the service or a feature does not serve the purpose.
    """
    found = catalog.service(service)
    refused = [name for name in (*found.features, *others) if purpose not in catalog.feature(name).purposes]
    if purpose not in found.purposes or refused:
        about = ", ".join(refused) or f"the service {service}"
        raise AccessRefused(f"No training set for {purpose}: {about} does not serve it. Choose another purpose.")
    return found.features


def permitted_customers(
    installation: Installation, consent: CustomerConsent, customers: Sequence[str], purpose: str
) -> list[str]:
    """Return those of the customers who permit the purpose at this moment, in the same order.

    Raises:
        ConsentError: the consent record is missing or cannot be opened.
    """
    # A statement that was recorded before this moment counts, not only after the next look into the record.
    consent.refresh()
    denials = consent.denials(customers, purpose, installation.decision_moment())
    return [customer for customer, denied in zip(customers, denials, strict=True) if denied is None]


def log_training(
    installation: Installation, service: str, purpose: str, who: str, features: Sequence[str], customers: int
) -> None:
    """Write the reading of a training set to the audit log.

    Raises:
        AuditError: it cannot be logged, so the training set must not be used.
    """
    entry = AuditEntry(
        at=installation.clock(), who=who, role="pipeline", purpose=purpose, action="train",
        table=f"service/{service}", columns=tuple(features), subjects=customers,
    )  # fmt: skip
    installation.audit_log.append(entry)

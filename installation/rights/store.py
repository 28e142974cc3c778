"""The stores of personal data that an installation owns, apart from the tables (`pipelines.erasure`)."""

from __future__ import annotations

from installation.installation import Installation
from installation.rights.anonymous_release import AnonymousReleases
from installation.rights.consent_records import ConsentRecords
from installation.rights.data_keys import DataKeys
from installation.rights.database_row import DatabaseRows
from installation.rights.file_store import FileStore
from privacy.rights.explanation import DecisionExplainer
from privacy.rights.subject_store import SubjectStore

AUDIT = "The audit log is kept as proof of lawful use. It has names of tables and numbers of persons, no personal data."
LEDGER = (
    "The privacy ledger is kept so that no budget is spent twice. It has questions and their cost, no personal data."
)

SYNTHETIC = (
    "Models of synthetic data have no rows. They are noisy statistics under differential privacy, which are about "
    "as likely with or without one person. So they may be kept. Reports have figures on groups. The next fit leaves an "
    "erased person out."
)


def subject_stores(installation: Installation) -> tuple[SubjectStore, ...]:
    """Return the stores of an installation, see `SubjectStore`."""
    settings = installation.settings
    shared = () if installation.server is None else (DatabaseRows(installation),)
    return (
        *shared,
        ConsentRecords(installation),
        DataKeys(installation),
        AnonymousReleases(installation),
        FileStore(settings, "audit", ("audit/**", "secret:audit.*"), AUDIT),
        FileStore(settings, "ledger", ("dp/**", "secret:dp_ledger.*"), LEDGER),
        FileStore(settings, "synthetic data", ("synthetic/**", "secret:synthetic.key"), SYNTHETIC),
        FileStore(
            settings, "log", ("log/**",), "Logs of programs name files and tables, not persons.", is_derived=True
        ),
    )


def explainers(installation: Installation, who: str) -> tuple[DecisionExplainer, ...]:
    """Return the explainers of automated decisions that the tables record."""
    from installation.rights.recommendation import RecommendationExplainer

    return (RecommendationExplainer(installation, who),)

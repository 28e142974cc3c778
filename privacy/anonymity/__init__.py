"""Anonymous releases: recodes a table so that privacy models hold, and verifies the result.

Belongs here: models, hierarchies, recoding algorithms, the independent verifier, risk, utility, reports and the
registry of releases. Does not belong here: where tables are, access rights, Dagster, differential privacy.
"""

from privacy.anonymity.anonymize import Anonymized, anonymize
from privacy.anonymity.errors import AnonymityError
from privacy.anonymity.spec.specification import Spec, load_spec
from privacy.anonymity.verify.verification import Verdict, verify

__all__ = ["AnonymityError", "Anonymized", "Spec", "Verdict", "anonymize", "load_spec", "verify"]

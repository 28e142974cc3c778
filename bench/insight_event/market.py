"""Reads the tables of a finished run, and the true persons of a simulated market. All customers count as permitting."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pyarrow.parquet as pq

from installation.installation import Installation
from privacy.protection.revealer import SUBJECT_RIGHTS

AS_OF = date(2017, 12, 31)
FIT_END = date(2017, 9, 30)
_WHO = "bench"


def true_people(installation: Installation) -> pd.DataFrame:
    """Return the true person of each customer with registrations of one person: all columns of `person.parquet`.

    Customers whose registrations are of several people are left out: they have no true move and no true name.
    """
    contract = installation.contracts.source("crm_customer")
    register = installation.revealer(_WHO, SUBJECT_RIGHTS)(contract, installation.lakehouse.rows(contract.table))
    truth = pq.read_table(installation.settings.truth_dir / "record.parquet").to_pandas()
    numbers = register.select(["member_no", "member_no_token"]).to_pandas()
    persons = truth[truth["source"] == contract.name].set_index("key")["person_id"]
    identifiers = installation.lakehouse.rows("silver/identifier").to_pandas()
    owners = identifiers[identifiers["token_kind"] == "member_no"].set_index("token")["customer_id"]
    known = pd.DataFrame(
        {"customer_id": numbers["member_no_token"].map(owners), "person_id": numbers["member_no"].map(persons)}
    ).dropna()
    single = known.groupby("customer_id")["person_id"].agg(["first", "nunique"])
    people = pq.read_table(installation.settings.truth_dir / "person.parquet").to_pandas()
    chosen = single[single["nunique"] == 1]["first"].rename("person_id").reset_index()
    return chosen.merge(people, on="person_id")

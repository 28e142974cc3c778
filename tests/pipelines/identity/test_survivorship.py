"""The golden record."""

import pandas as pd

from pipelines.identity.survivorship import survive

RECORDS = pd.DataFrame(
    {
        "key": ["a", "b", "c"],
        "source": ["crm", "shop", "crm"],
        "updated": ["2017-01-01", "2017-06-01", "2017-03-01"],
        "name": ["김민준", None, "김민준"],
        "phone": ["+821022223333", "+821044445555", None],
        "email": [None, None, None],
    },
    dtype=object,
)


def _survive(rules, **more):
    found = survive(RECORDS, rules, key="key", source="source", updated_at="updated", **more)
    return {s.attribute: s for s in found}


def test_each_rule_says_where_its_value_is_from():
    found = _survive({"name": "most_recent", "phone": "most_recent", "email": "most_recent"})
    assert (found["name"].record, found["name"].updated_at) == ("c", "2017-03-01")
    assert (found["phone"].value, found["phone"].source) == ("+821044445555", "shop")
    assert found["email"].value is None


def test_trust_and_frequency():
    found = _survive({"phone": "most_trusted", "name": "most_frequent"}, trust=["crm", "shop"])
    assert (found["phone"].record, found["phone"].rule) == ("a", "most_trusted")
    assert found["name"].record == "c"
    assert _survive({"name": "most_complete"})["name"].record == "c"

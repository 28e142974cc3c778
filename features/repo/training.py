"""Returns training sets of a feature service: only customers who permit the purpose now, and logged."""

from __future__ import annotations

from contextlib import closing
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from features.definition import ENTITY, read_catalog
from features.errors import FeatureError
from features.repo.repository import open_feature_store
from features.repo.training_permission import log_training, permitted_customers, require_purpose
from features.repo.view_rows import EVENT_TIMESTAMP
from features.retrieval.customer_consent import CustomerConsent
from installation.installation import Installation


def training_set(installation: Installation, asked: pd.DataFrame, service: str, purpose: str, who: str) -> pd.DataFrame:
    """Return the features of a service as they were known at each row's moment, for customers who permit the purpose.

    The rows of other customers are left out. The read is in the audit log before this returns.

    Args:
        installation: its contracts must be registered, see `apply_features`.
        asked: columns `customer_id` and `event_timestamp`; other columns, such as a label, are kept. A moment without
            a zone is the shop's local time, as in the tables. A row gets the newest features before it, however old.
        service: the feature service.
        purpose: the purpose of the model.
        who: the user or service, named in the audit log.

    Raises:
        UnknownFeatureError: there is no such service.
        AccessRefused: the service or one of its features does not serve the purpose.
        FeatureError: `asked` has no customers.
        AuditError: the read cannot be logged.
    """
    features = require_purpose(read_catalog(installation), service, purpose)
    if ENTITY not in asked:
        raise FeatureError(f"The rows of a training set have no column {ENTITY}; got {', '.join(asked.columns)}.")
    with closing(CustomerConsent(installation)) as consent:
        permitted = permitted_customers(installation, consent, asked[ENTITY].unique().tolist(), purpose)
    store = open_feature_store(installation)
    rows = _in_shop_time(asked[asked[ENTITY].isin(permitted)], ZoneInfo(installation.settings.time_zone))
    known = store.get_historical_features(rows, store.get_feature_service(service)).to_df()
    log_training(installation, service, purpose, who, features, len(permitted))
    return known


def _in_shop_time(asked: pd.DataFrame, zone: ZoneInfo) -> pd.DataFrame:
    """Return the rows with instants. Feast takes a moment without a zone as UTC."""
    if EVENT_TIMESTAMP not in asked or getattr(asked[EVENT_TIMESTAMP].dtype, "tz", None) is not None:
        return asked
    local = pd.to_datetime(asked[EVENT_TIMESTAMP])
    if local.dt.tz is not None:
        return asked
    # The earlier of two instants, so that nothing later than the moment counts as known.
    instants = local.dt.tz_localize(zone, ambiguous=np.ones(len(local), dtype=bool), nonexistent="shift_backward")
    return asked.assign(**{EVENT_TIMESTAMP: instants})

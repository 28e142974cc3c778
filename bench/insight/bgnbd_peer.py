"""Fits BG/NBD of pymc-marketing by maximum likelihood, in its own environment; nothing of Bojagi is imported.

Reads JSON lists `customer_id`, `frequency`, `recency`, `T` (weeks) and `weeks` from stdin; writes the expected number
of purchases in the next `weeks` weeks as a JSON list in the same order.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings

import numpy as np
import pandas as pd


def main() -> None:
    """Fit on stdin's customers and write their expected purchases."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    from pymc_marketing.clv import BetaGeoModel
    from pymc_marketing.prior import Prior

    given = json.load(sys.stdin)
    data = pd.DataFrame({name: given[name] for name in ("customer_id", "frequency", "recency", "T")})
    # Flat priors: the mode is the maximum of the likelihood, as in the paper.
    priors = {f"{name}_prior": Prior("HalfFlat") for name in ("a", "b", "alpha", "r")}
    model = BetaGeoModel(data=data, model_config=priors)
    model.fit(method="map", progressbar=False)
    expected = model.expected_purchases(data=data, future_t=given["weeks"])
    json.dump(np.asarray(expected.mean(("chain", "draw"))).tolist(), sys.stdout)


if __name__ == "__main__":
    main()

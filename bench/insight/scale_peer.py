"""Does with scikit-learn on pandas what `scale` does: the same rows, five gradient-boosted models, k-means by batches.

`python -m bench.insight.scale_peer COUNT`. It has calibrated probabilities and chooses the number of segments by the
silhouette. It has no evaluation, no explanations, no stability of segments and no next category.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta

import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import MiniBatchKMeans
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

from bench.insight.scale import DAY, HORIZON_DAYS, NAMES, make_rows
from features.insight.model.fitting import SAMPLE_ROWS
from features.insight.model.target import TARGETS, Kind
from features.insight.segment.clustering import FEWEST_SEGMENTS, MOST_SEGMENTS

SILHOUETTE_ROWS = 2_000


def run(customers: int) -> None:
    """Fit and score the models and make the segments; print the seconds of each step."""
    labels = [spec.label for spec in TARGETS.values() if spec.kind is not Kind.RANKING]
    columns, size = [*NAMES, *labels], min(customers, SAMPLE_ROWS)
    past = pd.concat(
        make_rows(size, DAY - timedelta(HORIZON_DAYS * ago), ago).select(columns).to_pandas() for ago in (2, 1)
    ).sample(size, random_state=0)
    rows = make_rows(customers, DAY, 0).select(NAMES).to_pandas()
    started = time.perf_counter()
    for spec in TARGETS.values():
        if spec.kind is Kind.AMOUNT:
            regressor = HistGradientBoostingRegressor(random_state=0).fit(past[list(NAMES)], past[spec.label])
            regressor.predict(rows)
        elif spec.kind is Kind.PROBABILITY:
            classifier = CalibratedClassifierCV(HistGradientBoostingClassifier(random_state=0), cv=3)
            classifier.fit(past[list(NAMES)], past[spec.label]).predict_proba(rows)
        print(f"{spec.label}: done after {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    values = StandardScaler().fit_transform(rows)
    best, chosen = -1.0, 0
    for count in range(FEWEST_SEGMENTS, MOST_SEGMENTS + 1):
        segments = MiniBatchKMeans(count, n_init="auto", random_state=0).fit_predict(values)
        shown = silhouette_score(values, segments, sample_size=SILHOUETTE_ROWS, random_state=0)
        if shown > best:
            best, chosen = shown, count
    print(f"{chosen} segments: done after {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    run(int(sys.argv[1]))

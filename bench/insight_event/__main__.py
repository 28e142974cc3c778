"""Measures life events, best contacts and the effect of promotions: `python -m bench insight_event`.

`--data FOLDER` names a data folder with a finished run on a simulated market, which is only read. Without it, a market
is simulated and run first. All customers count as permitting, so that the figures show the method and not consents.
`--only PART` measures one part.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.insight_event import life, planted, promotion, reach
from bench.options import make_parser
from bench.rights.resurrection import pipeline
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.engine.session import open_engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse

PARTS = ("life", "planted", "contact", "promotion")


def main() -> int:
    """Measure the parts and print their claims."""
    parser = make_parser(__doc__, "python -m bench.insight_event")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", choices=PARTS)
    options = parser.parse_args()
    parts = PARTS if options.only is None else (options.only,)
    if "promotion" in parts:
        promotion.measure(quick=options.quick)
    if set(parts) == {"promotion"}:
        return 0
    with tempfile.TemporaryDirectory(prefix="bojagi-bench-") as spare:
        data = options.data or _market(Path(spare) / "data", quick=options.quick)
        settings = load_settings(data_dir=data, engine="sail", engine_memory="2GB")
        with Installation(settings) as installation, open_engine(settings) as engine:
            lakehouse = SparkLakehouse(settings.lakehouse_root, engine.spark)
            if "life" in parts:
                life.measure(installation, lakehouse)
            if "planted" in parts:
                planted.measure(installation, lakehouse)
            if "contact" in parts:
                reach.measure(lakehouse)
    return 0


def _market(data: Path, *, quick: bool) -> Path:
    pipeline(data, data / "secret", "simulate", *(["--households", "200"] if quick else []))
    pipeline(data, data / "secret", "run")
    return data


if __name__ == "__main__":
    sys.exit(main())

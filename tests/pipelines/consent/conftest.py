"""The small market of `tests.pipelines.unify`, with people who do not all agree."""

from tests.pipelines.unify.conftest import build_market, contracts

__all__ = ["build_market", "contracts"]

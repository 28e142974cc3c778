"""The small market of `tests.pipelines.unify`."""

from tests.pipelines.unify.conftest import build_market, contracts

__all__ = ["build_market", "contracts"]

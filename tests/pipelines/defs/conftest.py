from tests.pipelines.dagster_market import after_first_run, contracts, loaded_market, market, run, settings

__all__ = ["after_first_run", "contracts", "loaded_market", "market", "run", "settings"]

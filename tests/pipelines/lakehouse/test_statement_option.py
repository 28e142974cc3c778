from pipelines.engine.session import Engine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.lakehouse.statement_option import SMALL_BYTES, SMALL_OPTIONS, StatementOptions

QUERY = """
SELECT id % 7 AS k, sum(id * 0.1D) AS s, max(struct(id, 'a')) AS m, percentile(id, array(0.25D, 0.5D)) AS q
FROM range(1000) GROUP BY 1
"""


def options(engine: Engine) -> dict[str, str | None]:
    get = engine.spark.conf.get
    return {name: get(name, None) if engine.name == "sail" else get(name) for name in SMALL_OPTIONS}


def test_small_inputs_change_the_options_of_spark_and_large_ones_restore_them(engine: Engine) -> None:
    usual, chosen = options(engine), StatementOptions(engine.spark)
    chosen.choose(SMALL_BYTES)
    assert options(engine) == (usual if engine.name == "sail" else dict(SMALL_OPTIONS))
    chosen.choose(SMALL_BYTES + 1)
    assert options(engine) == usual


def test_rows_are_the_same_with_the_options_for_small_and_for_large_inputs(
    lakehouse: SparkLakehouse, engine: Engine
) -> None:
    chosen, found = StatementOptions(engine.spark), []
    for size in (0, SMALL_BYTES + 1):
        chosen.choose(size)
        lakehouse.overwrite("silver/number", engine.spark.sql(QUERY))
        found.append(sorted(lakehouse.rows("silver/number").to_pylist(), key=lambda row: row["k"]))
    assert found[0] == found[1]
    assert len(found[0]) == 7

"""Builds the tables of recommendation: the recommender, the items, and the candidates of each customer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.recommend import form, table
from features.recommend.card import fit_with_card
from features.recommend.catalogue import Catalogue
from features.recommend.errors import TooFewPurchasesError
from features.recommend.history import PurchaseHistory
from features.recommend.objective import read_objectives
from features.recommend.population import learn_population
from features.transform.sensitive_category import is_sensitive
from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables
from pipelines.lakehouse.spark_type import spark_schema
from privacy.consent.frame import Permissions

LINES, PRODUCTS, PERMISSIONS = "silver/order_line", "silver/product", "silver/permission"
TRAINING = "model_training"
HISTORY_DAYS = 450
"""Days of purchases that are read: a year before the first horizon of a fit."""
SAMPLE_CUSTOMERS = 20_000
"""Most customers of a fit, of the statistics of the items, and of one part of the candidates: 1 GB of arrays."""
_COLUMNS = ("customer_id", "item", "order_date", "quantity", "sales_value", "list_value")


def build_model(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per version: the former ones, and one that this run fitted if one was due."""
    contract = context.contracts.table(form.MODEL)
    former = tables[PREVIOUS].select(*(column.name for column in contract.columns))
    kept = former.select("number", "fitted_on").toArrow().to_pylist()
    if not table.is_due(kept, context.as_of):
        return former
    catalogue = _catalogue(_sold(tables[PRODUCTS]).toArrow())
    history = _history(_sample(_lines(tables[LINES], context)), catalogue)
    objectives = read_objectives({one.path.parent: None for one in context.contracts.values()})
    try:
        found = fit_with_card(history, catalogue, context.as_of, table.next_number(kept), objectives)
    except TooFewPurchasesError:
        return former
    new = pa.Table.from_pylist([table.model_row(*found)], contract.arrow_schema())
    # The build of a run that was killed may have written the same version.
    return former.unionByName(context.spark.createDataFrame(new).join(former.select("number"), "number", "left_anti"))


def build_items(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per product that was sold."""
    products = _sold(tables[PRODUCTS]).toArrow()
    catalogue = _catalogue(products)
    lines = _sample(_lines(tables[LINES], context)).toArrow()
    history = PurchaseHistory.of_table(lines.select(_COLUMNS)).of_items(catalogue.items)
    population = learn_population(history, table.end_of(context.as_of), catalogue)
    return _frame(table.item_rows(products, history, catalogue, population, lines, context.as_of), form.ITEM, context)


def build_candidates(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer with a purchase: the items that a request can choose from, scored by each version."""
    models = table.newest_models(tables[form.MODEL].select("version", "number", "parameters").toArrow().to_pylist())
    if not models:
        return _frame(form.CANDIDATE_SCHEMA.empty_table(), form.CANDIDATE, context)
    catalogue = _catalogue(_sold(tables[PRODUCTS]).toArrow())
    lines, consent = _lines(tables[LINES], context), context.agreed
    # Which items go together is learned from customers who permit the training as well.
    trained = Permissions(tables[PERMISSIONS], consent.policy).permitted(lines, TRAINING, consent.moment)
    population = learn_population(_history(_sample(trained), catalogue), table.end_of(context.as_of), catalogue)
    parts = (
        rows
        for part in _parts(lines)
        for rows in table.candidate_rows(models, _history(part, catalogue), population, context.as_of)
    )
    return _frame(pa.concat_tables([form.CANDIDATE_SCHEMA.empty_table(), *parts]), form.CANDIDATE, context)


def _lines(lines: DataFrame, context: BuildContext) -> DataFrame:
    """Return the lines of merchandise of customers in the last HISTORY_DAYS, with the item."""
    first = context.as_of - timedelta(days=HISTORY_DAYS)
    known = lines.where("customer_id is not null and is_merchandise and quantity > 0").where(
        (F.col("order_date") > F.lit(first)) & (F.col("order_date") <= F.lit(context.as_of))
    )
    return known.select(
        "customer_id", F.col("product_id").cast("string").alias("item"), "order_date", "ordered_at", "quantity",
        "sales_value", "list_value",
    )  # fmt: skip


def _parts(lines: DataFrame) -> Iterator[DataFrame]:
    """Yield the lines in parts of about SAMPLE_CUSTOMERS customers, by a hash of the customer."""
    count = lines.select("customer_id").distinct().count()
    parts = max(-(-count // SAMPLE_CUSTOMERS), 1)
    for number in range(parts):
        yield lines if parts == 1 else lines.where(F.pmod(F.xxhash64("customer_id"), F.lit(parts)) == number)


def _sample(lines: DataFrame) -> DataFrame:
    return next(_parts(lines))


def _history(lines: DataFrame, catalogue: Catalogue) -> PurchaseHistory:
    return PurchaseHistory.of_table(lines.select(*_COLUMNS).toArrow()).of_items(catalogue.items)


def _sold(products: DataFrame) -> DataFrame:
    """Return item, type, category and price of each product of merchandise that was sold.

    Products that tell about health, diet, belief, alcohol or tobacco are left out: they are neither counted nor
    recommended.
    """
    kept = ~(is_sensitive(F.col("product_type")) | is_sensitive(F.col("product_category")))
    return products.where("is_merchandise and line_count > 0").where(kept).select(
        F.col("product_id").cast("string").alias("item"), "product_type", "product_category",
        F.col("median_unit_price").cast("double").alias("price"),
    )  # fmt: skip


def _catalogue(products: pa.Table) -> Catalogue:
    rows = products.select(["item", "product_type", "product_category"]).to_pylist()
    return Catalogue.of({row["item"]: (row["product_type"], row["product_category"]) for row in rows})


def _frame(rows: pa.Table, name: str, context: BuildContext) -> DataFrame:
    # Spark reads no column types from an empty Arrow table.
    if rows.num_rows:
        return context.spark.createDataFrame(rows)
    return context.spark.createDataFrame([], spark_schema(context.contracts.table(name)))

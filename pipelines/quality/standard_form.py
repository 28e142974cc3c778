"""Converts columns to the standard form that the contract's `standardise` names, for the silver layer.

Texts are converted by plain Python functions, once for each distinct value of a batch, in a pandas function that both
engines run. Numbers are converted by Spark expressions. The functions' modules are sent to a cluster
(`pipelines.engine.worker_code`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from installation.contract.document import Column, Contract, Standardise
from pipelines.quality import sql
from pipelines.quality.address_form import tidy_address
from pipelines.quality.code_form import iso_date, postal_code, sex_code, truth
from pipelines.quality.errors import QualityError
from pipelines.quality.text_form import tidy_name, tidy_text
from privacy.protection.normal_form import DEFAULT_REGION, normalise_email, normalise_phone

TextForm = Callable[[str], str | bool | None]


def standardise_frame(frame: DataFrame, contract: Contract, region: str = DEFAULT_REGION) -> DataFrame:
    """Return the frame with each column in the standard form that the contract states for it.

    Null stays null. A value without a standard form, such as a phone number of three digits or February 31, becomes
    null; bronze keeps the original. Column types do not change, except that `boolean` turns text into a boolean. A
    date stays text (yyyy-mm-dd), so the caller must cast it. Contract columns that the frame lacks are skipped.

    Args:
        frame: bronze rows of the contract's table, decrypted.
        contract: states the standard form of each column.
        region: country of phone numbers without a country code (ISO 3166 alpha-2).

    Raises:
        QualityError: the contract names an unknown standard form.

    """
    present = set(frame.columns)
    forms = {
        column.name: _standard(column, column.standardise, contract, region)
        for column in contract.columns
        if column.standardise and column.name in present
    }
    return frame.withColumns(forms) if forms else frame


def text_forms(region: str = DEFAULT_REGION) -> dict[str, TextForm]:
    """Return the conversion function for each standard form of texts; it returns None if a text has no such form."""
    return {
        "phone": partial(normalise_phone, region=region),
        "email": normalise_email,
        "name": tidy_name,
        "address": tidy_address,
        "hangul": tidy_text,
        "date": iso_date,
        "sex": sex_code,
        "boolean": truth,
        "postal_code": postal_code,
    }


def _standard(column: Column, rule: Standardise, contract: Contract, region: str) -> SparkColumn:
    value = F.col(sql.name(column.name))
    if rule.rule == "unit":
        return _in_unit(column, rule, value)
    trimmed = F.trim(value)
    native = {"trim": trimmed, "lower": F.lower(trimmed), "upper": F.upper(trimmed)}
    if rule.rule in native:
        return F.nullif(native[rule.rule], F.lit(""))
    form = text_forms(region).get(rule.rule)
    if form is None:
        known = ", ".join(sorted((*text_forms(), *native, "unit")))
        raise QualityError(
            f"{contract.id}: column {column.name!r} names the unknown standard form {rule.rule!r}; "
            f"expected one of {known}",
            contract.table,
        )
    return _by_distinct_value(form, "boolean" if rule.rule == "boolean" else "string")(value)


def _in_unit(column: Column, rule: Standardise, value: SparkColumn) -> SparkColumn:
    """Convert values beyond the contract's `above` or `below`, which are in a wrong unit: value * factor + offset."""
    options = rule.options
    slipped = F.lit(False)
    if "above" in options:
        slipped = slipped | (value > F.lit(float(options["above"])))
    if "below" in options:
        slipped = slipped | (value < F.lit(float(options["below"])))
    factor, offset = float(options.get("factor", 1.0)), float(options.get("offset", 0.0))
    converted = (value.cast("double") * F.lit(factor) + F.lit(offset)).cast(column.spark_type)
    return F.when(slipped, converted).otherwise(value)


def _by_distinct_value(form: TextForm, spark_type: str) -> Callable[[SparkColumn], SparkColumn]:
    def apply(texts: pd.Series) -> pd.Series:
        forms = {text: form(text) for text in texts.dropna().unique()}
        return pd.Series([forms.get(text) for text in texts], index=texts.index, dtype=object)

    return pandas_udf(apply, spark_type)  # type: ignore[call-overload,no-any-return]  # stubs want a literal

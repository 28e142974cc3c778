"""Builds gold/customer_location: the customer's home, the stores near it, and the stores ordered from."""

from __future__ import annotations

import math
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.transform.measure import (
    at_most,
    count_where,
    distinct_count,
    most_frequent,
    ratio,
    share_where,
    top_value,
)
from pipelines.derived_table.deduplication import latest
from pipelines.derived_table.table import BuildContext, Tables

EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG
_PLACE = ["sido", "sigungu", "dong"]


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per customer of silver/customer."""
    orders = tables["gold/order_history"].where("customer_id is not null")
    stores = latest(tables["bronze/store"], ["store_id"])
    homes = _homes(tables)
    parts = [
        homes.select("customer_id", *_PLACE, "dong_code", "is_urban", "address_count"),
        _visits(orders, stores),
        _primary_store(orders),
        most_frequent(orders, ["customer_id"], "delivery_dong", "top_delivery_dong"),
        _delivered_home(orders, homes),
    ]
    frame = reduce(lambda left, right: left.join(right, "customer_id", "left"), parts)
    nearest = _nearest_stores(homes, stores)
    frame = frame.join(nearest, "dong_code", "left").drop("dong_code")
    centres = homes.select("customer_id", F.col("latitude").alias("_lat"), F.col("longitude").alias("_lon"))
    shops = stores.select(F.col("store_id").alias("primary_store_id"), "latitude", "longitude")
    placed = frame.join(centres, "customer_id", "left").join(shops, "primary_store_id", "left")
    distance = haversine_km(F.col("_lat"), F.col("_lon"), F.col("latitude"), F.col("longitude"))
    return placed.withColumns(
        {
            "primary_store_km": distance,
            "has_moved": F.when(F.col("address_count") > 0, F.col("address_count") > 1),
            "as_of": F.lit(context.as_of),
        }
    )


def haversine_km(lat_a: Column, lon_a: Column, lat_b: Column, lon_b: Column) -> Column:
    """Return the great-circle distance in km between two points in degrees (haversine formula); null if any is null."""
    radians = math.pi / 180.0
    half_lat, half_lon = (lat_b - lat_a) * (radians / 2), (lon_b - lon_a) * (radians / 2)
    chord = F.sin(half_lat) * F.sin(half_lat) + F.cos(lat_a * radians) * F.cos(lat_b * radians) * F.sin(
        half_lon
    ) * F.sin(half_lon)
    return F.lit(2 * EARTH_RADIUS_KM) * F.asin(F.sqrt(at_most(chord, 1.0)))


def _homes(tables: Tables) -> DataFrame:
    regions = (
        latest(tables["bronze/region"], ["dong_code"])
        .groupBy(*_PLACE)
        .agg(*(F.min(name).alias(name) for name in ("dong_code", "latitude", "longitude")),
             F.max(F.col("is_urban").cast("int")).cast("boolean").alias("is_urban"))
    )  # fmt: skip
    people = tables["silver/customer"].select("customer_id", *_PLACE, "address_count")
    return people.join(regions, _PLACE, "left")


def _visits(orders: DataFrame, stores: DataFrame) -> DataFrame:
    known = orders.join(stores.select("store_id", "has_parking"), "store_id", "left")
    types = [("hypermarket", "hypermarket_share"), ("supermarket", "supermarket_share"), ("express", "express_share")]
    return known.groupBy("customer_id").agg(
        distinct_count(F.col("store_id")).alias("store_count"),
        *(share_where(F.col("store_type") == kind).alias(name) for kind, name in types),
        share_where(F.col("has_parking")).alias("parking_store_share"),
    )


def _primary_store(orders: DataFrame) -> DataFrame:
    counted = orders.groupBy("customer_id", "store_id").agg(F.count(F.lit(1)).alias("_orders"))
    chosen = top_value(counted, ["customer_id"], "store_id", "_orders", "primary_store_id")
    visits = counted.groupBy("customer_id").agg(F.max("_orders").alias("_top"), F.sum("_orders").alias("_all"))
    share = ratio(F.col("_top"), F.col("_all")).alias("primary_store_share")
    return chosen.join(visits, "customer_id").select("customer_id", "primary_store_id", share)


def _nearest_stores(homes: DataFrame, stores: DataFrame) -> DataFrame:
    """Return per home dong the nearest store, its distance in km, and the number of stores within 5 km.

    Distances are computed per dong and not per customer, because there are far fewer dongs.
    """
    dongs = homes.where("dong_code is not null").select("dong_code", "latitude", "longitude").distinct()
    shops = stores.select("store_id", F.col("latitude").alias("_lat"), F.col("longitude").alias("_lon"))
    km = haversine_km(F.col("latitude"), F.col("longitude"), F.col("_lat"), F.col("_lon"))
    pairs = dongs.crossJoin(shops).withColumn("km", km).where("km is not null")
    near = pairs.groupBy("dong_code").agg(
        F.min("km").alias("nearest_store_km"),
        count_where(F.col("km") <= 5.0).alias("stores_within_5_km"),
    )
    negative = pairs.withColumn("_nearness", -F.col("km"))
    return near.join(top_value(negative, ["dong_code"], "store_id", "_nearness", "nearest_store_id"), "dong_code")


def _delivered_home(orders: DataFrame, homes: DataFrame) -> DataFrame:
    lived = homes.select("customer_id", F.col("dong").alias("_home"))
    sent = orders.where("delivery_dong is not null and delivery_method <> 'pickup'").join(lived, "customer_id")
    return sent.groupBy("customer_id").agg(
        share_where(F.col("delivery_dong") == F.col("_home")).alias("home_delivery_share")
    )

"""The metadata of a table's asset: schema, column lineage, description, owners, tags, counts, a chart."""

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

import dagster as dg

from installation.contract.document import Column, Contract, Contracts
from installation.lakehouse.table_profile import TableProfile
from pipelines.charts.table_chart import draw_profile

ROWS = "dagster/row_count"
UP_TO_DATE = "up_to_date"
ABSENT = "not_built"
"""Metadata of the observation of a table without input: the reason why it was not built."""
ADDED = "rows_added"
QUARANTINED = "rows_quarantined"
REFUSED = "files_refused"
FAULTS = "faults"
NOTES = "notes"
SECONDS = "seconds"
LINEAGE = "dagster/column_lineage"


def asset_key(table: str) -> dg.AssetKey:
    """Return the asset key of a lakehouse table.

    >>> asset_key("gold/customer_360").path
    ['gold', 'customer_360']
    """
    return dg.AssetKey(table.split("/"))


def table_name(key: dg.AssetKey) -> str:
    """Return the name of the table of an asset key.

    >>> table_name(dg.AssetKey(["gold", "customer_360"]))
    'gold/customer_360'
    """
    return "/".join(key.path)


def describe(contract: Contract) -> str:
    """Return the description of a table in Markdown: meaning, grain, purposes, retention."""
    retention = f"{contract.retention_days} days" if contract.retention_days else "see the contract"
    parts = [
        contract.description,
        f"**Grain.** {contract.grain}" if contract.grain else "",
        f"**May serve.** {', '.join(contract.purposes) or 'no purpose'}. **Kept for.** {retention}.",
        "**Simulated** people and records." if contract.simulated else "",
    ]
    return "\n\n".join(part for part in parts if part)


def owners(contract: Contract) -> list[str]:
    """Return the owning team in Dagster's form; empty when the contract names no owner."""
    return [f"team:{_slug(contract.owner)}"] if contract.owner else []


def tags(contract: Contract) -> dict[str, str]:
    """Return the tags that the UI filters by.

    Only a table whose contract says that it is simulated gets the tag `simulated`. Derived tables do not inherit it.
    """
    personal = {"personal_data": str(contract.subject_key is not None).lower()}
    return personal | ({"simulated": "true"} if contract.simulated else {})


def freshness_policy(contract: Contract) -> dg.FreshnessPolicy | None:
    """Return the policy that a table is stale when it got no new rows within the contract's service level.

    Dagster counts from the last materialisation, which is the last time that the table was written. Returns None for
    a contract without the service level `freshness` or `latency`.
    """
    if contract.freshness_hours is None:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=contract.freshness_hours))


def column_schema(contract: Contract) -> dg.TableSchema:
    """Return the columns of the contract with their types, rules and data categories."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.spark_type,
                description=column.description or None,
                constraints=dg.TableColumnConstraints(
                    nullable=not column.required, unique=column.unique, other=list(_rules(column))
                ),
                tags=_column_tags(column),
            )
            for column in contract.columns
        ]
    )


def column_lineage(contract: Contract, inputs: Iterable[str], contracts: Contracts) -> dg.TableColumnLineage:
    """Return the origin of each column: the columns of the same name, or its token, in the inputs.

    A name keeps its meaning from layer to layer, so a column of the same name is the origin. A measure that is
    computed from other columns has no origin here; its contract holds its definition.

    Dagster's open-source UI does not show column lineage; the API and Dagster+ do.
    """
    known = {contract.table for contract in contracts.values()}
    origins = {table: contracts.table(table) for table in inputs if table in known}
    return dg.TableColumnLineage(
        {
            column.name: [
                dg.TableColumnDep(asset_key=asset_key(table), column_name=column.name)
                for table, origin in origins.items()
                if column.name in _column_names(origin)
            ]
            for column in contract.columns
        }
    )


def profile_metadata(profile: TableProfile) -> Mapping[str, dg.MetadataValue]:
    """Return the version, the number of files and the size of a table, from its Delta log."""
    return {
        "delta_version": dg.MetadataValue.int(profile.version),
        "files": dg.MetadataValue.int(profile.files),
        "size_mb": dg.MetadataValue.float(round(profile.size_bytes / 1e6, 3)),
    }


def profile_chart(profile: TableProfile) -> Mapping[str, dg.MetadataValue]:
    """Return the chart of a table; empty for a table without rows."""
    chart = draw_profile(profile)
    return {"plot": dg.MetadataValue.md(chart.to_markdown())} if chart else {}


def _column_tags(column: Column) -> dict[str, str]:
    role = {} if column.role == "none" else {"identifier": column.role}
    return {"category": column.category.replace(":", "."), **role}


def _column_names(contract: Contract) -> frozenset[str]:
    tokens = (column.token_name for column in contract.columns if column.token_name)
    return frozenset((*(column.name for column in contract.columns), *tokens))


def _rules(column: Column) -> Iterable[str]:
    if column.primary_key:
        yield "primary key"
    if column.minimum is not None or column.maximum is not None:
        yield _between(column.minimum, column.maximum)
    if column.unit:
        yield f"in {column.unit}"
    if column.enum:
        yield "one of " + ", ".join(map(str, column.enum))
    if column.pattern:
        yield f"matches {column.pattern}"


def _between(low: object, high: object) -> str:
    """Return the bounds in words.

    >>> _between(0, 1), _between("1980-01-01", None), _between(None, 5)
    ('0 to 1', '1980-01-01 or more', '5 or less')
    """
    if high is None:
        return f"{low} or more"
    return f"{high} or less" if low is None else f"{low} to {high}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-")

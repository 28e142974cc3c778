"""Feast's local engine for materialisation, with steps that keep the rows in Arrow until the online store has them.

Feast's own steps copy the rows to pandas and back, where a whole number beside a null becomes a float. Then they make
one protobuf object a value. That takes most of the time of a materialisation.

    batch_engine:
      type: features.store.feast_engine.ArrowEngine
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from feast.feature_view import FeatureView
from feast.infra.common.materialization_job import MaterializationJobStatus, MaterializationTask
from feast.infra.compute_engines.dag.context import ColumnInfo, ExecutionContext
from feast.infra.compute_engines.dag.node import DAGNode
from feast.infra.compute_engines.local.arrow_table_value import ArrowTableValue
from feast.infra.compute_engines.local.compute import LocalComputeEngine
from feast.infra.compute_engines.local.feature_builder import LocalFeatureBuilder
from feast.infra.compute_engines.local.job import LocalMaterializationJob
from feast.infra.compute_engines.local.nodes import LocalDedupNode, LocalOutputNode
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel

from features.store.feast_store import BojagiOnlineStore


class ArrowEngineConfig(FeastConfigBaseModel):
    """Settings of the engine. `backend` is Feast's name of the library that filters rows: `pandas` or `polars`."""

    type: Literal["features.store.feast_engine.ArrowEngine"] = "features.store.feast_engine.ArrowEngine"
    backend: str | None = None


class ArrowEngine(LocalComputeEngine):
    """Materialises feature views in this process. The online store must be `BojagiOnlineStore`."""

    def _materialize_one(
        self, registry: BaseRegistry, task: MaterializationTask, **kwargs: Any
    ) -> LocalMaterializationJob:
        context = self.get_execution_context(registry, task)
        _Builder(registry, task, backend=self._get_backend(context)).build().execute(context)
        name = f"{task.feature_view.name}-{task.start_time}-{task.end_time}"
        return LocalMaterializationJob(job_id=name, status=MaterializationJobStatus.SUCCEEDED)


class _Builder(LocalFeatureBuilder):
    def build_filter_node(self, view: FeatureView, input_node: DAGNode) -> DAGNode:
        # A materialisation has no moments of entities to compare with; what is left is a filter that the view declares.
        return super().build_filter_node(view, input_node) if getattr(view, "filter", None) else input_node

    def build_dedup_node(self, view: FeatureView, input_node: DAGNode) -> DAGNode:
        node = _NewestRows("dedup", self.get_column_info(view), self.backend, inputs=[input_node])
        self.nodes.append(node)
        return node

    def build_output_nodes(self, view: FeatureView, input_node: DAGNode) -> DAGNode:
        root: Any = self.dag_root.view
        node = _ArrowOutput("output", root, inputs=[input_node])
        self.nodes.append(node)
        return node


class _NewestRows(LocalDedupNode):
    def execute(self, context: ExecutionContext) -> ArrowTableValue:
        info = self.column_info
        output = ArrowTableValue(data=_newest(_table(self.get_single_table(context).data), info))
        context.node_outputs[self.name] = output
        return output


class _ArrowOutput(LocalOutputNode):
    def execute(self, context: ExecutionContext) -> ArrowTableValue:
        store, rows = context.online_store, self.get_single_table(context).data
        if not isinstance(store, BojagiOnlineStore):
            return super().execute(context)
        if self.feature_view.online:
            store.write_arrow(context.repo_config, self.feature_view, _table(rows))
        output = ArrowTableValue(data=rows)
        context.node_outputs[self.name] = output
        return output


def _newest(rows: pa.Table, info: ColumnInfo) -> pa.Table:
    """Return the row of each customer with the latest event time, and of these the one that was created last."""
    times = [name for name in (info.timestamp_column, info.created_timestamp_column) if name in rows.column_names]
    order = pc.sort_indices(rows, sort_keys=[(name, "descending") for name in times])
    codes = rows[info.join_keys_columns[0]].combine_chunks().dictionary_encode().indices.take(order).to_numpy()
    _, first = np.unique(codes, return_index=True)
    if len(first) == len(rows):
        return rows
    return rows.take(order.take(pa.array(first)))


def _table(rows: pa.Table | pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows

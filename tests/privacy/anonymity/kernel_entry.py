"""Kernels that only other kernels call, made callable from Python for tests."""

from __future__ import annotations

from typing import Any, cast

from privacy.anonymity.kernel import class_state, model_shortfall
from privacy.anonymity.kernel import rebuild as rebuilding
from privacy.anonymity.kernel.compilation import entry_point

shortfall = entry_point(cast(Any, model_shortfall.shortfall).py_func)
loss_without = entry_point(cast(Any, class_state.loss_without).py_func)
rebuild = entry_point(cast(Any, rebuilding.rebuild).py_func)

"""The examples in the docstrings hold."""

import doctest
import importlib
import pkgutil

import pytest

import pipelines.identity

MODULES = [m.name for m in pkgutil.walk_packages(pipelines.identity.__path__, "pipelines.identity.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0

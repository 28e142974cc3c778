"""The examples in the docstrings of the packages give the results that they show."""

import doctest
import importlib
import pkgutil

import pytest

PACKAGES = ("pipelines.matching", "pipelines.register", "pipelines.steward", "pipelines.evaluation")
MODULES = [
    module.name
    for package in PACKAGES
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_give_the_results_they_show(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0

"""Names the folders of the built-in contracts."""

from pathlib import Path

BUILT_IN = (Path(__file__).parent / "source", Path(__file__).parent / "table")
"""Folders of the built-in contracts: of sources, and of silver and gold tables."""

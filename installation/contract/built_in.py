"""Names the folders of the built-in contracts."""

from pathlib import Path

BUILT_IN = tuple(Path(__file__).parent / name for name in ("source", "table", "service", "wording"))
"""Folders of the built-in contracts: of sources, of silver and gold tables, of feature services, and of plain names."""

"""Generates landed files whose true values are known: tests compare what ingest loads with the truth.

`generate.generate(seed)` draws true values first and then writes them as text, so the truth never passes a parser of
Bojagi. Belongs here: drawing and writing. The comparison is in `tests.pipelines.ingest.judge`.
"""

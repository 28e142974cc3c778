"""Customer segments, the moves between them, and the personas that describe them.

Belongs here: which traits enter, the clustering, its stability, the matching of segments to former ones, the names, the
cards and their page. Everything is numpy, SQL text and dataclasses; `pipelines.unify` runs the SQL on the engine.
"""

"""Runs the pipeline with Dagster: its instance, the run of the refresh job, the resources and the events of a run.

Declarations of assets, checks, jobs, schedules and sensors are in `pipelines/defs`, which imports this package; this
package does not import `pipelines/defs`. Transformations of tables belong to neither.
"""

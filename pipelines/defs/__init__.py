"""Declares Dagster's assets, checks, jobs, schedules and sensors.

Only declarations belong here: an asset reads its inputs, calls one plain function, writes, and returns metadata. What
they share with each other and with the command line is in `pipelines/orchestration`.
"""

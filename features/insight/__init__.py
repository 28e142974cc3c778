"""Insight about customers: scores, segments and personas, audiences, life events.

Every result is about people whose consent covers profiling. No orchestration; Spark only in transform modules.
"""

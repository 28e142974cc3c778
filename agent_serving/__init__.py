"""The HTTP service and the shopping agent. Never Spark."""

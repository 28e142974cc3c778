"""Errors of the simulator."""

from pipelines.errors import PipelineError


class SimulationError(PipelineError):
    """The market cannot be simulated with these arguments; the message states the next step."""

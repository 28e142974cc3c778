"""What can go wrong in a simulation."""

from pipelines.errors import PipelineError


class SimulationError(PipelineError):
    """The market cannot be simulated as asked; the message says what to do."""

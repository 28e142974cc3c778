"""What can go wrong in a simulation."""


class SimulationError(Exception):
    """The market cannot be simulated as asked; the message says what to do."""

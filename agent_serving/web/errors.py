"""Errors of web sites. Messages name fields and limits, never what was entered."""

from agent_serving.errors import ServingError


class FormRefused(ServingError):
    """A form cannot be taken. `status` is the HTTP status of the answer, `field` the faulty field."""

    def __init__(self, status: int, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.status, self.field = status, field

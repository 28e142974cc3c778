"""The one base of every error that the privacy engine raises."""


class PrivacyError(Exception):
    """An error of the privacy engine.

    `message` is for operators: what came, what was expected, what to do next; never personal data.
    `public_details` is what a client outside may be told; by default nothing but the kind of error.
    """

    def __init__(self, message: str, *, public_details: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.public_details = type(self).__name__ if public_details is None else public_details

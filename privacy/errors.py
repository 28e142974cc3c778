"""The base class of every error that the privacy engine raises."""


class PrivacyError(Exception):
    """An error of the privacy engine.

    `message` is for operators: the value found, the value expected and the next step, without personal data.
    `public_details` is the text for clients outside; by default only the kind of error.
    """

    def __init__(self, message: str, *, public_details: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.public_details = type(self).__name__ if public_details is None else public_details

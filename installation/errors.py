"""Errors of an installation. Messages name settings, files and tables, never personal data."""


class InstallationError(Exception):
    """Base of every error that this package raises on purpose."""


class SettingsError(InstallationError):
    """The settings file, an environment variable or an option cannot be used."""


class LakehouseError(InstallationError):
    """A table could not be read or written. `table` is its name, such as "silver/customer"."""

    def __init__(self, message: str, table: str | None = None) -> None:
        super().__init__(message)
        self.table = table

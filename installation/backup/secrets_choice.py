"""What a restore does with the secret folder. Apart from the rest, so that commands start without it."""

from enum import StrEnum


class Secrets(StrEnum):
    """Which secrets a restore writes.

    RESTORE: those of the backup. KEEP: none; the secret folder stays as it is, also if it is empty. ACCEPT_LOSS: as
    KEEP, but the anchors of restored stores go back to the backup, so what was recorded since then is given up. The
    anchor of the privacy ledger stays: nobody knows which budget was spent since.
    """

    RESTORE = "restore"
    KEEP = "keep"
    ACCEPT_LOSS = "accept-loss"

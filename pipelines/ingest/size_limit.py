"""Limits how much a compressed file may grow, so that a small file cannot fill memory or disk."""

from dataclasses import dataclass

from pipelines.ingest.fault import FileFaultError

# Repetitive logs shrink to a hundredth; a decompression bomb to a thousandth or less.
MAX_RATIO = 200
# Below this size a high ratio does no harm: a small file of equal rows is not refused.
HARMLESS_BYTES = 64 * 1024 * 1024
# Beyond this size the export should be split; the load of one file must fit the disk twice.
MAX_BYTES = 64 * 1024**3


@dataclass
class SizeLimit:
    """Counts the decompressed bytes of one file, whose compressed size is `compressed` bytes."""

    compressed: int
    decompressed: int = 0

    def add(self, count: int) -> None:
        """Count more decompressed bytes.

        Raises:
            FileFaultError: the file has grown beyond the limits.

        """
        self.decompressed += count
        if self.decompressed > MAX_BYTES:
            raise FileFaultError("size", f"the file has more than {MAX_BYTES >> 30} GiB when decompressed; split it")
        if self.decompressed > HARMLESS_BYTES and self.decompressed > MAX_RATIO * self.compressed:
            raise FileFaultError(
                "size",
                f"the file grows to more than {MAX_RATIO} times its size when decompressed, as a decompression bomb "
                "does; land it uncompressed if it is genuine",
            )

"""Disks in files that record each write and flush, and how they may be after a power cut.

A disk may lose any block written since its last flush, and no other. `python -m
tests.kit.recorded_disk IMAGES MOUNTPOINT RECORD` shows the images at the mountpoint, for loop
devices; everything that reaches them is appended to the record, of all of them in one order.
"""

# ruff: noqa: ARG002 - FUSE says what its calls are given

from __future__ import annotations

import errno
import os
import random
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mfusepy import FUSE, FuseOSError, Operations

BLOCK = 4096
SECTOR = 512
_HEAD = struct.Struct("<BqI")  # the number of the disk, offset, length
_FLUSH = -1


class Entry(NamedTuple):
    """A write, or a flush where `data` is None; the record had `position` bytes after it."""

    position: int
    disk: str
    offset: int
    data: bytes | None


def read_record(record: Path, images: Path) -> Iterator[Entry]:
    names = sorted(os.listdir(images))
    with record.open("rb") as file:
        while head := file.read(_HEAD.size):
            number, offset, length = _HEAD.unpack(head)
            data = None if offset == _FLUSH else file.read(length)
            yield Entry(file.tell(), names[number], offset, data)


class Disk:
    """What is surely on a disk, in a file, and what may be."""

    def __init__(self, image: Path, surely: Path) -> None:
        self.surely = surely
        _copy(image, surely)
        self.pending: list[tuple[int, bytes]] = []

    def follow(self, entry: Entry) -> None:
        if entry.data is not None:
            self.pending.append((entry.offset, entry.data))
            return
        _write_all(self.surely, self.pending)
        self.pending = []

    def cut(self, image: Path, chance: random.Random) -> None:
        """Make an image of what a power cut may leave now: of what is pending nothing to all."""
        _copy(self.surely, image)
        share = chance.choice([0, 0.1, 0.5, 0.9, 1])
        size = chance.choice([BLOCK, BLOCK, SECTOR])
        pieces = (
            (offset + start, data[start : start + size])
            for offset, data in self.pending
            for start in range(0, len(data), size)
        )
        _write_all(image, [piece for piece in pieces if chance.random() < share])


def _write_all(image: Path, writes: list[tuple[int, bytes]]) -> None:
    with image.open("r+b", buffering=0) as file:
        for offset, data in writes:
            os.pwrite(file.fileno(), data, offset)


def _copy(image: Path, to: Path) -> None:
    subprocess.run(["cp", "--sparse=always", image, to], check=True)


class Recorder(Operations):  # type: ignore[misc]  # it has no types
    """The images, as a file system that notes what is done to them."""

    use_ns = True

    def __init__(self, images: Path, record: Path) -> None:
        self.names = sorted(os.listdir(images))
        self.images = [os.open(images / name, os.O_RDWR) for name in self.names]
        self.record = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def _number(self, path: str) -> int:
        if path[1:] not in self.names:
            raise FuseOSError(errno.ENOENT)
        return self.names.index(path[1:])

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        size = os.fstat(self.images[self._number(path)]).st_size
        return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": size}

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *self.names]

    def open(self, path: str, flags: int) -> int:
        return self._number(path)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(self.images[fh], size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        os.write(self.record, _HEAD.pack(fh, offset, len(data)) + data)
        return os.pwrite(self.images[fh], data, offset)

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        os.write(self.record, _HEAD.pack(fh, _FLUSH, 0))
        return 0


if __name__ == "__main__":
    _images, _mountpoint, _record = map(Path, sys.argv[1:])
    FUSE(Recorder(_images, _record), str(_mountpoint), foreground=True, nothreads=True)

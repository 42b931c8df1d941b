"""How a sealed segment is kept small, and from whom: compressed (zstd), and encrypted (age) where recipients are named.

    <log>.<first sequence>             plain, as it was sealed
    <log>.<first sequence>.zst         compressed
    <log>.<first sequence>.zst.age     compressed, then encrypted for named X25519 recipients

Laws:
    1. What is hashed, signed and verified are the lines; the form that they are kept in proves nothing and changes
       nothing.
    2. Reading streams in constant memory, whatever the file holds: the window is bounded, and so is how much may come
       out of how much.
    3. The plain file goes after the packed one was read back, byte for byte, from a durable file.

Threat: a packed file that an auditor was handed may be made to fill memory or to never end. Every record holds a hash
that cannot be compressed, and has at most `MAX_LINE_BYTES`; what unpacks to more than `_MAX_RATIO` is no log.

Not here: which segments are packed, and when (keeping).

Source: RFC 8878 (zstd); age-encryption.org/v1.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, Final, cast, final

import zstandard

from aegis_trio.audit.age import Identity, NotForUs, Recipient, decrypt, encrypt, new_identity
from aegis_trio.audit.files import sync_folder, write_all
from aegis_trio.audit.lost import LogUnavailable, reason_of
from aegis_trio.audit.system_calls import FileOps

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

PACKED_SUFFIX: Final = ".zst"
ENCRYPTED_SUFFIX: Final = ".zst.age"
DRAFT_SUFFIX: Final = ".packing"

_LEVEL: Final = 6
_MAX_WINDOW_BYTES: Final = 8 * 1024 * 1024  # RFC 8878 section 3.1.1.1.2: what every decoder supports
_MAX_RATIO: Final = 2_048  # 64 KiB of a line for 32 bytes of hash
_HEADER_BYTES: Final = 18  # RFC 8878 section 3.1.1.1: at most
_BOMB: Final = "it unpacks to more than records can be"
_ALLOWANCE_BYTES: Final = 1024 * 1024
_CHUNK_BYTES: Final = 128 * 1024
_DRAFT_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW


@final
class DamagedSegment(OSError):
    """A packed file does not unpack, or to more than a log can be."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(errno.EILSEQ, reason, str(path))


@final
class EncryptedSegment(OSError):
    """A segment is encrypted for others than those whose identities are at hand."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EACCES, "it is encrypted: give the identity of one of its recipients", str(path))


def is_packed(path: Path) -> bool:
    """Return whether the name says that the file is not plain."""
    return path.name.endswith((PACKED_SUFFIX, ENCRYPTED_SUFFIX))


def _packed_forms(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}{suffix}") for suffix in (PACKED_SUFFIX, ENCRYPTED_SUFFIX)]


def is_encrypted(path: Path) -> bool:
    """Return whether the name says that the file is encrypted."""
    return path.name.endswith(ENCRYPTED_SUFFIX)


def open_segment(path: Path, identities: Sequence[Identity] = ()) -> BinaryIO:
    """Open a file of the log for reading its lines from the first, whatever form it is kept in.

    Raises:
        EncryptedSegment: see there.
        DamagedSegment: here, or while it is read.
        OSError: it cannot be read.
    """
    try:
        raw = path.open("rb")
    except FileNotFoundError:
        packed = next((form for form in _packed_forms(path) if form.exists()), None)
        if packed is None or is_packed(path):
            raise
        return open_segment(packed, identities)  # it was packed after somebody listed the files
    if not is_packed(path):
        return raw
    if not is_encrypted(path):
        return io.BufferedReader(_Unpacked(path, raw), _CHUNK_BYTES)
    try:
        return io.BufferedReader(_Unpacked(path, _decrypted(path, raw, identities, None)), _CHUNK_BYTES)
    except NotForUs:
        raise EncryptedSegment(path) from None


def pack(path: Path, recipients: Sequence[Recipient], ops: FileOps, check: Callable[[], None]) -> Path:
    """Replace a plain segment by its packed form.

    Args:
        path: the segment; nothing is added to it any more.
        recipients: who may read it; none for everybody who may read the file.
        ops: the system calls.
        check: called between pieces; what it raises ends the work, and leaves the segment as it was.

    Returns:
        Path: where it is now.

    Raises:
        LogUnavailable, OSError: the disk does not allow it, or what was written does not read back.
    """
    target = path.with_name(f"{path.name}{ENCRYPTED_SUFFIX if recipients else PACKED_SUFFIX}")
    draft = path.with_name(f"{path.name}{DRAFT_SUFFIX}")
    described = path.stat()
    # A key that is thrown away reads back what nobody here may read afterwards.
    reader = new_identity() if recipients else None
    fd = ops.open(draft, _DRAFT_FLAGS)
    is_placed = False
    try:
        try:
            _write_packed(path, fd, [*recipients, reader.to_public()] if reader else [], ops, check)
            ops.fdatasync(fd)
        finally:
            ops.close(fd)
        if _digest(path, [], check) != _digest(draft, [reader] if reader else [], check, kind=target):
            raise DamagedSegment(draft, "what was packed does not read back")
        os.utime(draft, ns=(described.st_atime_ns, described.st_mtime_ns))  # its age is that of its last record
        ops.replace(draft, target)
        is_placed = True
    finally:
        if not is_placed:
            with suppress(OSError):  # the keeper takes it away later
                ops.unlink(draft)
    sync_folder(path.parent, ops)
    ops.unlink(path)
    sync_folder(path.parent, ops)
    return target


def _write_packed(
    path: Path, fd: int, recipients: Sequence[Recipient], ops: FileOps, check: Callable[[], None]
) -> None:
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    sink = _Sink(fd, ops, check)
    with path.open("rb") as plain:
        packed = compressor.stream_reader(plain, size=path.stat().st_size)
        if recipients:
            encrypt(cast("io.BufferedIOBase", packed), sink, recipients)
        else:
            while piece := packed.read(_CHUNK_BYTES):
                sink.write(piece)


def _digest(
    path: Path, identities: Sequence[Identity], check: Callable[[], None], *, kind: Path | None = None
) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as raw:
        stream: BinaryIO = raw
        if kind is not None:
            # Beside the log, where there is room: a container may have no other folder that can be written.
            inner = _decrypted(path, raw, identities, path.parent) if is_encrypted(kind) else raw
            stream = io.BufferedReader(_Unpacked(path, inner), _CHUNK_BYTES)
        while piece := stream.read(_CHUNK_BYTES):
            check()
            digest.update(piece)
    return digest.digest()


def _decrypted(
    path: Path, raw: io.BufferedReader, identities: Sequence[Identity], folder: Path | None
) -> io.BufferedRandom:
    # The library pushes and the reader pulls; a file without a name between them keeps memory constant, and is gone
    # with its descriptor. It holds what is compressed, never the lines.
    with raw:
        file = TemporaryFile(dir=folder)  # noqa: SIM115 -- whoever reads closes it
        try:
            decrypt(raw, file, identities)
        except (NotForUs, OSError) as error:
            file.close()
            if isinstance(error, NotForUs):
                raise
            raise DamagedSegment(path, "it does not decrypt: the file was changed or is not whole") from error
    file.seek(0)
    return file


@final
class _Sink(io.BufferedIOBase):
    """A file for a library to write to, by the system calls of the log."""

    def __init__(self, fd: int, ops: FileOps, check: Callable[[], None]) -> None:
        self._fd, self._ops, self._check = fd, ops, check

    def writable(self) -> bool:
        return True

    def write(self, piece: ReadableBuffer) -> int:
        self._check()
        data = bytes(piece)
        write_all(self._fd, data, self._ops)
        return len(data)


@final
class _Unpacked(io.RawIOBase):
    """The lines of a compressed stream."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        self._path = path
        self._raw = raw
        decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        self._stream = decompressor.stream_reader(raw, read_across_frames=True)
        most = os.fstat(raw.fileno()).st_size * _MAX_RATIO + _ALLOWANCE_BYTES
        self._promised = _promised_bytes(path, raw)
        self._most = most if self._promised is None else min(most, self._promised)
        self._taken = 0
        if self._promised is not None and self._promised > most:
            raise DamagedSegment(path, _BOMB)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        try:
            piece = self._stream.read(memoryview(buffer).nbytes)
        except zstandard.ZstdError as error:
            raise DamagedSegment(self._path, f"it does not unpack ({error})") from error
        self._taken += len(piece)
        if self._taken > self._most:
            raise DamagedSegment(self._path, _BOMB)
        if not piece and self._taken < (self._promised or 0):
            raise DamagedSegment(self._path, "it is not whole")
        memoryview(buffer)[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _promised_bytes(path: Path, raw: BinaryIO) -> int | None:
    """Return how much the first frame says that it unpacks to, or None when it does not say it."""
    header = raw.read(_HEADER_BYTES)
    raw.seek(0)
    try:
        size = zstandard.get_frame_parameters(header).content_size
    except zstandard.ZstdError as error:
        raise DamagedSegment(path, f"it does not unpack ({error})") from error
    return None if size == zstandard.CONTENTSIZE_UNKNOWN else size


def fault_of(error: OSError | LogUnavailable) -> str:
    """Return the words for what went wrong, without a path."""
    return str(error.strerror) if isinstance(error, DamagedSegment | EncryptedSegment) else reason_of(error)

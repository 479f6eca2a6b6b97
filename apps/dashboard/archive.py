"""An encrypted, authenticated file: AES-256-GCM in frames of a mebibyte.

Each frame is sealed with its number, its length and whether it is the last, so that a file that was
cut, extended, reordered or changed in any bit is refused. The key comes of a pass phrase by scrypt.
"""

import json
import os
import struct
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

MAGIC: Final = b"GLIDEPATH-BACKUP-1\n"
FRAME: Final = 1 << 20
SALT_BYTES, NONCE_BYTES, TAG_BYTES = 16, 8, 16
# RFC 7914's parameters for a file: a tenth of a second and 32 MiB per guess.
SCRYPT_COST, SCRYPT_BLOCK, SCRYPT_LANES = 1 << 15, 8, 1
SHORTEST_PASSPHRASE: Final = 20


class ArchiveError(ValueError):
    """The file cannot be written or read; the text is for the operator."""


def key_of(passphrase: str, salt: bytes) -> bytes:
    """Return the 256-bit key of a pass phrase. Raises `ArchiveError` for a short one."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise ArchiveError(
            f"BACKUP_PASSPHRASE must have {SHORTEST_PASSPHRASE} characters or more: set it in the "
            "environment, and keep it where the backups are not."
        )
    kdf = Scrypt(salt=salt, length=32, n=SCRYPT_COST, r=SCRYPT_BLOCK, p=SCRYPT_LANES)
    return kdf.derive(passphrase.encode())


def write(out: IO[bytes], passphrase: str, manifest: dict[str, Any], data: IO[bytes]) -> int:
    """Write the manifest and then the data; return how many bytes of data went in."""
    salt, prefix = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    seal = AESGCM(key_of(passphrase, salt))
    out.write(MAGIC + salt + prefix)
    total = 0
    first = json.dumps(manifest, sort_keys=True).encode()
    for number, (frame, last) in enumerate(_with_last(_frames(first, data))):
        head = struct.pack(">?I", last, len(frame) + TAG_BYTES)
        out.write(head + seal.encrypt(prefix + struct.pack(">I", number), frame, head))
        total += len(frame) if number else 0
    return total


def read(source: IO[bytes], passphrase: str) -> tuple[dict[str, Any], Iterator[bytes]]:
    """Return the manifest and the data, frame by frame.

    Raises `ArchiveError` at the first frame that is not what was written, and at the end if the
    last one is missing: nothing that was read counts before the iterator has ended.
    """
    if source.read(len(MAGIC)) != MAGIC:
        raise ArchiveError("This file is not a backup of Glidepath.")
    salt, prefix = source.read(SALT_BYTES), source.read(NONCE_BYTES)
    frames = _opened(source, AESGCM(key_of(passphrase, salt)), prefix)
    return json.loads(next(frames)), frames


def _opened(source: IO[bytes], seal: AESGCM, prefix: bytes) -> Iterator[bytes]:
    last, number = False, 0
    while not last:
        head = source.read(5)
        if len(head) != 5:
            raise ArchiveError("The backup is cut off: its last part is missing.")
        last, length = struct.unpack(">?I", head)
        nonce, frame = prefix + struct.pack(">I", number), source.read(min(length, 2 * FRAME))
        try:
            opened = seal.decrypt(nonce, frame, head)
        except InvalidTag as error:
            raise ArchiveError(
                "The backup was changed or damaged, or BACKUP_PASSPHRASE is not the one it was "
                "written with."
            ) from error
        yield opened
        number += 1
    if source.read(1):
        raise ArchiveError("The backup was changed: something follows its last part.")


def _frames(first: bytes, data: IO[bytes]) -> Iterator[bytes]:
    yield first
    while frame := data.read(FRAME):
        yield frame


def _with_last(frames: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    frames = iter(frames)
    waiting = next(frames)  # there is always one: the manifest
    for frame in frames:
        yield waiting, False
        waiting = frame
    yield waiting, True

"""Password hashes of other programs: what may be imported, and how it is verified.

See crypt(5), and Dovecot's page "Password Schemes".
"""

from __future__ import annotations

import ctypes
import hmac
import re
from functools import cache

from qmailpanel.qmail.names import InvalidName, gettext_noop

ARGON2ID = "{ARGON2ID}"
UNKNOWN = gettext_noop("This is no password hash that can be taken over.")
SCHEMES = {
    "$6$": "SHA512-CRYPT",
    "$5$": "SHA256-CRYPT",
    "$2a$": "BLF-CRYPT",
    "$2b$": "BLF-CRYPT",
    "$2y$": "BLF-CRYPT",
    "$1$": "MD5-CRYPT",
    "$y$": "CRYPT",
    "$argon2id$": "ARGON2ID",
}
ROUNDS, BLOWFISH, MEMORY, PASSES = 1_000_000, 13, 1 << 17, 4  # beyond, one check takes seconds

_STORED = re.compile(r"(?:\{([A-Z0-9-]+)\})?((\$[a-z0-9]+\$)[A-Za-z0-9./,=+$]{8,200})")
_YESCRYPT = re.compile(r"\$y\$(?!j[5-9A]T\$)")  # its costs, but for those that people choose
_COSTS = (
    (re.compile(r"\$[56]\$rounds=([0-9]+)\$"), ROUNDS),
    (re.compile(r"\$2[aby]\$([0-9]{2})\$"), BLOWFISH),
    (re.compile(r"\$argon2id\$.*\bm=([0-9]+)"), MEMORY),
    (re.compile(r"\$argon2id\$.*\bt=([0-9]+)"), PASSES),
)


def parse_hash(text: str) -> str:
    """A hash with its scheme, as `{SHA512-CRYPT}$6$…`. Raises InvalidName for any other text.

    One that costs seconds to check is refused too: whoever signs in would stop everybody.
    """
    match = _STORED.fullmatch(text.strip())
    if not match:
        raise InvalidName(UNKNOWN)
    named, stored, scheme = match[1], match[2], SCHEMES.get(match[3])
    if scheme is None or named not in (None, scheme, "CRYPT") or _YESCRYPT.match(stored):
        raise InvalidName(UNKNOWN)
    for pattern, most in _COSTS:
        cost = pattern.match(stored)
        if cost and int(cost[1]) > most:
            raise InvalidName(UNKNOWN)
    return f"{{{scheme}}}{stored}"


def verify_crypt(text: str, stored: str) -> bool:
    """Whether a password is the one of a hash that libcrypt knows."""
    setting = stored.partition("}")[2].encode()
    if "\0" in text or not setting.startswith(b"$"):
        return False
    hashed = _crypt()(text.encode(errors="surrogatepass"), setting, ctypes.byref(_Data()))
    return hashed is not None and hmac.compare_digest(hashed, setting)


class _Data(ctypes.Structure):
    """See crypt_r(3): libxcrypt wants 32 KiB, the older libcrypt of glibc four times as much."""

    _fields_ = (("bytes", ctypes.c_char * (1 << 18)),)


@cache
def _crypt() -> ctypes._NamedFuncPointer:
    function = ctypes.CDLL("libcrypt.so.1").crypt_r
    function.restype = ctypes.c_char_p
    function.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(_Data)]
    return function

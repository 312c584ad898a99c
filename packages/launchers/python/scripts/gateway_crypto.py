"""The cryptography of the launcher protocol, with libraries where they are and without where they are not.

Version 2 uses NaCl's ``box``: PyNaCl when it can be imported. Version 1 uses RSA and AES: pycryptodome when it can be
imported. A kernel image often has neither, and a launcher cannot install anything, so each has a plain Python form here.
The plain forms are not hardened against somebody who measures time on the same machine; whoever can do that beside a
kernel can read the kernel's memory. All are held to ``vectors/*.json`` of the protocol.
"""

import base64
import binascii
import functools
import os
import struct
from typing import Callable, List, NamedTuple, Tuple

KEY_BYTES = 32
NONCE_BYTES = 24
TAG_BYTES = 16
AES_KEY_BYTES = 16
RSA_MIN_BITS = 1024
RSA_MAX_BITS = 4096


class BadCiphertext(ValueError):
    """A box that was not made with this key, or was changed since."""


def decode_base64(text: object, length: int = -1) -> bytes:
    """Standard base64 with its padding, of so many bytes when ``length`` is given; ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError("not base64 text")
    try:
        value = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if length >= 0 and len(value) != length:
        raise ValueError("%d bytes where %d belong" % (len(value), length))
    return value


def encode_base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


# ---- X25519 (RFC 7748) and NaCl's box -------------------------------------------------------------------------------

_P = 2**255 - 19
_BASE_POINT = (9).to_bytes(32, "little")
_MASK = 0xFFFFFFFF
_SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def _x25519(secret: bytes, point: bytes) -> bytes:
    """The Montgomery ladder of RFC 7748, section 5."""
    number = int.from_bytes(secret, "little")
    number = (number & ~7 & (2**255 - 1)) | 2**254
    x1 = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3, swapped = 1, 0, x1, 1, 0
    for position in range(254, -1, -1):
        bit = (number >> position) & 1
        if swapped != bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swapped = bit
        plus, minus = x2 + z2, x2 - z2
        plus2, minus2 = plus * plus % _P, minus * minus % _P
        difference = plus2 - minus2
        cross1, cross2 = (x3 - z3) * plus % _P, (x3 + z3) * minus % _P
        x3 = pow(cross1 + cross2, 2, _P)
        z3 = x1 * pow(cross1 - cross2, 2, _P) % _P
        x2 = plus2 * minus2 % _P
        z2 = difference * (plus2 + 121665 * difference) % _P
    if swapped:
        x2, z2 = x3, z3
    return (x2 * pow(z2, _P - 2, _P) % _P).to_bytes(32, "little")


def _salsa_rounds(state: List[int]) -> List[int]:
    x = list(state)
    quarters = (
        (0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11),  # columns
        (0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14),  # rows
    )  # fmt: skip
    for _ in range(10):
        for a, b, c, d in quarters:
            t = (x[a] + x[d]) & _MASK
            x[b] ^= ((t << 7) | (t >> 25)) & _MASK
            t = (x[b] + x[a]) & _MASK
            x[c] ^= ((t << 9) | (t >> 23)) & _MASK
            t = (x[c] + x[b]) & _MASK
            x[d] ^= ((t << 13) | (t >> 19)) & _MASK
            t = (x[d] + x[c]) & _MASK
            x[a] ^= ((t << 18) | (t >> 14)) & _MASK
    return x


def _salsa_state(key: bytes, middle: bytes) -> List[int]:
    k = struct.unpack("<8I", key)
    n = struct.unpack("<4I", middle)
    return [_SIGMA[0], *k[:4], _SIGMA[1], *n, _SIGMA[2], *k[4:], _SIGMA[3]]


def _hsalsa20(key: bytes, middle: bytes) -> bytes:
    x = _salsa_rounds(_salsa_state(key, middle))
    return struct.pack("<8I", x[0], x[5], x[10], x[15], *x[6:10])


def _xsalsa20(key: bytes, nonce: bytes, length: int) -> bytes:
    """The first bytes of the key stream."""
    subkey = _hsalsa20(key, nonce[:16])
    blocks = []
    for counter in range((length + 63) // 64):
        state = _salsa_state(subkey, nonce[16:] + struct.pack("<Q", counter))
        words = zip(state, _salsa_rounds(state))
        blocks.append(struct.pack("<16I", *((a + b) & _MASK for a, b in words)))
    return b"".join(blocks)[:length]


def _poly1305(key: bytes, message: bytes) -> bytes:
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    accumulator = 0
    for start in range(0, len(message), 16):
        block = message[start : start + 16] + b"\x01"
        accumulator = (accumulator + int.from_bytes(block, "little")) * r % (2**130 - 5)
    tag = (accumulator + int.from_bytes(key[16:], "little")) & (2**128 - 1)
    return tag.to_bytes(16, "little")


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "little") ^ int.from_bytes(right, "little")).to_bytes(len(left), "little")


def _pure_public_key(secret: bytes) -> bytes:
    return _x25519(secret, _BASE_POINT)


def _pure_shared(their_public: bytes, our_secret: bytes) -> bytes:
    product = _x25519(our_secret, their_public)
    if not any(product):
        raise ValueError("a public key of small order")
    return _hsalsa20(product, bytes(16))


def _pure_seal(key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
    stream = _xsalsa20(key, nonce, 32 + len(plaintext))
    ciphertext = _xor(plaintext, stream[32:])
    return _poly1305(stream[:32], ciphertext) + ciphertext


def _pure_unseal(key: bytes, nonce: bytes, box: bytes) -> bytes:
    if len(box) < TAG_BYTES:
        raise BadCiphertext("shorter than a tag")
    import hmac  # It loads OpenSSL, for which no kernel needs to wait: nothing is opened before one is started.

    tag, ciphertext = box[:TAG_BYTES], box[TAG_BYTES:]
    # The key of the tag first: what is not authentic is not worth more.
    if not hmac.compare_digest(tag, _poly1305(_xsalsa20(key, nonce, 32), ciphertext)):
        raise BadCiphertext("not authentic")
    return _xor(ciphertext, _xsalsa20(key, nonce, 32 + len(ciphertext))[32:])


class Nacl(NamedTuple):
    """The four operations of the protocol, over 32-byte keys and 24-byte nonces; a box begins with its tag."""

    name: str
    public_key: Callable[[bytes], bytes]
    #: ``crypto_box_beforenm``; ValueError when the product is zero.
    shared: Callable[[bytes, bytes], bytes]
    #: ``crypto_secretbox_easy``: key, nonce, plaintext.
    seal: Callable[[bytes, bytes, bytes], bytes]
    #: Raises BadCiphertext.
    unseal: Callable[[bytes, bytes, bytes], bytes]


PURE_NACL = Nacl("pure", _pure_public_key, _pure_shared, _pure_seal, _pure_unseal)


@functools.lru_cache(maxsize=1)
def nacl() -> Nacl:
    """PyNaCl, or the plain form when it is not there or does not load."""
    try:
        from nacl import bindings
        from nacl.exceptions import CryptoError
    except Exception:  # A broken native library raises whatever it likes.
        return PURE_NACL

    def shared(their_public: bytes, our_secret: bytes) -> bytes:
        try:
            return bindings.crypto_box_beforenm(their_public, our_secret)
        except (CryptoError, RuntimeError) as error:
            raise ValueError("a public key of small order") from error

    def unseal(key: bytes, nonce: bytes, box: bytes) -> bytes:
        try:
            return bindings.crypto_secretbox_open(box, nonce, key)
        except (CryptoError, ValueError) as error:
            raise BadCiphertext("not authentic") from error

    def seal(key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
        return bindings.crypto_secretbox(plaintext, nonce, key)

    return Nacl("PyNaCl", bindings.crypto_scalarmult_base, shared, seal, unseal)


# ---- CurveZMQ keys --------------------------------------------------------------------------------------------------

_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def z85(value: bytes) -> str:
    """ZeroMQ RFC 32; the length is a multiple of four."""
    words = struct.unpack(">%dI" % (len(value) // 4), value)
    return "".join(_Z85[word // 85**power % 85] for word in words for power in (4, 3, 2, 1, 0))


def curve_keypair() -> Tuple[str, str]:
    """A public and a secret key as libzmq's ``curve_keypair`` makes them: X25519, so that pyzmq need not be loaded."""
    secret = os.urandom(KEY_BYTES)
    return z85(nacl().public_key(secret)), z85(secret)


# ---- Version 1: AES-128-ECB and RSA with the padding of PKCS #1 v1.5 ------------------------------------------------


def _double(value: int) -> int:
    """Times x in AES's field."""
    return (value << 1) ^ (0x11B if value & 0x80 else 0)


@functools.lru_cache(maxsize=1)
def _aes_sbox() -> bytes:
    box = bytearray(256)
    p = q = 1
    while True:
        p = p ^ _double(p)  # times 3, which generates the field
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        if q & 0x80:
            q ^= 0x09  # so q stays 1 / p
        turned = q * 0x0101
        box[p] = 0x63 ^ q ^ (turned >> 7 & 0xFF) ^ (turned >> 6 & 0xFF) ^ (turned >> 5 & 0xFF) ^ (turned >> 4 & 0xFF)
        if p == 1:
            box[0] = 0x63
            return bytes(box)


def _aes_round_keys(key: bytes) -> List[bytes]:
    sbox = _aes_sbox()
    words = [key[i : i + 4] for i in range(0, 16, 4)]
    constant = 1
    for i in range(4, 44):
        word = words[-1]
        if i % 4 == 0:
            word = bytes(sbox[b] for b in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = _double(constant)
        words.append(_xor(word, words[i - 4]))
    return [b"".join(words[i : i + 4]) for i in range(0, 44, 4)]


def _aes_block(round_keys: List[bytes], block: bytes) -> bytes:
    sbox = _aes_sbox()
    state = _xor(block, round_keys[0])
    for number in range(1, 11):
        # SubBytes and ShiftRows: byte i of a column comes from i columns to the right.
        state = bytes(sbox[state[(i + 4 * (i % 4)) % 16]] for i in range(16))
        if number < 10:
            mixed = bytearray()
            for c in range(0, 16, 4):
                column = state[c : c + 4]
                total = column[0] ^ column[1] ^ column[2] ^ column[3]
                mixed += bytes(column[i] ^ total ^ _double(column[i] ^ column[(i + 1) % 4]) for i in range(4))
            state = bytes(mixed)
        state = _xor(state, round_keys[number])
    return state


def _pure_aes_ecb(key: bytes, padded: bytes) -> bytes:
    round_keys = _aes_round_keys(key)
    return b"".join(_aes_block(round_keys, padded[i : i + 16]) for i in range(0, len(padded), 16))


def _der_value(data: bytes, tag: int) -> Tuple[bytes, bytes]:
    """The value of the first element, which must have the tag, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("not the DER form of an RSA public key")
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise ValueError("the DER form is cut off")
    return data[start : start + length], data[start + length :]


def rsa_numbers(public_key: str) -> Tuple[int, int]:
    """Modulus and exponent of a SubjectPublicKeyInfo in base64; ValueError with the reason for anything else."""
    sequence, _ = _der_value(decode_base64("".join(public_key.split())), 0x30)
    _, rest = _der_value(sequence, 0x30)
    bits, _ = _der_value(rest, 0x03)
    numbers, _ = _der_value(bits[1:], 0x30)
    modulus, rest = _der_value(numbers, 0x02)
    exponent, _ = _der_value(rest, 0x02)
    n, e = int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")
    if not RSA_MIN_BITS <= n.bit_length() <= RSA_MAX_BITS:
        raise ValueError("%d bits where %d to %d belong" % (n.bit_length(), RSA_MIN_BITS, RSA_MAX_BITS))
    return n, e


def _pure_rsa_encrypt(public_key: str, message: bytes) -> bytes:
    n, e = rsa_numbers(public_key)
    length = (n.bit_length() + 7) // 8
    padding = bytearray()
    while len(padding) < length - 3 - len(message):
        padding += os.urandom(length).replace(b"\0", b"")
    block = b"\x00\x02" + bytes(padding[: length - 3 - len(message)]) + b"\x00" + message
    return pow(int.from_bytes(block, "big"), e, n).to_bytes(length, "big")


class Version1Cipher(NamedTuple):
    """What version 1 needs; the block cipher gets whole blocks."""

    name: str
    aes_ecb: Callable[[bytes, bytes], bytes]
    rsa_encrypt: Callable[[str, bytes], bytes]


PURE_VERSION1 = Version1Cipher("pure", _pure_aes_ecb, _pure_rsa_encrypt)


@functools.lru_cache(maxsize=1)
def version1_cipher() -> Version1Cipher:
    """pycryptodome under either of its names, or the plain form when it is not there or does not load."""
    for package in ("Cryptodome", "Crypto"):
        try:
            aes = __import__(package + ".Cipher.AES", fromlist=["AES"])
            padding = __import__(package + ".Cipher.PKCS1_v1_5", fromlist=["PKCS1_v1_5"])
            rsa = __import__(package + ".PublicKey.RSA", fromlist=["RSA"])
        except Exception:  # As above: anything may come out of a broken native library.
            continue

        def aes_ecb(key: bytes, padded: bytes, module=aes) -> bytes:
            return module.new(key, module.MODE_ECB).encrypt(padded)

        def rsa_encrypt(public_key: str, message: bytes, keys=rsa, cipher=padding) -> bytes:
            rsa_numbers(public_key)  # The same limits, and the same words about what is wrong.
            return cipher.new(keys.importKey(decode_base64("".join(public_key.split())))).encrypt(message)

        return Version1Cipher(package, aes_ecb, rsa_encrypt)
    return PURE_VERSION1


def aes_encrypt(key: bytes, plaintext: bytes) -> bytes:
    """AES-128-ECB with the padding of PKCS #7."""
    fill = 16 - len(plaintext) % 16
    return version1_cipher().aes_ecb(key, plaintext + bytes([fill]) * fill)

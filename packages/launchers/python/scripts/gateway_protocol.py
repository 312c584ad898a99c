"""What passes between a launcher and the gateway: docs/reference/launcher-protocol.md in Python.

Nothing here starts a kernel, listens, or prints; secrets never become part of an error's text.
"""

import json
import os
import socket
import time
from typing import Any, Dict, MutableMapping, NamedTuple, Optional, Tuple

from gateway_crypto import (
    AES_KEY_BYTES,
    KEY_BYTES,
    NONCE_BYTES,
    BadCiphertext,
    aes_encrypt,
    decode_base64,
    encode_base64,
    nacl,
    version1_cipher,
)

#: The longest line either end may send, its line feed included.
MAX_LINE_BYTES = 65536
#: The most of a log that fits a line: JSON may make six characters of a byte, base64 four of three.
MAX_LOG_BYTES = 8000
LAUNCHER = "launch_ipykernel/0.1.0"
CAPABILITIES = ["ping", "signal", "shutdown", "status", "renew"]

CONNECT_SECONDS = 10.0
# Where the answer may also be posted, a firewall that swallows packets must not cost each launch ten seconds.
CONNECT_SECONDS_BEFORE_HTTP = 3.0
REPLY_SECONDS = 30.0


class LaunchError(Exception):
    """The launch cannot go on. The text is one line that says what to do about it."""


class LauncherV2(NamedTuple):
    """What ``GP_LAUNCHER_V2`` holds."""

    public_key: bytes
    token: str
    lease_seconds: float
    http_url: Optional[str]
    http_token: str


def take_launcher_v2(env: MutableMapping[str, str], kernel_id: str) -> Optional[LauncherV2]:
    """Reads version 2's parameters and removes them from the environment, and from the disk when they are in a file.

    None when they were not given: the gateway wants version 1.
    """
    value = env.pop("GP_LAUNCHER_V2", "").strip()
    if not value:
        return None
    if value.startswith("/"):
        value = _take_file(value)
    try:
        fields = json.loads(decode_base64(value))
        if not isinstance(fields, dict) or type(fields.get("version")) is not int or fields["version"] != 2:
            raise ValueError("its version is not 2")
        lease = fields.get("lease_seconds", 0)
        if type(lease) not in (int, float) or not 0 <= lease < 2**53:
            raise ValueError("lease_seconds is no number of seconds")
        decode_base64(fields.get("token"), KEY_BYTES)
        http = fields.get("http") or {}
        launcher_v2 = LauncherV2(
            public_key=decode_base64(fields.get("public_key"), KEY_BYTES),
            token=fields["token"],
            lease_seconds=float(lease),
            http_url=_http_url(http),
            http_token=http.get("token", "") if isinstance(http, dict) else "",
        )
    except ValueError as error:
        raise LaunchError("GP_LAUNCHER_V2 cannot be used: %s; it is written by the gateway alone" % error) from None
    if fields.get("kernel_id") != kernel_id:
        raise LaunchError("GP_LAUNCHER_V2 is for another kernel than --kernel-id %s" % kernel_id)
    return launcher_v2


def _take_file(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            value = file.read(MAX_LINE_BYTES).strip()
    except OSError as error:
        raise LaunchError("the file that GP_LAUNCHER_V2 names cannot be read: %s" % error) from None
    try:
        os.unlink(path)
    except OSError:
        pass  # A mounted Secret cannot be deleted; the engine takes it away with the container.
    return value


def _http_url(http: object) -> Optional[str]:
    url = http.get("url") if isinstance(http, dict) else None
    if url is not None and not (isinstance(url, str) and url.startswith(("http://", "https://"))):
        raise ValueError("http.url is no HTTP address")
    return url


def parse_address(text: str) -> Tuple[str, int]:
    """``host:port``; an IPv6 address stands in brackets."""
    host, colon, port = text.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    valid = colon and host and (bracketed or ":" not in host) and port.isascii() and port.isdigit()
    if not valid or not 1 <= int(port) <= 65535:
        raise LaunchError(
            "--response-address %r is not host:port as in 10.0.0.1:8877 (an IPv6 address stands in brackets)" % text[:200]
        )
    return host, int(port)


# ---- Sealed lines ----------------------------------------------------------------------------------------------------


def _line(value: Dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _sealed_fields(key: bytes, content: Dict[str, Any], nonce: bytes) -> Dict[str, str]:
    plaintext = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    return {"nonce": encode_base64(nonce), "box": encode_base64(nacl().seal(key, nonce, plaintext))}


def seal_line(key: bytes, content: Dict[str, Any]) -> bytes:
    return _line({"version": 2, **_sealed_fields(key, content, os.urandom(NONCE_BYTES))})


def _json_object(text: bytes) -> Optional[Dict[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def open_line(key: bytes, line: bytes) -> Optional[Dict[str, Any]]:
    """The content of a sealed line; None for what is not one, or was sealed with another key."""
    outer = _json_object(line)
    if outer is None or not _is_number(outer.get("version"), 2):
        return None
    try:
        nonce = decode_base64(outer.get("nonce"), NONCE_BYTES)
        return _json_object(nacl().unseal(key, nonce, decode_base64(outer.get("box"))))
    except (ValueError, BadCiphertext):
        return None


def _is_number(value: object, expected: int) -> bool:
    """JSON's ``true`` and ``1.0`` are no whole number 1, whatever Python says."""
    return type(value) is int and value == expected


def open_request(key: bytes, line: bytes, kernel_id: str, challenge: str, seq: int) -> Optional[Dict[str, Any]]:
    """A gateway's request, when it is authentic and stands where it belongs."""
    content = open_line(key, line)
    if (
        content is None
        or content.get("to") != "launcher"
        or content.get("kernel_id") != kernel_id
        or content.get("challenge") != challenge
        or not _is_number(content.get("seq"), seq)
    ):
        return None
    return content


# ---- The answer ------------------------------------------------------------------------------------------------------


def version1_payload(conn_info: Dict[str, Any], public_key: str) -> bytes:
    """What a launcher of version 1 writes; as Gateway Provisioners' launcher spaces and orders it."""
    aes_key = os.urandom(AES_KEY_BYTES)
    try:
        encrypted_key = version1_cipher().rsa_encrypt(public_key, aes_key)
    except (ValueError, IndexError, TypeError) as error:
        raise LaunchError("--public-key is not a usable RSA key: %s" % error) from None
    payload = {
        "version": 1,
        "key": encode_base64(encrypted_key),
        "conn_info": encode_base64(aes_encrypt(aes_key, json.dumps(conn_info).encode())),
    }
    return encode_base64(json.dumps(payload).encode()).encode()


class Version2Answer(NamedTuple):
    line: bytes
    shared: bytes


def version2_answer(kernel_id: str, launcher_v2: LauncherV2, content: Dict[str, Any]) -> Version2Answer:
    """The line that answers, under a key pair made for it alone."""
    secret = os.urandom(KEY_BYTES)
    try:
        shared = nacl().shared(launcher_v2.public_key, secret)
    except ValueError:
        raise LaunchError("GP_LAUNCHER_V2 cannot be used: its public key is none") from None
    envelope = {"version": 2, "kernel_id": kernel_id, "public_key": encode_base64(nacl().public_key(secret))}
    sealed = _sealed_fields(shared, {"token": launcher_v2.token, **content}, os.urandom(NONCE_BYTES))
    return Version2Answer(_line({**envelope, **sealed}), shared)


def is_taken(reply: bytes, answer: Version2Answer, kernel_id: str, sent_before: bool) -> bool:
    """Whether the gateway took the answer. LaunchError when it refused; False when the reply says nothing."""
    content = open_line(answer.shared, reply)
    if content is not None and content.get("to") == "launcher" and content.get("kernel_id") == kernel_id:
        if content.get("ok") is True:
            return True
        # The first reply may have been lost on the way; but one who never asked before was preceded by another.
        if content.get("error") == "already_answered" and sent_before:
            return True
        message = str(content.get("message") or content.get("error"))[:500]
        raise LaunchError("the gateway does not take the answer: %s" % message.replace("\n", " "))
    plain = _json_object(reply)
    if content is None and plain is not None and plain.get("ok") is False:
        raise LaunchError("the gateway refused the answer: it does not wait for this launch (any more)")
    return False


class Answering:
    """Delivers one answer, as often as it takes: directly, and over HTTP where the gateway offers it."""

    def __init__(self, address: Optional[str], retry_seconds: float) -> None:
        self._address = parse_address(address) if address else None
        self._deadline = time.monotonic() + retry_seconds
        self._retry_seconds = retry_seconds
        self._problem = ""

    def send_version1(self, payload: bytes) -> None:
        """Done when all was written: version 1 has no replies."""
        self._until_done(lambda: self._directly(payload, CONNECT_SECONDS, reads=False) is not None)

    def send_version2(self, answer: Version2Answer, kernel_id: str, launcher_v2: LauncherV2) -> None:
        url = launcher_v2.http_url
        connect_seconds = CONNECT_SECONDS if url is None else CONNECT_SECONDS_BEFORE_HTTP
        sent = 0

        def attempt() -> bool:
            nonlocal sent
            for send in (
                lambda: self._directly(answer.line, connect_seconds, reads=True),
                lambda: None if url is None else self._post(url, launcher_v2.http_token, answer.line),
            ):
                reply = send()
                if reply is not None and is_taken(reply, answer, kernel_id, sent_before=sent > 0):
                    return True
                sent += reply is not None
            return False

        self._until_done(attempt)

    def _until_done(self, attempt) -> None:
        pause = 0.25
        while not attempt():
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                raise LaunchError(
                    "the gateway could not be reached within %g seconds: %s; is the response address right, and open "
                    "to this host?" % (self._retry_seconds, self._problem)
                )
            time.sleep(min(pause, remaining))
            pause = min(2 * pause, 5.0)

    def _directly(self, data: bytes, connect_seconds: float, reads: bool) -> Optional[bytes]:
        """What came back; None when nothing was sent."""
        if self._address is None:
            return None
        host, port = self._address
        try:
            connection = socket.create_connection((host, port), timeout=self._at_most(connect_seconds))
        except OSError as error:
            self._problem = "%s:%d: %s" % (host, port, error)
            return None
        with connection:
            try:
                connection.settimeout(REPLY_SECONDS)
                connection.sendall(data)
                if not reads:
                    return b""
                self._problem = "%s:%d: no reply" % (host, port)
                return _read_line(connection)
            except OSError as error:
                self._problem = "%s:%d: %s" % (host, port, error)
                # The end may have been lost, or all of it: only a version with replies can tell.
                return b"" if reads else None

    def _post(self, url: str, token: str, line: bytes) -> Optional[bytes]:
        import urllib.error
        import urllib.request

        headers = {"Authorization": "token " + token, "Content-Type": "application/json"}
        request = urllib.request.Request(url, data=line, headers=headers, method="POST")
        self._problem = "%s: no reply" % url
        try:
            with urllib.request.urlopen(request, timeout=self._at_most(REPLY_SECONDS)) as response:
                return response.read(MAX_LINE_BYTES)
        except urllib.error.HTTPError as error:
            self._problem = "%s: HTTP status %d" % (url, error.code)
            # A refusal without words is the gateway's: it waits for no launch with this token. A proxy's has a page,
            # which is no reply, and may pass.
            return error.read(MAX_LINE_BYTES) or (_line({"ok": False}) if error.code == 403 else b"")
        except (OSError, ValueError) as error:
            self._problem = "%s: %s" % (url, error)
            return None

    def _at_most(self, seconds: float) -> float:
        return max(0.1, min(seconds, self._deadline - time.monotonic()))


def _read_line(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) <= MAX_LINE_BYTES:
        chunk = connection.recv(4096)
        if not chunk:
            break
        data += chunk
    return data

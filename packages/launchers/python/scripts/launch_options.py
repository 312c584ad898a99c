"""What a launcher is told, and what it makes of it before there is a kernel: options, ports, the connection file."""

import argparse
import json
import os
import random
import signal
import socket
import sys
import tempfile
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from gateway_crypto import curve_keypair
from gateway_protocol import LaunchError

KERNEL_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
# Below what systems give to outgoing connections and to whoever binds port 0 (Linux from 32768, macOS from 49152).
UNCLAIMED_PORTS = (10000, 32767)


class Launch(NamedTuple):
    """What a launcher was told on its command line."""

    kernel_id: str
    response_address: Optional[str] = None
    public_key: Optional[str] = None
    port_range: Optional[str] = None
    #: Make CurveZMQ keys for the kernel's sockets.
    curve: bool = False
    #: ``spark``: an interrupt comes as SIGUSR2, upon which the kernel interrupts its cell and cancels its jobs.
    cluster_type: str = "none"
    #: The kernel's sockets share addresses (those of libzmq, Deno, libuv and the JVM do), so that its ports can be held
    #: for it until it has them.
    holds_ports: bool = True
    #: Signals that the kernel ignores until it has handlers for them: one that comes too early must not end it.
    ignored_signals: Tuple[signal.Signals, ...] = ()


# ---- Ports and the connection file -----------------------------------------------------------------------------------


def parse_port_range(text: Optional[str]) -> Optional[Tuple[int, int]]:
    """``low..high``, both included; None, meaning any port, for nothing and for ``0..0``."""
    if not text or not text.strip():
        return None
    low_text, dots, high_text = text.strip().partition("..")
    if not (dots and low_text.strip().isdigit() and high_text.strip().isdigit()):
        raise LaunchError(
            "Port range validation failed for range: %r. Expected two numbers as in 40000..42000" % text[:64]
        )
    low, high = int(low_text), int(high_text)
    names = ("GP_MIN_PORT_RANGE_SIZE", "MIN_PORT_RANGE_SIZE", "EG_MIN_PORT_RANGE_SIZE")
    size_text = next((os.environ[name] for name in names if os.environ.get(name, "").isdigit()), "1000")
    if low == high:
        return None
    if high - low < int(size_text):
        raise LaunchError(
            "Port range validation failed for range: %r. Range size must be at least %s as specified by env "
            "GP_MIN_PORT_RANGE_SIZE" % (text[:64], size_text)
        )
    if low < 1024 or high > 65535:
        raise LaunchError("Invalid port range %r specified. Range for valid port numbers is (1024, 65535)" % text[:64])
    return low, high


def reserve_ports(range_text: Optional[str], count: int) -> List[socket.socket]:
    """Sockets bound to ports that nobody else has, nor can take while they are open."""
    wanted = parse_port_range(range_text)
    low, high = wanted or UNCLAIMED_PORTS
    start = random.SystemRandom().randint(low, high)
    found: List[socket.socket] = []
    # All of them, from a place that another launcher does not choose too.
    for offset in range(high - low + 1):
        if len(found) == count:
            return found
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.bind(("0.0.0.0", low + (start - low + offset) % (high - low + 1)))
            found.append(sock)
        except OSError:
            sock.close()
    if len(found) == count:
        return found
    for sock in found:
        sock.close()
    raise LaunchError(
        "%d free ports are needed and %s has %d: widen the range or stop what uses it"
        % (count, "the port range %s" % range_text if wanted else "this host", len(found))
    )


def hold_or_release(reserved: Sequence[socket.socket], holds: bool) -> None:
    """On Linux, whoever shares addresses may listen where others are only bound, and nobody is given such a port."""
    for sock in reserved:
        if holds and sys.platform == "linux":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.detach()  # Open until this process ends.
        else:
            sock.close()


def connection_info(reserved: Sequence[socket.socket], curve: bool) -> Dict[str, Any]:
    info: Dict[str, Any] = {name: sock.getsockname()[1] for name, sock in zip(KERNEL_PORTS, reserved)}
    info.update(ip="0.0.0.0", key=os.urandom(32).hex(), transport="tcp", signature_scheme="hmac-sha256", kernel_name="")
    if curve:
        info["curve_publickey"], info["curve_secretkey"] = curve_keypair()
    return info


def write_connection_file(kernel_id: str, info: Dict[str, Any]) -> str:
    """Only its owner can read the file: mkstemp makes it so."""
    descriptor, path = tempfile.mkstemp(prefix="kernel-%s_" % kernel_id, suffix=".json")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(info, file, indent=2)
    return path


# ---- Options ---------------------------------------------------------------------------------------------------------


class OneLineParser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> Any:
        self.exit(2, "%s: %s (--help lists the options)\n" % (self.prog, message))


def add_option(parser: argparse.ArgumentParser, name: str, **more: Any) -> None:
    """An option with Enterprise Gateway's older spelling; the new one counts when both are given."""
    parser.add_argument("--" + name, nargs="?", **more)
    legacy = argparse.SUPPRESS
    parser.add_argument("--RemoteProcessProxy." + name, dest="legacy_" + name.replace("-", "_"), nargs="?", help=legacy)


def option_value(arguments: argparse.Namespace, name: str, default: Optional[str] = None) -> Optional[str]:
    """None and empty text are the same: kernelspecs leave options without a value."""
    return getattr(arguments, name) or getattr(arguments, "legacy_" + name) or default


def add_launch_options(parser: argparse.ArgumentParser) -> None:
    """The options that every launcher has."""
    add_option(parser, "kernel-id", metavar="ID", help="of the kernel (environment: KERNEL_ID)")
    add_option(parser, "response-address", metavar="HOST:PORT", help="where the gateway waits (RESPONSE_ADDRESS)")
    add_option(parser, "public-key", metavar="KEY", help="the gateway's RSA key, base64 of its DER form (PUBLIC_KEY)")
    add_option(parser, "port-range", metavar="LOW..HIGH", help="for the kernel's ports; 0..0 for any (PORT_RANGE)")


def launch_from(arguments: argparse.Namespace, **more: Any) -> Launch:
    """What the options say, and the environment where they are silent."""

    def given(name: str) -> Optional[str]:
        return option_value(arguments, name, os.environ.get(name.upper()) or None)

    kernel_id = given("kernel_id")
    if kernel_id is None:
        raise LaunchError("--kernel-id is missing: the id that the gateway gave the kernel")
    if not 1 <= len(kernel_id) <= 128 or not all(c.isascii() and (c.isalnum() or c in "._-") for c in kernel_id):
        raise LaunchError("--kernel-id %r is none: 1 to 128 of letters, digits, '.', '_', '-'" % kernel_id[:128])
    return Launch(
        kernel_id=kernel_id,
        response_address=given("response_address"),
        public_key=given("public_key"),
        port_range=given("port_range"),
        **more,
    )




def seconds_from_env(name: str, default: float) -> float:
    try:
        seconds = float(os.environ.get(name) or default)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 2**31:
        raise LaunchError("%s is no number of seconds" % name)
    return seconds

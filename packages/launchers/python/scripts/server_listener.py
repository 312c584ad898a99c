#!/usr/bin/env python3
"""Starts a kernel, tells the gateway how to reach it, and takes the gateway's orders for as long as it lives.

This process loads nothing of the kernel's and shares no lock with it: it answers while the kernel is busy, and learns how
the kernel ended. It speaks version 2 of the launcher protocol when the gateway gave it ``GP_LAUNCHER_V2``, and version 1
otherwise. The launcher for Python uses it as a module; for any other kernel it is a program:

    server_listener.py --kernel-id … --response-address … --public-key … -- command … {connection_file}
"""

import json
import os
import signal
import socket
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Sequence

from gateway_crypto import KEY_BYTES, encode_base64
from gateway_protocol import (
    CAPABILITIES,
    LAUNCHER,
    MAX_LINE_BYTES,
    MAX_LOG_BYTES,
    Answering,
    LaunchError,
    LauncherV2,
    open_request,
    seal_line,
    take_launcher_v2,
    version1_payload,
    version2_answer,
)
from kernel_process import KernelProcess
from launch_options import (
    KERNEL_PORTS,
    Launch,
    OneLineParser,
    add_launch_options,
    connection_info,
    hold_or_release,
    launch_from,
    reserve_ports,
    seconds_from_env,
    write_connection_file,
)

CONNECTION_SECONDS = 10.0
LINGER_SECONDS = 30.0
MAX_CONNECTIONS = 64
#: Of connections that wait to be taken. Where there are more, the system drops attempts, and each is made again only after
#: a second, then three: an order would come too late behind a crowd of silent peers.
BACKLOG = 1024
HIGHEST_SIGNAL = 64


def run_kernel(launch: Launch, command: Callable[[str], Sequence[str]]) -> int:
    """Runs the command that ``command`` makes of a connection file's path; returns the kernel's exit code.

    LaunchError when there is no kernel, or none that the gateway knows of; nothing is left running then.
    """
    launcher_v2 = take_launcher_v2(os.environ, launch.kernel_id)
    retry_seconds = seconds_from_env("GP_LAUNCHER_RETRY_SECONDS", 120.0)
    linger_seconds = seconds_from_env("GP_LAUNCHER_LINGER_SECONDS", LINGER_SECONDS)
    if launch.response_address is None and (launcher_v2 is None or launcher_v2.http_url is None):
        raise LaunchError("--response-address is missing: the gateway's host:port for answers")
    if launch.public_key is None and launcher_v2 is None:
        raise LaunchError("--public-key is missing: the gateway's key for answers")
    answering = Answering(launch.response_address, retry_seconds)
    if launcher_v2 is None:
        version1_payload({}, launch.public_key or "")  # A key that cannot be used is found before a kernel is started.

    comm_socket, *reserved = reserve_ports(launch.port_range, 1 + len(KERNEL_PORTS))
    info = connection_info(reserved, launch.curve)
    connection_file = write_connection_file(launch.kernel_id, info)
    hold_or_release(reserved, launch.holds_ports)
    argv = list(command(connection_file))
    try:
        kernel = KernelProcess(argv, connection_file, launch.ignored_signals)
    except OSError as error:
        os.unlink(connection_file)
        raise LaunchError("the kernel %s cannot be started: %s" % (argv[0], error)) from None
    supervisor = Supervisor(launch, launcher_v2, kernel)
    return supervisor.run(comm_socket, info, answering, linger_seconds)


class Supervisor:
    """One kernel from its start to what is to be told of its end."""

    def __init__(self, launch: Launch, launcher_v2: Optional[LauncherV2], kernel: KernelProcess) -> None:
        self._launch = launch
        self._v2 = launcher_v2
        self._kernel = kernel
        self._comm_key = os.urandom(KEY_BYTES)
        self._failure: Optional[LaunchError] = None
        #: Nobody needs to be told any more how the kernel ended.
        self._dismissed = threading.Event()
        self._lease_renewed = _clock()
        self._live: Dict[int, socket.socket] = {}
        self._live_lock = threading.Lock()

    def run(self, comm_socket: socket.socket, info: Dict[str, Any], answering: Answering, linger: float) -> int:
        self._forward_signals()
        comm_socket.listen(BACKLOG)
        self._start(self._accept, comm_socket)
        self._start(self._watch, os.getppid())
        info = {
            **info,
            "pid": self._kernel.pid,
            "pgid": self._kernel.pid,
            "comm_port": comm_socket.getsockname()[1],
            "kernel_id": self._launch.kernel_id,
        }
        self._start(self._answer, info, answering)
        ended = self._kernel.wait()
        if self._v2 is not None and self._failure is None:
            self._dismissed.wait(linger)
        if self._failure is not None:
            raise self._failure
        return ended.code

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        threading.Thread(target=target, args=args, daemon=True).start()

    def _forward_signals(self) -> None:
        """What is sent to the launcher is meant for the kernel: it is the process that whoever started it knows."""
        for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, lambda signum, _: self._signal(signum) and None)
        signal.signal(signal.SIGTERM, lambda *_: self._dismiss("the launcher got SIGTERM"))

    def _dismiss(self, reason: str) -> None:
        def dismiss() -> None:
            self._kernel.end(reason)
            self._dismissed.set()

        # In a thread: a signal may come while the main thread holds the locks that this takes.
        self._start(dismiss)

    def _answer(self, info: Dict[str, Any], answering: Answering) -> None:
        launch = self._launch
        try:
            if self._v2 is None:
                answering.send_version1(version1_payload(info, launch.public_key or ""))
                return
            about = {"comm_key": encode_base64(self._comm_key), "launcher": LAUNCHER, "capabilities": CAPABILITIES}
            answer = version2_answer(launch.kernel_id, self._v2, {**about, **info})
            self._lease_renewed = _clock()
            answering.send_version2(answer, launch.kernel_id, self._v2)
            self._lease_renewed = _clock()
        except LaunchError as error:
            self._failure = error
            self._dismiss("the gateway did not take the launcher's answer")

    def _watch(self, parent: int) -> None:
        """Ends the kernel when the lease was not renewed, or when the process is gone that it was to follow."""
        lease = self._v2.lease_seconds if self._v2 is not None else 0.0
        follows_parent = os.environ.get("JPY_PARENT_PID") == str(parent) and parent != 1
        while True:
            if lease > 0 and _clock() - self._lease_renewed > lease:
                return self._dismiss("the lease was not renewed for %g seconds: the gateway is gone" % lease)
            if follows_parent and os.getppid() != parent:
                return self._dismiss("the process that started the launcher is gone")
            left = self._lease_renewed + lease - _clock() if lease > 0 else 60.0
            # In pieces: sleeping does not count the time for which the machine was suspended, the lease does.
            time.sleep(min(max(left, 0.02), 1.0 if follows_parent else 10.0))

    # ---- The comm channel --------------------------------------------------------------------------------------------

    def _accept(self, comm_socket: socket.socket) -> None:
        self._comm_socket = comm_socket
        while True:
            try:
                connection, _ = comm_socket.accept()
            except OSError:
                if comm_socket.fileno() < 0:
                    return
                time.sleep(0.1)  # No descriptors left, or the peer went away already.
                continue
            self._make_room()
            with self._live_lock:
                self._live[connection.fileno()] = connection
            try:
                self._start(self._serve, connection)
            except RuntimeError:
                self._forget(connection)  # No thread left: the peer may come again.

    def _make_room(self) -> None:
        """Many silent peers must not keep one out that has something to say: the oldest goes."""
        with self._live_lock:
            if len(self._live) >= MAX_CONNECTIONS:
                oldest = next(iter(self._live.values()))
                try:
                    oldest.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._v2 is None:
                self._serve_version1(connection)
            else:
                self._serve_version2(connection)
        except OSError:
            pass  # The peer was too slow, or went away.
        finally:
            self._forget(connection)

    def _forget(self, connection: socket.socket) -> None:
        with self._live_lock:
            self._live.pop(connection.fileno(), None)
            connection.close()

    def _serve_version1(self, connection: socket.socket) -> None:
        """One JSON object up to the end of the stream, and no reply. Whatever else comes is ignored."""
        data = b"".join(_chunks(connection, _clock() + CONNECTION_SECONDS))
        try:
            request = json.loads(data)
            signum = request.get("signum")
            # Text is taken as other launchers do; a boolean would become SIGHUP.
            if type(signum) in (int, float, str) and 0 <= int(signum) <= HIGHEST_SIGNAL:
                self._signal(int(signum))
            if request.get("shutdown") not in (None, 0, False, "0", ""):
                # The kernel goes on; it was, or will be, asked to end in another way.
                self._comm_socket.shutdown(socket.SHUT_RDWR)
                self._comm_socket.close()
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, OSError):
            pass

    def _serve_version2(self, connection: socket.socket) -> None:
        challenge = encode_base64(os.urandom(32))
        connection.settimeout(CONNECTION_SECONDS)
        connection.sendall(json.dumps({"version": 2, "challenge": challenge}).encode() + b"\n")
        reader = _LineReader(connection)
        seq = 1
        while True:
            line = reader.next()
            request = None if line is None else open_request(
                self._comm_key, line, self._launch.kernel_id, challenge, seq
            )  # fmt: skip
            if request is None:
                return
            binding = {"to": "gateway", "kernel_id": self._launch.kernel_id, "challenge": challenge, "seq": seq}
            connection.settimeout(CONNECTION_SECONDS)
            connection.sendall(seal_line(self._comm_key, {**binding, **self.reply_to(request)}))
            if request.get("request") == "shutdown":
                self._dismiss("the gateway ordered it")
                return
            seq += 1

    def reply_to(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """The reply to an authentic request of version 2, without what binds it to its place."""
        handlers = {
            "ping": self._ping,
            "signal": self._deliver,
            "shutdown": lambda _: {"ok": True},
            "status": self._status,
            "renew": self._renew,
        }
        name = request.get("request")
        handler = handlers.get(name) if isinstance(name, str) else None
        if handler is None:
            return _error("unsupported", "no such request; there are %s" % ", ".join(handlers))
        return handler(request)

    def _ping(self, _: Dict[str, Any]) -> Dict[str, Any]:
        return {"ok": True, "alive": self._kernel.exit is None, "pid": self._kernel.pid}

    def _deliver(self, request: Dict[str, Any]) -> Dict[str, Any]:
        signum = request.get("signum")
        if type(signum) is not int or not 0 <= signum <= HIGHEST_SIGNAL:
            return _error("bad_request", "signum must be a whole number from 0 to %d" % HIGHEST_SIGNAL)
        try:
            delivered = self._signal(signum)
        except OSError as error:
            return _error("failed", "signal %d was not delivered: %s" % (signum, error.strerror))
        return {"ok": True} if delivered else _error("no_kernel", "the kernel has ended")

    def _signal(self, signum: int) -> bool:
        # Of which the kernel makes a SIGINT for its main thread and an end of its jobs in the cluster.
        interrupts_jobs = signum == signal.SIGINT and self._launch.cluster_type == "spark"
        return self._kernel.signal(signal.SIGUSR2 if interrupts_jobs else signum)

    def _status(self, request: Dict[str, Any]) -> Dict[str, Any]:
        wanted = request.get("max_log_bytes", MAX_LOG_BYTES)
        if type(wanted) is not int or wanted < 0:
            return _error("bad_request", "max_log_bytes must be a whole number from 0")
        ended = self._kernel.exit  # Before the log, of which the end belongs to it.
        tail = self._kernel.log.tail(min(wanted, MAX_LOG_BYTES))
        status = {**self._ping(request), "alive": ended is None, "log_tail": tail}
        return status if ended is None else {**status, "exit": ended.fields}

    def _renew(self, _: Dict[str, Any]) -> Dict[str, Any]:
        self._lease_renewed = _clock()
        return {"ok": True, "lease_seconds": self._v2.lease_seconds if self._v2 is not None else 0}


def _error(error: str, message: str) -> Dict[str, Any]:
    return {"ok": False, "error": error, "message": message}


def _chunks(connection: socket.socket, deadline: float):
    """What a peer sends until the end of the stream. OSError when it is too slow or sends too much."""
    total = 0
    while True:
        connection.settimeout(max(0.001, deadline - _clock()))
        chunk = connection.recv(4096)
        if not chunk:
            return
        total += len(chunk)
        if total > MAX_LINE_BYTES:
            raise OSError("too much")
        yield chunk


class _LineReader:
    """Lines of a bounded length, each within a bounded time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._data = b""

    def next(self) -> Optional[bytes]:
        """None at the end of the stream. OSError when the peer is too slow or its line too long."""
        chunks = _chunks(self._connection, _clock() + CONNECTION_SECONDS)
        while b"\n" not in self._data:
            chunk = next(chunks, None)
            if chunk is None:
                return None
            self._data += chunk
        line, _, self._data = self._data.partition(b"\n")
        return line if len(line) < MAX_LINE_BYTES else None


def _clock() -> float:
    """Monotonic, and counting the time that the machine is suspended (as macOS's CLOCK_MONOTONIC does)."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def exit_with(program: str, run: Callable[[], int]) -> None:
    """Ends this process with what ``run`` returns, or with one line about why there was nothing to run."""
    try:
        code = run()
    except LaunchError as error:
        sys.stderr.write("%s: %s\n" % (program, error))
        code = 1
    # Not sys.exit: threads that still wait for a peer must not be waited for.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass
    os._exit(code)


def main(arguments: Sequence[str]) -> int:
    words = list(arguments)
    split = words.index("--") if "--" in words else len(words)
    parser = OneLineParser(prog="server_listener.py", usage="%(prog)s [options] -- COMMAND … {connection_file} …")
    add_launch_options(parser)
    options = parser.parse_args(words[:split])
    kernel_argv = words[split + 1 :]
    if not kernel_argv:
        parser.error("no command: give the kernel's after --, with {connection_file} where the file's path belongs")

    def command(connection_file: str) -> List[str]:
        return [word.replace("{connection_file}", connection_file) for word in kernel_argv]

    return run_kernel(launch_from(options), command)


if __name__ == "__main__":
    exit_with("server_listener.py", lambda: main(sys.argv[1:]))

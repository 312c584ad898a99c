"""A kernel as a child process: started, signalled, read, and ended with all that it started.

Three processes live and die together. The *launcher* (this process) is the kernel's parent: it alone learns how the
kernel ended, takes orders while the kernel is busy, and needs no thread and no lock of it. The *kernel* runs in a process
group of its own. The *guard* is a fork of the launcher that waits for the end of a pipe whose other end only the launcher
holds; then it ends the kernel's group, SIGTERM first and SIGKILL five seconds later. So there is one way to end a kernel,
which is to let go of the pipe, and it works as well when the launcher itself is killed, on Linux and on macOS. When the
guard is killed, the launcher ends the kernel in its place.
"""

import os
import signal
import sys
import threading
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

GRACE_SECONDS = 5.0
LAST_OUTPUT_SECONDS = 1.0
KEPT_LOG_BYTES = 65536

_GUARD_IGNORES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGPIPE")
_OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


class KernelExit(NamedTuple):
    """How a kernel ended, as the protocol says it, and the exit code that the launcher passes on."""

    fields: Dict[str, Any]
    code: int


class OutputLog:
    """The end of what a kernel wrote."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept = bytearray()

    def append(self, data: bytes) -> None:
        with self._lock:
            self._kept += data
            if len(self._kept) > 2 * KEPT_LOG_BYTES:
                del self._kept[:-KEPT_LOG_BYTES]

    def tail(self, max_bytes: int) -> str:
        """At most so many bytes of UTF-8, whatever bytes were written."""
        with self._lock:
            kept = bytes(self._kept[-max_bytes:]) if max_bytes > 0 else b""
        # A character that was cut in two, or was none, becomes a longer one: so cut again.
        text = kept.decode("utf-8", "replace").encode()
        return text[max(0, len(text) - max_bytes) :].decode("utf-8", "ignore")


class KernelProcess:
    """A kernel that was started. ``wait`` belongs to the main thread; all else may be called from any."""

    def __init__(self, command: Sequence[str], connection_file: str, ignored: Sequence[signal.Signals] = ()) -> None:
        """Starts the command. The ignored signals stay so until the kernel has a handler of its own for them.

        OSError when the command cannot be started.
        """
        self.log = OutputLog()
        #: Known once the last of the output is: whoever asks then gets all of it.
        self.exit: Optional[KernelExit] = None
        self._gone = False
        self._ended_by: Optional[str] = None
        # Re-entered by handlers of signals that come while the main thread holds it.
        self._lock = threading.RLock()
        self._connection_file = connection_file
        self._oom_kills = _oom_kills()
        # Whoever started us may ignore this; then the kernel's end could not be waited for.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        self.pid = _spawn(command, out_write, err_write, ignored)
        os.close(out_write)
        os.close(err_write)
        self._guard_pid, self._leash = _fork_guard(self.pid, connection_file)
        self._copiers = [self._copy(out_read, sys.__stdout__), self._copy(err_read, sys.__stderr__)]

    def signal(self, signum: int) -> bool:
        """Delivers a signal to the kernel alone. False when it has ended."""
        with self._lock:
            if self._gone:
                return False
            try:
                os.kill(self.pid, signum)
            except ProcessLookupError:
                return False
            return True

    def end(self, reason: str) -> None:
        """Ends the kernel; returns at once. The first reason is the one that is told."""
        with self._lock:
            if not self._gone and self._ended_by is None:
                self._ended_by = reason
            self._let_go()

    def wait(self) -> KernelExit:
        """Waits until the kernel and all that it started have ended; collects other orphans when this is PID 1."""
        guarded = True
        while not self._gone or guarded:
            pid, status = os.wait()
            if pid == self.pid:
                with self._lock:
                    self._gone = True
                    ended = self._describe(status)
                    self._let_go()
                self._read_last_output()
                self.exit = ended
                if not guarded:
                    end_group(self.pid)
            elif pid == self._guard_pid:
                guarded = False
                if not self._gone:
                    self.end("the launcher's guard was killed")
                    threading.Thread(target=end_group, args=(self.pid,), daemon=True).start()
        self._read_last_output()
        _unlink(self._connection_file)
        assert self.exit is not None
        return self.exit

    def _read_last_output(self) -> None:
        # Something that left the kernel's group may hold its output open for ever.
        deadline = time.monotonic() + LAST_OUTPUT_SECONDS
        for copier in self._copiers:
            copier.join(timeout=max(0.0, deadline - time.monotonic()))

    def _let_go(self) -> None:
        if self._leash is not None:
            os.close(self._leash)
            self._leash = None

    def _describe(self, status: int) -> KernelExit:
        fields: Dict[str, Any] = {"reason": "exited" if self._ended_by is None else "killed"}
        if self._ended_by is not None:
            fields["detail"] = self._ended_by
        if not os.WIFSIGNALED(status):
            fields["exit_code"] = os.WEXITSTATUS(status)
            return KernelExit(fields, os.WEXITSTATUS(status))
        number = os.WTERMSIG(status)
        fields["signal"] = _signal_name(number)
        if self._ended_by is None:
            out_of_memory = number == signal.SIGKILL and _oom_kills() > self._oom_kills
            fields["reason"] = "oom" if out_of_memory else "signalled"
        return KernelExit(fields, 128 + number)

    def _copy(self, source: int, target: Any) -> threading.Thread:
        """Passes on what the kernel writes, so that the container's log shows it, and keeps the end of it."""

        def run() -> None:
            sink = target.fileno() if target is not None else -1
            while True:
                data = os.read(source, 65536)
                if not data:
                    break
                self.log.append(data)
                try:
                    while sink >= 0 and data:
                        data = data[os.write(sink, data) :]
                except OSError:
                    sink = -1  # Nobody reads it any more; the kernel must not stand still for that.
            os.close(source)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread


def _spawn(command: Sequence[str], out: int, err: int, ignored: Sequence[signal.Signals]) -> int:
    """A new process group with output to our pipes and no input."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
    try:
        return os.posix_spawnp(
            command[0],
            list(command),
            kernel_environment(os.environ),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, out, 1),
                (os.POSIX_SPAWN_DUP2, err, 2),
            ],
            setpgroup=0,
            # Python ignores these two for itself; a kernel expects the defaults.
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
        )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def kernel_environment(env: Mapping[str, str]) -> Dict[str, str]:
    """Without the launcher's secret, and without the process whose end a kernel would follow: it is not its parent."""
    return {name: value for name, value in env.items() if name not in ("GP_LAUNCHER_V2", "JPY_PARENT_PID")}


def _fork_guard(group: int, connection_file: str) -> "tuple[int, int]":
    """The guard's pid, and the end of the pipe to let go of. To be called while there is one thread."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid != 0:
        os.close(read_end)
        return pid, write_end
    try:
        _guard(read_end, group, connection_file)
    finally:
        os._exit(0)


def _guard(leash: int, group: int, connection_file: str) -> None:
    # A session of its own: signals to the launcher's group or terminal are not for the guard.
    os.setsid()
    for name in _GUARD_IGNORES:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in _open_descriptors():
        if descriptor < 3:
            os.dup2(null, descriptor)
        elif descriptor != leash:
            try:
                os.close(descriptor)
            except OSError:
                pass  # It was the one that the list itself was read through.
    os.read(leash, 1)
    end_group(group)
    _unlink(connection_file)


def _open_descriptors() -> List[int]:
    try:
        return [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        return list(range(256))


def end_group(group: int, grace_seconds: float = GRACE_SECONDS) -> None:
    """SIGTERM to a process group; SIGKILL to what is left of it later."""
    deadline = time.monotonic() + grace_seconds
    try:
        os.killpg(group, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.02)
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # Nobody left; macOS says "not permitted" when only zombies are.


def _oom_kills() -> int:
    """How often the kernel of the operating system killed for memory in this container; 0 when it does not say."""
    for path in _OOM_COUNTERS:
        try:
            with open(path, encoding="ascii") as file:
                counts = dict(line.split() for line in file if line.count(" ") == 1)
            return int(counts.get("oom_kill", 0))
        except (OSError, ValueError):
            continue
    return 0


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "SIG%d" % number


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass

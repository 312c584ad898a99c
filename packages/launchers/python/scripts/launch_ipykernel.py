#!/usr/bin/env python3
"""Starts an IPython kernel for a gateway elsewhere, with Spark or Dask in its namespace when asked.

Run by kernelspecs and kernel images. This process only supervises (see server_listener.py); it runs this file again as the
kernel, so that the kernel is a fresh interpreter that never saw the launch's secrets.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Callable

KERNEL_PROCESS = "--kernel-process"
DEFAULT_KERNEL_CLASS = "ipykernel.ipkernel.IPythonKernel"
PROGRAM = "launch_ipykernel.py"
log_descriptor = 2


# ---- The launcher ----------------------------------------------------------------------------------------------------


def launch(argv: list[str]) -> int:
    """Reads the options and runs the kernel; returns its exit code."""
    import signal

    from launch_options import OneLineParser, add_launch_options, add_option, launch_from, option_value
    from server_listener import run_kernel

    parser = OneLineParser(prog=PROGRAM, description=__doc__.split("\n", 1)[0])
    add_launch_options(parser)
    modes, types = ("lazy", "eager", "none"), ("spark", "dask", "none")
    add_option(parser, "spark-context-initialization-mode", choices=modes, help="default: none")
    add_option(parser, "cluster-type", choices=types, help="what the namespace holds; default: spark")
    add_option(parser, "kernel-class-name", metavar="A.B.C", help="default: " + DEFAULT_KERNEL_CLASS)
    add_option(parser, "transport-encryption", metavar="POLICY", help="auto or required: CurveZMQ")
    parser.add_argument("connection_file", nargs="?", help="ignored; for kernelspecs of old")
    arguments = parser.parse_args(argv)

    mode = option_value(arguments, "spark_context_initialization_mode", "none")
    cluster_type = option_value(arguments, "cluster_type", "spark")
    if mode not in modes or cluster_type not in types:
        parser.error("invalid choice: %s" % (mode if mode not in modes else cluster_type))
    if cluster_type == "spark" and mode == "none":
        cluster_type = "none"
    kernel_class = option_value(arguments, "kernel_class_name", DEFAULT_KERNEL_CLASS)
    early = (signal.SIGINT, signal.SIGUSR2) if cluster_type == "spark" else (signal.SIGINT,)
    to_launch = launch_from(
        arguments,
        curve=wants_curve(option_value(arguments, "transport_encryption")),
        cluster_type=cluster_type,
        ignored_signals=early,
    )

    def command(connection_file: str) -> list[str]:
        # Whatever the interpreter was told (-u, -X …) holds for the kernel too; Python 3.9 does not remember it.
        flags = getattr(sys, "orig_argv", sys.argv)[1 : -len(sys.argv)]
        own = [sys.executable, *flags, os.path.abspath(__file__)]
        return [*own, KERNEL_PROCESS, connection_file, kernel_class, cluster_type, mode]

    return run_kernel(to_launch, command)


def wants_curve(policy: str | None) -> bool:
    """Whether to make CurveZMQ keys. LaunchError when they are required and the kernel could not use them."""
    from gateway_protocol import LaunchError

    word = (policy or "").strip().lower()
    # A placeholder that nobody filled in comes from a gateway that does not know about encryption.
    if word in ("", "disabled") or (word.startswith("{") and word.endswith("}")):
        return False
    if word not in ("auto", "required"):
        warn("--transport-encryption %r is none of auto, required, disabled: going on without" % word[:64])
        return False
    obstacle = curve_obstacle()
    if obstacle is None:
        return True
    if word == "required":
        raise LaunchError("Transport encryption is 'required' but cannot be applied: %s" % obstacle)
    warn("transport encryption cannot be applied, going on without since the policy is 'auto': %s" % obstacle)
    return False


def curve_obstacle() -> str | None:
    """Why the kernel's sockets could not be encrypted."""
    from importlib import metadata

    # By version: with a new jupyter_client an older ipykernel takes the keys and does not use them.
    for package, needed in (("ipykernel", (7, 3)), ("jupyter_client", (8, 9))):
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            return "%s is not installed" % package
        if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < needed:
            return "%s %s is too old, %d.%d is needed" % (package, version, *needed)
    try:
        import zmq
    except ImportError as error:
        return "pyzmq cannot be loaded: %s" % error
    return None if zmq.has("curve") else "libzmq was built without CurveZMQ"


def warn(message: str) -> None:
    """One line for whoever operates this, past the notebook: ipykernel redirects the descriptor 2 once it runs."""
    os.write(log_descriptor, ("%s: %s\n" % (PROGRAM, message)).encode("utf-8", "replace"))


# ---- The kernel ------------------------------------------------------------------------------------------------------


class KernelFailure(Exception):
    """The kernel cannot start; the text says why in one line."""


def run_ipykernel(connection_file: str, kernel_class_name: str, cluster_type: str, mode: str) -> None:
    """Runs an IPython kernel in this process until it is shut down."""
    import signal

    global log_descriptor
    log_descriptor = os.dup(2)
    if cluster_type == "spark":
        # While there is one thread: all others inherit it, so that the one that waits for this signal gets it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    # Where the launcher's files are is not where a notebook's modules are.
    own_folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != own_folder or entry == ""]
    sys.argv[:] = sys.argv[:1]
    try:
        from ipykernel.kernelapp import IPKernelApp
    except ImportError as error:
        raise KernelFailure("ipykernel cannot be loaded by %s: %s" % (sys.executable, error)) from None
    kernel_class = import_class(kernel_class_name)
    # To ipykernel, 1 is a parent that needs no watching, and one that makes it skip its hints for people at a terminal.
    app = IPKernelApp.instance(kernel_class=kernel_class, connection_file=connection_file, parent_handle=1)
    app.initialize([])
    namespace = app.shell.user_ns if app.shell is not None else {}
    if cluster_type == "spark":
        interrupts = SparkInterrupts()
        interrupts.start(getattr(app.shell, "events", None))
        add_spark(namespace, interrupts, wait=mode == "eager")
    elif cluster_type == "dask":
        add_dask(namespace)
    app.start()


def import_class(name: str) -> type:
    import importlib

    module_name, _, class_name = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise KernelFailure("--kernel-class-name %s cannot be loaded: %s" % (name, error)) from None
    if not isinstance(found, type):
        raise KernelFailure("--kernel-class-name %s is not a class" % name)
    return found


def add_dask(namespace: dict[str, Any]) -> None:
    """``cluster``: the Dask cluster on YARN of which this process is a part."""
    try:
        import dask_yarn
    except ImportError as error:
        raise KernelFailure("--cluster-type dask needs the package dask_yarn: %s" % error) from None
    namespace["cluster"] = dask_yarn.YarnCluster.from_current()


def add_spark(namespace: dict[str, Any], interrupts: SparkInterrupts, wait: bool) -> None:
    """``spark``, ``sc`` and ``sql``: placeholders that wait for the session, and later the real ones.

    The session is started at once also when nobody waits for it: in YARN's cluster mode an application that does not
    bring up its context within a minute and a half is ended.
    """
    import importlib.util

    if importlib.util.find_spec("pyspark") is None:
        warn("Spark was asked for, but pyspark is not installed: going on without")
        return
    session = SparkSessionStart(namespace)
    spark = WaitingForSparkSessionToBeInitialized("spark", session)

    def sql(query: str) -> Any:
        """Runs a query in the Spark session, once there is one."""
        return spark.sql(query)

    session.fill({"spark": spark, "sc": WaitingForSparkSessionToBeInitialized("sc", session), "sql": sql})
    interrupts.cancel = session.cancel_jobs
    session.start()
    if wait:
        session.join()


class SparkSessionStart:
    """Starts a Spark session in a thread: in the main one pyspark would take over SIGINT."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        import threading

        self._namespace = namespace
        self._placeholders: dict[str, Any] = {}
        self._real: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._run, name="spark-session", daemon=True)
        self.error: BaseException | None = None

    def fill(self, placeholders: dict[str, Any]) -> None:
        self._placeholders = placeholders
        self._namespace.update(placeholders)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def real(self, name: str) -> Any:
        """Waits for the session. RuntimeError when there is none."""
        self._thread.join()
        if self.error is not None:
            raise RuntimeError("Variable: %s was not initialized properly." % name) from self.error
        return self._real[name]

    def cancel_jobs(self) -> None:
        import time

        first = self._real.get("sc")
        # The user may have stopped the session, or started another one.
        context = getattr(type(first), "_active_spark_context", first)
        for attempts_left in (2, 1, 0) if context is not None else ():
            try:
                return context.cancelAllJobs()
            except Exception as error:  # Of the JVM, whatever it is: the kernel goes on.
                if attempts_left == 0:
                    return warn("Spark's jobs could not be cancelled: %s" % str(error).split("\n", 1)[0])
                # Where a KeyboardInterrupt cuts a call in two, py4j closes the other threads' idle connections too.
                time.sleep(0.05)

    def _run(self) -> None:
        import atexit

        try:
            from pyspark.sql import SparkSession

            spark = SparkSession.builder.getOrCreate()
            atexit.register(spark.stop)
            self._real = {"spark": spark, "sc": spark.sparkContext, "sql": spark.sql}
        except BaseException as error:  # Told to whoever uses a variable, and to the log.
            self.error = error
            warn("the Spark session could not be started: %s" % str(error).split("\n", 1)[0])
            return
        for name, value in self._real.items():
            # The user may have another use for the name by now.
            if self._namespace.get(name) is self._placeholders.get(name):
                self._namespace[name] = value


class SparkInterrupts:
    """What an interrupt is where there may be jobs in a cluster, which do not see a KeyboardInterrupt.

    The launcher sends SIGUSR2 in place of SIGINT. It is blocked in all threads, and one waits for it. With two signals
    that come together, and that any thread may handle, both may go to one that is not the main one, and then nothing
    ends the main thread's wait for its job. The waiting thread sends SIGINT to the main thread itself and has the jobs
    cancelled in another: pyspark gives each thread a connection to the JVM, of which the main thread's is in use by the
    call that is interrupted, and a JVM that does not answer must not stand in the way of the next interrupt.
    """

    #: How long a cell that follows waits until the jobs of the one before are cancelled, so that it keeps its own.
    CANCEL_SECONDS = 10.0

    def __init__(self) -> None:
        import threading

        self.cancel: Callable[[], None] = lambda: None
        self._cancelling = 0
        self._changed = threading.Condition()

    def start(self, events: Any) -> None:
        """To be called in the main thread; ``events`` are those of IPython's shell, if there are any."""
        import signal
        import threading

        # Never called, as the signal is blocked; but macOS drops one that is ignored, as it is at the start, even so.
        signal.signal(signal.SIGUSR2, lambda *_: None)
        threading.Thread(target=self._run, name="interrupts", daemon=True).start()
        if events is not None:
            events.register("pre_execute", self._wait_for_cancelling)

    def _run(self) -> None:
        import signal
        import threading

        main_thread = threading.main_thread().ident
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGUSR2})
        while main_thread is not None:
            signal.sigwait({signal.SIGUSR2})
            # Counted before the main thread is interrupted: its next cell sees it for certain.
            with self._changed:
                self._cancelling += 1
            signal.pthread_kill(main_thread, signal.SIGINT)
            threading.Thread(target=self._cancel, name="spark-job-cancelling", daemon=True).start()

    def _cancel(self) -> None:
        try:
            self.cancel()
        finally:
            with self._changed:
                self._cancelling -= 1
                self._changed.notify_all()

    def _wait_for_cancelling(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._cancelling == 0, self.CANCEL_SECONDS)


class WaitingForSparkSessionToBeInitialized:
    """Stands for a variable of the Spark session until there is one; the name is what a cell with ``sc`` shows."""

    def __init__(self, name: str, session: SparkSessionStart) -> None:
        self._name = name
        self._session = session

    def __getattr__(self, attribute: str) -> Any:
        # What IPython looks for when it shows a value or completes a name must not wait for a cluster.
        if attribute.startswith(("__", "_ipython_", "_repr_")):
            raise AttributeError(attribute)
        return getattr(self._session.real(self._name), attribute)


if __name__ == "__main__":
    if sys.argv[1:2] == [KERNEL_PROCESS]:
        try:
            run_ipykernel(*sys.argv[2:6])
        except KernelFailure as failure:
            warn(str(failure))
            sys.exit(1)
    else:
        from server_listener import exit_with

        exit_with(PROGRAM, lambda: launch(sys.argv[1:]))

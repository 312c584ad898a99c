"""That a kernel's end is known only with all that it wrote, however late the launcher gets to read it.

usage: check_last_output.py SCRIPTS
"""

import pathlib
import sys
import tempfile
import threading
import time

sys.path.insert(0, sys.argv[1])
from kernel_process import KernelProcess, OutputLog  # noqa: E402

append = OutputLog.append


def append_late(log, data):
    time.sleep(0.3)
    append(log, data)


OutputLog.append = append_late


def tell_end():
    while kernel.exit is None:
        time.sleep(0.001)
    print(kernel.exit.code, kernel.log.tail(100), end="", flush=True)


with tempfile.TemporaryDirectory() as folder:
    connection_file = pathlib.Path(folder, "connection.json")
    connection_file.touch()
    kernel = KernelProcess(["sh", "-c", "echo last words >&2; exit 3"], str(connection_file))
    telling = threading.Thread(target=tell_end)
    telling.start()
    kernel.wait()
    telling.join()

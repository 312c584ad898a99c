"""nbclient and papermill through jupyter_server's GatewayKernelManager and GatewayKernelClient."""

import asyncio
import json
import queue
import urllib.request

import nbclient
import nbclient.exceptions
import nbformat
import papermill
import papermill.engines
import papermill.exceptions
import pytest
from jupyter_server.gateway.managers import GatewayKernelManager
from nbformat.v4 import new_code_cell, new_notebook



class PatientKernelManager(GatewayKernelManager):
    """jupyter_client asks after a kernel whose first answer takes longer than a second, as it may on a busy machine, by a
    name that GatewayKernelManager does not override: it would fail for want of a provisioner."""

    async def _async_is_alive(self):
        return await self.is_alive()


MANAGER = f"{__name__}.{PatientKernelManager.__qualname__}"


def notebook(*sources):
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [new_code_cell(source) for source in sources]
    return new_notebook(cells=cells, metadata={"kernelspec": kernelspec})


def run(document, **options):
    client = nbclient.NotebookClient(
        document, kernel_manager_class=MANAGER, kernel_name="python3", timeout=60, **options
    )
    return client.execute()


def kernels(gateway_url):
    with urllib.request.urlopen(f"{gateway_url}/api/kernels", timeout=10) as response:
        return json.load(response)


def test_nbclient_runs_a_notebook(gateway_url):
    document = run(
        notebook(
            "import sys\nprint('out')\nprint('err', file=sys.stderr)",
            "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))\n6 * 7",
        )
    )
    first, second = document.cells
    assert [(o.output_type, o.name, o.text) for o in first.outputs] == [
        ("stream", "stdout", "out\n"),
        ("stream", "stderr", "err\n"),
    ]
    assert [o.output_type for o in second.outputs] == ["display_data", "execute_result"]
    assert second.outputs[0].data["text/html"] == "<b>x</b>"
    assert second.outputs[1].data["text/plain"] == "42"
    assert [cell.execution_count for cell in document.cells] == [1, 2]
    assert kernels(gateway_url) == []


def test_nbclient_reports_a_failing_cell(gateway_url):
    document = notebook("x = 1", "x / 0", "print('never')")
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="ZeroDivisionError"):
        run(document)
    assert document.cells[1].outputs[0].ename == "ZeroDivisionError"
    assert document.cells[2].outputs == []
    assert kernels(gateway_url) == []


def test_nbclient_goes_on_when_errors_are_allowed(gateway_url):
    document = run(notebook("1 / 0", "print('went on')"), allow_errors=True)
    assert document.cells[0].outputs[0].output_type == "error"
    assert document.cells[1].outputs[0].text == "went on\n"
    assert kernels(gateway_url) == []


# No test of nbclient's cell timeout: when one expires nbclient asks its client whether the kernel lives, and jupyter_server's
# client answers that with an assertion about a local process, whatever the gateway does.
def test_nbclient_waits_for_a_cell_that_is_silent_for_seconds():
    document = run(notebook("import time\ntime.sleep(4)\nprint('done')"))
    assert document.cells[0].outputs[0].text == "done\n"


def test_nbclient_keeps_every_line_of_a_long_output():
    document = run(notebook("for i in range(20000): print(i)"))
    text = "".join(output.text for output in document.cells[0].outputs)
    assert text == "".join(f"{i}\n" for i in range(20000))


def test_nbclient_shows_a_large_result():
    document = run(notebook("'x' * 3_000_000"))
    assert len(document.cells[0].outputs[0].data["text/plain"]) == 3_000_002


def test_four_notebooks_at_once(gateway_url):
    async def all_of_them():
        documents = [notebook(f"n = {n}", "print(n)") for n in range(4)]
        clients = [
            nbclient.NotebookClient(document, kernel_manager_class=MANAGER, kernel_name="python3", timeout=60)
            for document in documents
        ]
        return await asyncio.gather(*(client.async_execute() for client in clients))

    documents = asyncio.run(all_of_them())
    assert [document.cells[1].outputs[0].text for document in documents] == ["0\n", "1\n", "2\n", "3\n"]
    assert kernels(gateway_url) == []


async def execute(client, code, on_output=lambda message: None):
    """The reply's content, after the kernel is idle. (execute_interactive needs ZMQ sockets, which there are none of.)"""
    request = client.execute(code)
    reply = None
    idle = False
    while reply is None or not idle:
        if reply is None:
            try:
                message = await client.get_shell_msg(timeout=0.02)
                if message["parent_header"].get("msg_id") == request:
                    reply = message["content"]
            except queue.Empty:
                pass
        try:
            message = await client.get_iopub_msg(timeout=0.02)
        except queue.Empty:
            continue
        if message["parent_header"].get("msg_id") == request:
            on_output(message)
            idle = idle or message["content"].get("execution_state") == "idle"
    return reply


def test_a_kernel_is_restarted_and_interrupted_through_the_manager(gateway_url):
    async def scenario():
        manager = GatewayKernelManager(kernel_name="python3")
        await manager.start_kernel(kernel_name="python3")
        client = manager.client()
        await client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            assert (await execute(client, "x = 1"))["status"] == "ok"
            await manager.restart_kernel()
            assert (await execute(client, "x"))["ename"] == "NameError"

            started = asyncio.Event()

            def on_output(message):
                if message["msg_type"] == "stream":
                    started.set()

            code = "print('busy', flush=True)\nwhile True: pass"
            busy = asyncio.ensure_future(execute(client, code, on_output))
            await asyncio.wait_for(started.wait(), 30)
            await manager.interrupt_kernel()
            assert (await asyncio.wait_for(busy, 30))["ename"] == "KeyboardInterrupt"
            assert (await execute(client, "1"))["status"] == "ok"
        finally:
            client.stop_channels()
            await manager.shutdown_kernel()

    asyncio.run(scenario())
    assert kernels(gateway_url) == []


@pytest.fixture
def papermill_through_the_gateway(monkeypatch):
    """Papermill's default engine with the gateway's kernel manager class."""

    class GatewayEngine(papermill.engines.NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **options):
            return super().execute_managed_notebook(nb_man, kernel_name, kernel_manager_class=MANAGER, **options)

    monkeypatch.setitem(papermill.engines.papermill_engines._engines, "gateway", GatewayEngine)


def test_papermill_runs_a_notebook_with_parameters(tmp_path, gateway_url, papermill_through_the_gateway):
    document = notebook("alpha = 0.1", "print(alpha, ratio)")
    document.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(document, tmp_path / "in.ipynb")
    papermill.execute_notebook(
        tmp_path / "in.ipynb",
        tmp_path / "out.ipynb",
        parameters={"alpha": 0.5, "ratio": "é"},
        engine_name="gateway",
        kernel_name="python3",
        progress_bar=False,
    )
    written = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert written.cells[-1].outputs[0].text == "0.5 é\n"
    assert written.metadata.papermill.exception is None
    assert kernels(gateway_url) == []


def test_papermill_reports_a_failing_cell(tmp_path, gateway_url, papermill_through_the_gateway):
    nbformat.write(notebook("raise ValueError('no')"), tmp_path / "in.ipynb")
    with pytest.raises(papermill.exceptions.PapermillExecutionError, match="no"):
        papermill.execute_notebook(
            tmp_path / "in.ipynb",
            tmp_path / "out.ipynb",
            engine_name="gateway",
            kernel_name="python3",
            progress_bar=False,
        )
    assert kernels(gateway_url) == []


def test_an_unknown_kernel_is_refused_with_its_name(gateway_url):
    async def scenario():
        manager = GatewayKernelManager(kernel_name="no-such-kernel")
        await manager.start_kernel(kernel_name="no-such-kernel")

    with pytest.raises(Exception, match="no-such-kernel"):
        asyncio.run(scenario())
    assert kernels(gateway_url) == []

"""jupyter_kernel_test's protocol tests for ipykernel, every message of them through the gateway."""

import inspect

import jupyter_kernel_test
from jupyter_core.utils import run_sync
from jupyter_server.gateway.managers import GatewayKernelManager


class BlockingGatewayClient:
    """jupyter_server's gateway client is asynchronous; jupyter_kernel_test calls it as if it were not."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        value = getattr(self._client, name)
        return run_sync(value) if inspect.iscoroutinefunction(value) else value


class TestIPyKernel(jupyter_kernel_test.KernelTests):
    kernel_name = "python3"
    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('test', file=sys.stderr)"
    completion_samples = [
        {"text": "zi", "matches": {"zip"}},
        {"text": "impor", "matches": {"import"}},
    ]
    complete_code_samples = ["1", "print('hello, world')", "def f(x):\n  return x*2\n\n\n"]
    incomplete_code_samples = ["print('''hello", "def f(x):\n  x*2"]
    invalid_code_samples = ["import = 7q"]
    code_page_something = "zip?"
    code_generate_error = "raise"
    code_execute_result = [
        {"code": "1+2+3", "result": "6"},
        {"code": "[n*n for n in range(1, 4)]", "result": "[1, 4, 9]"},
    ]
    code_display_data = [
        {"code": "from IPython.display import HTML, display; display(HTML('<b>test</b>'))", "mime": "text/html"},
        {"code": "from IPython.display import Math, display; display(Math('\\\\frac{1}{2}'))", "mime": "text/latex"},
    ]
    code_history_pattern = "1?2*"
    # Without "range": ipykernel calls its own session 0 there and by its number in "tail"; the suite expects one name.
    supported_history_operations = ("tail", "search")
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"

    @classmethod
    def setUpClass(cls):
        cls.km = GatewayKernelManager(kernel_name=cls.kernel_name)
        run_sync(cls.km.start_kernel)(kernel_name=cls.kernel_name)
        client = cls.km.client()
        run_sync(client.start_channels)()
        run_sync(client.wait_for_ready)(timeout=60)
        cls.kc = BlockingGatewayClient(client)

    @classmethod
    def tearDownClass(cls):
        cls.kc.stop_channels()
        run_sync(cls.km.shutdown_kernel)()



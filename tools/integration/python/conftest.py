"""Tests of Python clients against a gateway that asks for no token.

GP_TEST_GATEWAY_URL is where it listens. GP_TEST_RESULTS, when set, is a file to which one JSON line per test is
written, so that the Jest suite that started this run can show each as its own; and at the end a line with what the
clients asked of the gateway, so that it can be compared with what the gateway counted.
"""

import collections
import json
import os

import pytest
import websocket
from jupyter_server.gateway import managers
from jupyter_server.gateway.gateway_client import GatewayClient


@pytest.fixture(scope="session", autouse=True)
def gateway_url():
    """Points jupyter_server's gateway client, a singleton, at the gateway under test."""
    url = os.environ["GP_TEST_GATEWAY_URL"].rstrip("/")
    client = GatewayClient.instance()
    client.url = url
    client.init_connection_args()
    yield url
    GatewayClient.clear_instance()


traffic = collections.Counter()


def count_traffic():
    """Counts at the edge of the client: each HTTP request, each WebSocket and each text message sent through one."""
    request = managers.gateway_request
    connect = managers.websocket.create_connection
    send = websocket.WebSocket.send

    async def counted_request(endpoint, **options):
        traffic["requests " + options.get("method", "GET")] += 1
        return await request(endpoint, **options)

    def counted_connect(*args, **options):
        traffic["websockets"] += 1
        return connect(*args, **options)

    def counted_send(self, payload, opcode=websocket.ABNF.OPCODE_TEXT):
        if opcode == websocket.ABNF.OPCODE_TEXT:
            traffic["messages"] += 1
        return send(self, payload, opcode)

    managers.gateway_request = counted_request
    managers.websocket.create_connection = counted_connect
    websocket.WebSocket.send = counted_send


count_traffic()


def write_result(result):
    path = os.environ.get("GP_TEST_RESULTS")
    if path is not None:
        with open(path, "a", encoding="utf-8") as results:
            results.write(json.dumps(result) + "\n")


def pytest_sessionfinish():
    write_result({"traffic": dict(traffic)})


def pytest_runtest_logreport(report):
    # The call tells the result; set-up and tear-down only when they go wrong, or skip.
    if report.when != "call" and report.outcome == "passed":
        return
    text = report.longreprtext if report.outcome == "failed" else ""
    write_result({"name": report.nodeid.split("::")[-1], "outcome": report.outcome, "text": text})

"""Tests of Python clients against a gateway that asks for no token.

GP_TEST_GATEWAY_URL is where it listens. GP_TEST_RESULTS, when set, is a file to which one JSON line per test is
written, so that the Jest suite that started this run can show each as its own.
"""

import json
import os

import pytest
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


def pytest_runtest_logreport(report):
    path = os.environ.get("GP_TEST_RESULTS")
    # The call tells the result; set-up and tear-down only when they go wrong, or skip.
    if path is None or (report.when != "call" and report.outcome == "passed"):
        return
    result = {
        "name": report.nodeid.split("::")[-1],
        "outcome": report.outcome,
        "text": report.longreprtext if report.outcome == "failed" else str(report.longrepr or ""),
    }
    with open(path, "a", encoding="utf-8") as results:
        results.write(json.dumps(result) + "\n")

"""The ground that the other tests stand on: no network, none of this machine's settings."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80), ("example.com", 80)])
def test_reaching_out_fails_the_test_even_where_errors_are_caught(address):
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    failed = pytest.raises(pytest.fail.Exception, match="wanted to")
    careless = contextlib.suppress(Exception)  # as a library may be
    with socket.socket(family) as outside, failed, careless:
        outside.connect(address)


def test_looking_up_a_name_fails_the_test():
    with pytest.raises(pytest.fail.Exception, match="look up"):
        socket.getaddrinfo("example.com", 443)


def test_loopback_works():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()
        server.accept()[0].close()


def test_the_current_folder_is_empty_and_nobody_elses():
    assert list(Path.cwd().iterdir()) == []
    assert not any(name.startswith("REELKILN") for name in os.environ)


def test_a_child_finds_no_hub():
    code = "from huggingface_hub import constants as c; print(c.HF_HUB_OFFLINE, c.ENDPOINT)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "http://127.0.0.1:9"]

"""A private S3 service for the tests: moto's server on loopback, which speaks the official API."""

from __future__ import annotations

import logging
import os
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

__all__ = ["s3_service"]

_BUCKET = "wheelyard-tests"


@contextmanager
def s3_service() -> Iterator[Callable[[], str]]:
    """Run it, with its address and credentials in the environment as obstore reads them; gives URLs of empty stores."""
    moto = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'moto[server]'")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    settings = {
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": f"not-real-{uuid.uuid4().hex}",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
        "AWS_ALLOW_HTTP": "true",
    }
    kept = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        urllib.request.urlopen(urllib.request.Request(f"{address}/{_BUCKET}", method="PUT")).close()
        yield lambda: f"s3://{_BUCKET}/{uuid.uuid4().hex}"
    finally:
        for name, value in kept.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        server.stop()

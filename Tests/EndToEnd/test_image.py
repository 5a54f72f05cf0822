"""What only the image has: its libraries and its user. scripts/test-image runs this, and all other tests, inside it."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fedgate import Gateway, eventually
from weights import decode, encode

ROOT = os.environ.get("IMAGE_ROOT")
USER = 10001

pytestmark = pytest.mark.skipif(not ROOT, reason="needs an image: scripts/test-image IMAGE")


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_brokers_that_want_tls_and_a_password(start, secure, fresh, mechanism):
    """Debian 12's librdkafka cannot do SCRAM with Kafka 3.8.1 and later; that of the image has to."""
    gateway = start(Gateway, "--config", str(secure(mechanism)), "--aggregator")
    eventually("it is ready", lambda: gateway.get("/readyz").status == 200)
    number, arrays = fresh(), [np.arange(10, dtype=np.float32)]
    for site in "ab":
        gateway.stored(number, site, encode(arrays))
    assert (decode(gateway.result(number))[0][0] == arrays[0]).all()
    assert "gateway-secret" not in gateway.errors() and "does not work" not in gateway.errors()


def test_its_user_needs_nothing_but_its_data(monkeypatch, number):
    assert f"fedgate:x:{USER}:{USER}:" in (Path(ROOT) / "etc" / "passwd").read_text()
    monkeypatch.setenv("IMAGE_USER", f"{USER}:{USER}")
    # pytest's own directories are closed to others.
    directory = Path("/tmp") / f"fedgate-image-{os.getpid()}"
    directory.mkdir()
    data = directory / "data"
    data.mkdir()
    os.chown(data, USER, USER)
    gateway = Gateway(data, "--min-updates", "1")
    try:
        gateway.start()
        assert f"Uid:\t{USER}\t{USER}" in Path(f"/proc/{gateway.process.pid}/status").read_text()
        gateway.stored(number, "a", encode([np.zeros(3)]))
        gateway.result(number)
        assert {path.stat().st_uid for path in data.rglob("*")} == {USER}
        assert gateway.end() == 0
    finally:
        gateway.end()
        subprocess.run(["rm", "-r", directory], check=True)


def test_the_health_check_asks_the_process(start):
    gateway = start(Gateway)
    for url, code in ((f"{gateway.url}/healthz", 0), ("http://127.0.0.1:1/healthz", 1)):
        # The command of docker/Dockerfile.
        done = subprocess.run(
            ["chroot", ROOT, "sh", "-c", "curl -fsS --noproxy '*' -o /dev/null \"$HEALTH_URL\" || exit 1"],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HEALTH_URL": url}, capture_output=True, timeout=60)
        assert done.returncode == code, done

"""Caddy with deploy/Caddyfile, on a free port, with a certificate of its own."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fer.paths import CHECKOUT

NAME = "fer.test"
HTTPS_PORT = 443


@dataclass(frozen=True)
class Proxy:
    """A running Caddy: its port on 127.0.0.1, and the certificate to trust."""

    port: int
    certificate: Path


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for `NAME` and its key, and return both paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@contextmanager
def running_caddy(folder: Path, replicas: Sequence[str], port: int, prefix: Sequence[str] = ()) -> Iterator[Proxy]:
    """Start Caddy in front of addresses such as '127.0.0.1:8501', and end it afterwards.

    Args:
        folder: gets its certificate, log and state.
        replicas: the addresses.
        port: where it listens.
        prefix: words before the command.
    """
    certificate, key = make_certificate(folder)
    variables = {
        **os.environ,
        "FER_DOMAIN": NAME if port == HTTPS_PORT else f"{NAME}:{port}",
        "FER_TLS": f"tls {certificate} {key}",
        "FER_REPLICAS": " ".join(replicas),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    command = [*prefix, "caddy", "run", "--config", str(CHECKOUT / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
    with (folder / "caddy.log").open("wb") as log:
        process = subprocess.Popen(command, env=variables, stdout=log, stderr=subprocess.STDOUT)
        try:
            if not prefix:
                wait_until_open(port, process, folder / "caddy.log")
            yield Proxy(port, certificate)
        finally:
            process.terminate()
            process.wait(20)


def wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until something listens on a port of 127.0.0.1, for as long as a process runs.

    Raises:
        RuntimeError: it ended, with its log.
    """
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"It did not start:\n{log.read_text(errors='replace')}")

"""A Dask scheduler and workers as separate programs with TLS, as people start them on several machines."""

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fer.paths import CHECKOUT
from tests.support.run_folders import wait_until

# Enough for a machine that does much else.
_PATIENCE_SECONDS = 180


def issue(folder: Path, name: str, authority: tuple | None = None) -> tuple:
    """Write NAME.pem and NAME.key, signed by an authority or self-signed, and return both."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority[0].subject if authority else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(authority[1] if authority else key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.key").write_bytes(key.private_bytes(*form))
    return certificate, key


@dataclass(frozen=True)
class Programs:
    """A scheduler that runs.

    Attributes:
        folder: its certificates and 'scheduler.json'.
        address: its address.
        tls: the files of a client.
    """

    folder: Path
    address: str
    tls: dict[str, str]

    @contextmanager
    def worker(self, home: Path, *words: str) -> Iterator[subprocess.Popen]:
        """Start a worker with one thread and a FER_HOME of its own, without a program that watches over it."""
        home.mkdir(exist_ok=True)
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(home), *words)
        with _program(self.folder, "dask_worker", "worker", home, *options) as process:
            yield process


@contextmanager
def scheduler_program(folder: Path) -> Iterator[Programs]:
    """Start a scheduler in a folder, which gets its certificates."""
    authority = issue(folder, "ca")
    for name in ("scheduler", "worker", "client"):
        issue(folder, name, authority)
    where = _where(folder)
    with _program(folder, "dask_scheduler", "scheduler", folder, "--port", "0", "--no-dashboard"):
        wait_until(lambda: where.exists() and where.stat().st_size > 0, _PATIENCE_SECONDS)
        tls = {"ca": "ca.pem", "cert": "client.pem", "key": "client.key"}
        address = json.loads(where.read_text())["address"]
        yield Programs(folder, address, {name: str(folder / file) for name, file in tls.items()})


def _where(folder: Path) -> Path:
    return folder / "scheduler.json"


@contextmanager
def _program(folder: Path, module: str, member: str, home: Path, *words: str) -> Iterator[subprocess.Popen]:
    files = {"ca-file": "ca.pem", "cert": f"{member}.pem", "key": f"{member}.key"}
    tls = [word for option, file in files.items() for word in (f"--tls-{option}", str(folder / file))]
    here = ("--host", "tls://127.0.0.1", "--scheduler-file", str(_where(folder)))
    environment = {"DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]", "FER_HOME": str(home), "PYTHONPATH": str(CHECKOUT)}
    process = subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{module}", *here, *tls, *words],
        env=os.environ | environment,
        cwd=CHECKOUT,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)

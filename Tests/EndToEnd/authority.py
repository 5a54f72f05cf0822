"""An authority that issues certificates for tests, and what it has revoked."""

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


@dataclass
class Issued:
    """A certificate with its key, as files in PEM."""

    certificate: Path
    key: Path
    serial: int


def named(*names):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Authority:
    def __init__(self, directory, name="test authority"):
        self.directory, self.name, self.revoked = directory, named(name), []
        directory.mkdir(parents=True, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.builder(self.name, self.key.public_key(), -DAY, 30 * DAY).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True).add_extension(
            x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True).sign(
            self.key, hashes.SHA256())
        self.file = directory / "authority.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def builder(self, subject, key, begin, end):
        now = datetime.datetime.now(datetime.timezone.utc)
        return x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key).serial_number(
            x509.random_serial_number()).not_valid_before(now + begin).not_valid_after(now + end)

    def issue(self, file, *names, begin=-DAY, end=DAY, purpose=ExtendedKeyUsageOID.CLIENT_AUTH, server=False):
        """A certificate whose common names are `names`; one of a server is for 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self.builder(named(*names), key.public_key(), begin, end).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH if server else purpose]), critical=False)
        if server:
            made = made.add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        made = made.sign(self.key, hashes.SHA256())
        issued = Issued(self.directory / f"{file}.pem", self.directory / f"{file}.key", made.serial_number)
        issued.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        issued.key.write_bytes(pem(key))
        return issued

    def revoke(self, *issued):
        """Writes the list of all that is revoked, and gives its file."""
        self.revoked += issued
        now = datetime.datetime.now(datetime.timezone.utc)
        made = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(now - DAY).next_update(now + DAY)
        for one in self.revoked:
            made = made.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(one.serial).revocation_date(now - DAY).build())
        file = self.directory / "revoked.pem"
        file.write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return file

    def context(self, issued=None):
        """What a client of this authority trusts and shows."""
        context = ssl.create_default_context(cafile=str(self.file))
        if issued:
            context.load_cert_chain(issued.certificate, issued.key)
        return context

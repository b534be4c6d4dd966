"""An embedded broker that is locked: TLS, SCRAM-SHA-512, deny by default.

Only its plaintext listener, which the tests keep to themselves, knows no password: who comes that way is the
administrator.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)

from streams.devkafka import broker as devkafka
from streams.devkafka.config import choose_port
from streams.shell.topic_admin import admin_client
from tests.conftest import TEST_CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MECHANISM = "SCRAM-SHA-512"
LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


@dataclass
class SecuredBroker:
    """The broker's addresses and what a client needs to trust it; its certificate is for `localhost` alone."""

    administration: str  # plaintext, for the tests alone
    address: str  # SASL_SSL
    with_certificates: str  # SSL that asks clients for a certificate
    folder: Path
    ca: trustme.CA

    @property
    def ca_file(self) -> Path:
        """The CA's certificate."""
        return self.folder / "ca.pem"

    def user(self, name: str, password: str) -> dict[str, str]:
        """Make a user; return the environment of a client that is it, with the password in a file."""
        with admin_client(self.administration) as admin:
            said = admin.alter_user_scram_credentials([UserScramCredentialUpsertion(name, MECHANISM, password)])
        assert said == {name: None}
        file = self.folder / f"{name}.password"
        file.write_text(f"{password}\n")
        return {
            "QUOTASTREAM_BOOTSTRAP_SERVERS": self.address,
            "QUOTASTREAM_SECURITY_PROTOCOL": "SASL_SSL",
            "QUOTASTREAM_SASL_USERNAME": name,
            "QUOTASTREAM_SASL_PASSWORD_FILE": str(file),
            "QUOTASTREAM_SSL_CA_FILE": str(self.ca_file),
        }

    def give(self, role: str, user: str, prefix: str) -> None:
        """Give a user the ACLs that deploy/acls.sh gives a role."""
        calls = self.folder / f"{role}.calls"
        tool = self.folder / "kafka-acls.sh"
        tool.write_text(f"{{ printf '%s\\n' \"$@\"; echo; }} >> '{calls}'\n")
        arguments = ["sh", "deploy/acls.sh", role, f"User:{user}", prefix]
        subprocess.run(arguments, cwd=ROOT, check=True, env=os.environ | {"KAFKA_ACLS": f"sh {tool}"})
        wanted = [acl for call in calls.read_text().split("\n\n") if call for acl in asked_for(call.splitlines())]
        with admin_client(self.administration) as admin:
            assert admin.create_acls(wanted)["failed"] == []

    def certificate(self, name: str) -> tuple[Path, Path]:
        """Return the files of a client's certificate and key."""
        made, files = (
            self.ca.issue_cert(f"{name}.example", common_name=name),
            (self.folder / f"{name}.pem", self.folder / f"{name}.key"),
        )
        files[0].write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        made.private_key_pem.write_to_path(files[1])
        return files


@contextmanager
def secured(folder: Path) -> Iterator[SecuredBroker]:
    """Run a locked broker for the length of a with-block."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    server = ca.issue_cert("localhost")
    key = load_pem_private_key(server.private_key_pem.bytes(), None)
    pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # the one form that Kafka reads
    (folder / "server.pem").write_bytes(pkcs8 + b"".join(blob.bytes() for blob in server.cert_chain_pems))
    ports: list[int] = []
    for _ in range(4):
        ports.append(choose_port(ports))
    plain, control, sasl, mutual = ports
    extra = {
        "listeners": f"PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{control},"
        f"SASL_SSL://127.0.0.1:{sasl},MUTUAL://127.0.0.1:{mutual}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://localhost:{sasl},MUTUAL://localhost:{mutual}",
        "controller.quorum.voters": f"1@127.0.0.1:{control}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,MUTUAL:SSL",
        "sasl.enabled.mechanisms": MECHANISM,
        f"listener.name.sasl_ssl.{MECHANISM.lower()}.sasl.jaas.config": LOGIN,
        "listener.name.mutual.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "server.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": "User:ANONYMOUS",
    } | TEST_CONFIG
    with devkafka.session(folder / "kafka", plain, extra_config=extra) as broker:
        addresses = broker.bootstrap_servers, f"localhost:{sasl}", f"localhost:{mutual}"
        yield SecuredBroker(*addresses, folder, ca)


def asked_for(arguments: list[str]) -> list[ACL]:
    """Return what kafka-acls.sh, which isn't among the embedded broker's jars, makes of its arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", action="append", required=True)
    parser.add_argument("--resource-pattern-type", choices=["literal", "prefixed"], default="literal")
    for resource in ("topic", "group", "transactional-id"):
        parser.add_argument(f"--{resource}", action="append", default=[])
    parser.add_argument("--cluster", action="append_const", const="kafka-cluster", default=[])
    given = parser.parse_args(arguments)
    pattern = ACLResourcePatternType[given.resource_pattern_type.upper()]
    operations = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper() for operation in given.operation]
    return [
        ACL(
            given.allow_principal, "*", ACLOperation[operation], ACLPermissionType.ALLOW,
            ResourcePattern(ResourceType[resource.upper()], name, pattern),
        )
        for resource in ("topic", "group", "transactional_id", "cluster")
        for name in getattr(given, resource)
        for operation in operations
    ]  # fmt: skip


def other_ca(folder: Path) -> str:
    """Return the file of a CA that nobody knows."""
    file = folder / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    return str(file)


#: What is set wrongly, where Kafka is looked for then, and what is said of it.
WRONG = {
    "a wrong password": ({"SASL_PASSWORD_FILE": "{wrong}"}, "localhost", "the user the-operator"),
    "a user that isn't there": ({"SASL_USERNAME": "stranger"}, "localhost", "the user stranger"),
    "a wrong CA": ({"SSL_CA_FILE": "{other_ca}"}, "localhost", "is not trusted"),
    "the system's CAs": ({"SSL_CA_FILE": None}, "localhost", "QUOTASTREAM_SSL_CA_FILE"),
    "another host name": ({}, "127.0.0.1", "QUOTASTREAM_SSL_CHECK_HOSTNAME"),
    "plaintext to the TLS port": ({"SECURITY_PROTOCOL": "PLAINTEXT"}, "localhost", "speaks TLS"),
    "SASL without TLS to the TLS port": ({"SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "localhost", "speaks TLS"),
    "TLS without SASL": ({"SECURITY_PROTOCOL": "SSL"}, "localhost", "closes the connection"),
    "a mechanism that isn't offered": ({"SASL_MECHANISM": "PLAIN"}, "localhost", "QUOTASTREAM_SASL_MECHANISM"),
    "TLS to a plaintext port": ({}, "plaintext", "doesn't speak TLS"),
    "no certificate of our own": ({"SECURITY_PROTOCOL": "SSL"}, "mutual", "QUOTASTREAM_SSL_CERT_FILE"),
}

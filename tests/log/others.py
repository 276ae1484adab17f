"""Other people: a timestamp authority, made with OpenSSL, and a witness; each a server on this host."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from consent.log.checkpoint import Trust, check_checkpoint
from consent.log.note import TIMED, Note, SignerKey, decode, format_note, parse_note, sign_note
from consent.log.tree import check_consistency

Answer = tuple[int, bytes]

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[authority]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = ours
[ours]
serial = serial
signer_cert = authority.pem
signer_key = authority.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class Authority:
    """A timestamp authority (RFC 3161) in a folder of its own. ``root`` is its certificate's, PEM."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "config").write_text(_CONFIG.format(name="Root"))
        new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -sha256 -config config"
        self._openssl(f"{new} -extensions root -keyout root.key -out root.pem")
        (folder / "config").write_text(_CONFIG.format(name="Authority"))
        self._openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config config -keyout authority.key -out authority.csr"
        )
        sign = "x509 -req -in authority.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -sha256"
        self._openssl(f"{sign} -extfile config -extensions authority -out authority.pem")
        (folder / "serial").write_text("01\n")
        self.root = (folder / "root.pem").read_text()

    def _openssl(self, arguments: str) -> None:
        subprocess.run(["openssl", *arguments.split()], cwd=self.folder, check=True, capture_output=True)

    def answer(self, _path: str, question: bytes) -> Answer:
        (self.folder / "question").write_bytes(question)
        self._openssl("ts -reply -config config -section ours -queryfile question -out answer")
        return 200, (self.folder / "answer").read_bytes()

    def verifies(self, note: str, token: bytes) -> bool:
        """Whether OpenSSL takes a token for one over a note."""
        (self.folder / "note").write_bytes(note.encode())
        (self.folder / "token").write_bytes(token)
        command = "openssl ts -verify -data note -in token -CAfile root.pem -untrusted authority.pem"
        return subprocess.run(command.split(), cwd=self.folder, capture_output=True, check=False).returncode == 0


class Witness:
    """A witness as c2sp.org/tlog-witness has it: it signs what goes on from what it has seen."""

    def __init__(self, trust: Trust, *, name: str = "witness.example", seed: bytes = bytes(32), time: int = 1_795_000_900) -> None:  # fmt: skip
        self.key = SignerKey(name, TIMED, seed)
        self._trust = trust
        self._time = time
        self.size, self.root = 0, b""
        self.asked: list[str] = []

    def answer(self, path: str, question: bytes) -> Answer:
        assert path == "/add-checkpoint"
        self.asked.append(question.decode())
        head, _, raw = question.decode().partition("\n\n")
        first, *lines = head.split("\n")
        old, proof = int(first.removeprefix("old ")), [*map(decode, lines)]
        checkpoint, _ = check_checkpoint(raw, self._trust)
        if old != self.size:
            return 409, b"%d\n" % self.size
        if old and not check_consistency(old, checkpoint.size, proof, self.root, checkpoint.root):
            return 422, b""
        self.size, self.root = checkpoint.size, checkpoint.root
        text = parse_note(raw).text
        signed = format_note(Note(text, (sign_note(text, self.key, self._time),)))
        stranger = format_note(Note(text, (sign_note(text, SignerKey("stranger", TIMED, bytes(32)), 1),)))
        return 200, (stranger.removeprefix(f"{text}\n") + signed.removeprefix(f"{text}\n")).encode()


@contextmanager
def serving(answer: Callable[[str, bytes], Answer]) -> Iterator[str]:
    """The URL of a server that answers posts so."""

    class Posts(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answer(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None: ...  # noqa: A002

    server = ThreadingHTTPServer(("127.0.0.1", 0), Posts)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

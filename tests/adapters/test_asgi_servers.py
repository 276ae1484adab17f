"""Under real servers: what streams, waits, breaks off and passes by does so on the wire."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from h2.connection import H2Connection
from h2.events import DataReceived, InformationalResponseReceived, StreamEnded, TrailersReceived
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

from servers import PATIENCE, ROOT, free_port, python, running, wait_until

TRACKER = b'<script src="https://www.google-analytics.com/analytics.js"></script>'
HELD = b'data-consent-src="https://www.google-analytics.com/analytics.js"'
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
COMMANDS = {
    "uvicorn": ("-m", "uvicorn", "--port", "{port}", "asgi_site:app"),
    "hypercorn": ("-m", "hypercorn", "--bind", "127.0.0.1:{port}", "asgi_site:app"),
    "granian": ("-m", "granian", "--interface", "asgi", "--port", "{port}", "asgi_site:app"),
}


@dataclass(frozen=True)
class Server:
    name: str
    url: str
    folder: Path

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def get(self, path: str, **headers: str) -> bytes:
        with self.asking("GET", path, headers=headers) as response:
            return response.read()

    def counts(self) -> tuple[int, int, int]:
        """Pieces of endless pages that were sent, visitors of them who left, records that came to the log."""
        sent, left, waiting = self.get("/counts").split()
        return int(sent), int(left), int(waiting)

    @contextmanager
    def asking(
        self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None
    ) -> Iterator[HTTPResponse]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body or None, headers or {})
            with connection.getresponse() as response:
                yield response


@contextmanager
def serving(name: str, folder: Path) -> Iterator[Server]:
    file = folder / "page.html"
    file.write_bytes(b"<!doctype html><html><body>" + TRACKER + b"<p>" + b"long " * 40_000)
    port = free_port()
    environ = {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests/adapters")]),
        "FILE": str(file),
        "ENDED": str(folder / "ended"),
    }
    command = python(*(part.format(port=port) for part in COMMANDS[name]))
    with running(command, folder, url=f"http://127.0.0.1:{port}", environ=environ) as url:
        yield Server(name, url, folder)


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    name: str = request.param
    folder = tmp_path_factory.mktemp(name)
    with serving(name, folder) as running_server:
        yield running_server
    assert (folder / "ended").read_text() == "ended", "its lifespan was not ended"


def test_a_pages_first_half_arrives_before_its_second_is_made(server: Server) -> None:
    with server.asking("GET", "/page") as response:
        first = b""
        while b"<p>first</p>" not in first:
            first += response.read1()
        assert b'id="yc"' in first
        server.get("/go")
        rest = response.read()
    assert HELD in rest
    assert TRACKER not in first + rest
    assert (first + rest).endswith(b"</body></html>")


@pytest.mark.parametrize("query", ["page", "data"])
def test_what_is_sent_piece_by_piece_comes_back_piece_by_piece(server: Server, query: str) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.port), PATIENCE)) as line:
        head = f"POST /echo?{query} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        line.sendall(head.encode())
        heard = b""
        for number in range(3):
            piece = b"<p>%d</p>%b" % (number, TRACKER)
            line.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            while b"<p>%d</p>" % number not in heard:
                heard += line.recv(65536)
        line.sendall(b"0\r\n\r\n")
        while not heard.endswith(b"0\r\n\r\n"):
            heard += line.recv(65536)
    assert heard.count(HELD) == (3 if query == "page" else 0)
    assert heard.count(TRACKER) == (0 if query == "page" else 3)


def test_who_reads_slowly_is_waited_for_and_who_leaves_is_noticed(server: Server) -> None:
    _, left, _ = server.counts()
    with closing(socket.socket()) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(PATIENCE)
        line.connect(("127.0.0.1", server.port))
        line.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert line.recv(1024)
        before = -1
        while (now := server.counts()[0]) != before:
            before = now
            time.sleep(0.5)
        assert now * 65_000 < 64 * 2**20, "the server keeps what nobody reads"
        assert server.counts()[1] == left
    wait_until(lambda: server.counts()[1] > left, "the site to notice that its visitor left")


def test_others_are_answered_while_a_decision_waits_for_the_log(server: Server) -> None:
    cookies: list[str] = []

    def decide() -> None:
        with server.asking("POST", "/_consent/decision", "action=accept", FORM) as response:
            assert response.status == 303
            cookies.append(response.headers["Set-Cookie"].partition(";")[0])

    deciding = Thread(target=decide)
    deciding.start()
    wait_until(lambda: server.counts()[2] == 1, "the record to come to the log")
    assert cookies == []
    server.get("/keep")
    deciding.join(PATIENCE)
    [cookie] = cookies
    assert TRACKER in server.get("/file?page", Cookie=cookie)
    if server.name != "uvicorn":  # HTTP/2 splits cookies
        told = body_of(over_http_2(server, "/told", ("cookie", "theme=dark"), ("cookie", cookie)))
        assert told.endswith(b"; accepted")


def test_the_lifespans_state_is_there_beside_the_visitor(server: Server) -> None:
    state, extensions, status = server.get("/told").decode().split("; ")
    assert (state, status) == ("a pool", "undecided")
    assert "http.response.zerocopysend" not in extensions


@pytest.mark.parametrize("query", ["page", "data"])
def test_a_file_is_gated_if_it_is_a_page_whoever_reads_it(server: Server, query: str) -> None:
    body = server.get(f"/file?{query}")
    assert (TRACKER in body) == (query == "data")
    assert b"long " * 40_000 in body
    if server.name == "granian":
        assert "http.response.pathsend" in server.get("/told").decode(), "the server sends files itself"


def test_a_websocket_passes_untouched(server: Server) -> None:
    client = WSConnection(ConnectionType.CLIENT)
    heard: list[object] = []
    with closing(socket.create_connection(("127.0.0.1", server.port), PATIENCE)) as line:

        def hear(kind: type) -> None:
            while not any(isinstance(each, kind) for each in heard):
                client.receive_data(line.recv(65536) or None)
                heard.extend(client.events())

        line.sendall(client.send(Request(host="localhost", target="/socket")))
        hear(AcceptConnection)
        line.sendall(client.send(TextMessage(data=TRACKER.decode())))
        hear(TextMessage)
        line.sendall(client.send(CloseConnection(code=1000)))
    [message] = [each for each in heard if isinstance(each, TextMessage)]
    assert message.data == TRACKER.decode()


def over_http_2(server: Server, path: str, *headers: tuple[str, str]) -> dict[type, list[Any]]:
    """What a server sends over HTTP/2 to who knows that it speaks that, as events by their kind."""
    client = H2Connection()
    client.initiate_connection()
    asked = [(":method", "GET"), (":path", path), (":authority", "localhost"), (":scheme", "http"), *headers]
    client.send_headers(1, asked, end_stream=True)
    heard: dict[type, list[Any]] = {}
    with closing(socket.create_connection(("127.0.0.1", server.port), PATIENCE)) as line:
        while StreamEnded not in heard:
            line.sendall(client.data_to_send())
            for event in client.receive_data(line.recv(65536)):
                heard.setdefault(type(event), []).append(event)
                if isinstance(event, DataReceived):
                    client.acknowledge_received_data(event.flow_controlled_length, 1)
    return heard


def body_of(heard: dict[type, list[Any]]) -> bytes:
    return b"".join(event.data for event in heard[DataReceived])


@pytest.fixture
def extensions(server: Server) -> str:
    """What a server offers over HTTP/2."""
    if server.name == "uvicorn":
        pytest.skip("it speaks no HTTP/2 without TLS")
    return body_of(over_http_2(server, "/told")).decode()


def test_trailers_follow_a_gated_page(server: Server, extensions: str) -> None:
    heard = over_http_2(server, "/trailers", ("te", "trailers"))
    body = body_of(heard)
    assert HELD in body
    assert TRACKER not in body
    if "http.response.trailers" in extensions:
        [trailers] = heard[TrailersReceived]
        assert (b"server-timing", b"db;dur=2") in trailers.headers


def test_hints_before_a_response_are_gated(server: Server, extensions: str) -> None:
    if "http.response.early_hint" not in extensions:
        pytest.skip("it sends no hints")
    [hints] = over_http_2(server, "/hints")[InformationalResponseReceived]
    assert [value for name, value in hints.headers if name == b"link"] == [b"</own.css>; rel=preload; as=style"]


def test_head_has_no_body_and_the_connection_goes_on(server: Server) -> None:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:
        for method in ("HEAD", "GET", "HEAD", "GET"):
            connection.request(method, "/file?page")
            with connection.getresponse() as response:
                body = response.read()
                assert response.status == 200
                assert (HELD in body) == (method == "GET")

"""A picture's address comes from a webhook: what it may make the worker connect to, read and wait for."""

import contextlib
import gzip
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.attentive import addresses
from bridge.attentive.addresses import Place
from bridge.attentive.fetching import Fetcher
from bridge.reasons import Reason

LIMIT = 499_999
PUBLIC = "93.184.216.34"
PICTURE = b"\x89PNG and so on"

_connected: list[str] = []
_is_watching = threading.Event()


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and _is_watching.is_set():
        _connected.append(str(arguments[1]))


# Python tells of every connection before it is made, whoever makes it; a hook cannot be taken back.
sys.addaudithook(_note)


@pytest.fixture
def connected() -> Iterator[list[str]]:
    """Every address that was connected to, by anyone."""
    _connected.clear()
    _is_watching.set()
    yield _connected
    _is_watching.clear()


class Names:
    """The one seam: what the name server says. Each name's answers in turn, the last one for ever."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(answer) for name, answer in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        if host not in self._answers:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        answers = self._answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def fetch(url: str, names: Names | None = None, *, is_live: bool = True, seconds: float = 5.0) -> bytes | Reason:
    return Fetcher(is_live=is_live, resolve=names or Names(), seconds=seconds).fetch(url, at_most=LIMIT)


def code_of(got: bytes | Reason) -> str:
    assert isinstance(got, Reason), got[:50]
    return got.code


# --- addresses ---------------------------------------------------------------------------------------------------

FOLLOWED = [
    ("https://cdn.example/a.png", "cdn.example", "/a.png"),
    ("HTTPS://CDN.Example/a.png", "cdn.example", "/a.png"),
    ("https://cdn.example:443/a.png?v=1&w=2#top", "cdn.example", "/a.png?v=1&w=2"),
    ("https://cdn.example.:443/", "cdn.example", "/"),
    ("https://cdn.example", "cdn.example", "/"),
    ("https://my_bucket.s3.example/@x/a:b.png", "my_bucket.s3.example", "/@x/a:b.png"),
    ("https://bücher.example/straße.png", "xn--bcher-kva.example", "/stra%C3%9Fe.png"),
    ("https://1password.example4/a.png", "1password.example4", "/a.png"),
    (f"https://{PUBLIC}/a.png", PUBLIC, "/a.png"),
    ("https://[2606:2800:220:1:248:1893:25c8:1946]/a.png", "2606:2800:220:1:248:1893:25c8:1946", "/a.png"),
]


@pytest.mark.parametrize(("url", "host", "target"), FOLLOWED)
def test_an_https_address_is_read(url: str, host: str, target: str) -> None:
    assert addresses.read(url, is_live=True) == Place(scheme="https", host=host, port=443, target=target)


NOT_FOLLOWED = [
    "",
    "a.png",
    "cdn.example/a.png",
    "//cdn.example/a.png",
    "http://cdn.example/a.png",
    "ftp://cdn.example/a.png",
    "file:///etc/passwd",
    "file://cdn.example/etc/passwd",
    "data:image/png;base64,AAAA",
    "gopher://cdn.example:70/_x",
    "https:cdn.example/a.png",
    "https://",
    "https:///a.png",
    "https://?a.png",
    "https://.../a.png",
    # other ports
    "https://cdn.example:80/a.png",
    "https://cdn.example:22/a.png",
    "https://cdn.example:8443/a.png",
    "https://cdn.example:0/a.png",
    "https://cdn.example:99999/a.png",
    "https://cdn.example:4_43/a.png",
    # credentials, and what looks like a host before them
    "https://cdn.example@evil.example/a.png",
    "https://user:word@cdn.example/a.png",
    "https://@cdn.example/a.png",
    "https://cdn.example%40evil.example/a.png",
    "https://cdn.example\\@evil.example/a.png",
    "https://cdn.example\\.evil.example/a.png",
    # what ends a line, or is no character of an address
    "https://cdn.example/a.png\r\nHost: evil.example",
    "https://cdn.example/\na.png",
    "https://cdn.exa\tmple/a.png",
    "https://cdn.example/a b.png",
    "https://cdn.example/\x00a.png",
    "https://cdn.example/a.png\u2028",
    " https://cdn.example/a.png",
    "https://cdn.example%0d%0aHost:%20evil/a.png",
    "https://cdn.example%00.evil.example/a.png",
    # names that are none
    "https://cdn..example/a.png",
    "https://cdn.example../a.png",
    f"https://{'a.' * 127}example/a.png",
    "https://\u24dbocalhost/a.png",
    "https://\uff11\uff12\uff17.0.0.1/a.png",
    "https://127\u30020\u30020\u30021/a.png",
    # addresses in forms that each system reads in its own way
    "https://2130706433/a.png",
    "https://017700000001/a.png",
    "https://0x7f000001/a.png",
    "https://0x7F.0.0.1/a.png",
    "https://127.1/a.png",
    "https://127.0.1/a.png",
    "https://0177.0.0.1/a.png",
    "https://127.0.0.01/a.png",
    "https://127.0.0.1.5/a.png",
    "https://256.0.0.1/a.png",
    "https://cdn.example.0x/a.png",
    "https://0/a.png",
    "https://[fe80::1%25eth0]/a.png",
    "https://[::1/a.png",
    "https://[cdn.example]/a.png",
    "https://[127.0.0.1]/a.png",
]


@pytest.mark.parametrize("url", NOT_FOLLOWED)
def test_any_other_address_is_refused_without_asking_anybody(url: str, connected: list[str]) -> None:
    names = Names(cdn_example=[[PUBLIC]], evil_example=[[PUBLIC]])
    assert code_of(fetch(url, names)) == "media_address_refused"
    assert (names.asked, connected) == ([], [])


_ODD = st.text(st.sampled_from("https:/@\\[]%?#.:0aAx١ⓛ。\u3002\u200b\r\n\t ") | st.characters(), max_size=30)


@given(
    _ODD | _ODD.map("https://{}".format) | _ODD.map("https://cdn.example{}".format) | _ODD.map("https://[{}]/".format)
)
def test_whatever_is_given_as_an_address_is_a_place_of_plain_characters_or_refused(url: str) -> None:
    place = addresses.read(url, is_live=True)
    if isinstance(place, Place):
        assert (place.scheme, place.port) == ("https", 443)
        assert re.fullmatch(r"[a-z0-9_.:-]+", place.host)
        assert re.fullmatch(r"[!-~]+", place.target)
    else:
        assert place.code == "media_address_refused"


# One of each line of IANA's registries of special addresses, and of what leads to an IPv4 address:
# https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
INSIDE = [
    "0.0.0.0",  # noqa: S104 - nothing is bound to it
    "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:169.254.169.254", f"::ffff:{PUBLIC}", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::169.254.169.254", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "64:ff9b:1::5db8:d822",
    "100::1", "100:0:0:1::1", "2001::1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:2::1", "2001:10::1",
    "2001:db8::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "2002:5db8:d822::1", "3fff::1", "5f00::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "ff0e::1", "4000::1",
]  # fmt: skip
OUTSIDE = [
    PUBLIC, "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "198.17.255.255", "198.20.0.0",
    "223.255.255.255", "2606:2800:220:1:248:1893:25c8:1946", "2a00:1450:4001:81b::2004", "2400::1",
    f"64:ff9b::{PUBLIC}",
]  # fmt: skip


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_machine_of_the_internet_is_public(address: str) -> None:
    assert addresses.is_public(ip_address(address))


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_a_network_is_refused_without_connecting_to_anything(
    address: str, connected: list[str]
) -> None:
    host = f"[{address}]" if ":" in address else address
    assert code_of(fetch(f"https://{host}/a.png")) == "media_address_refused"
    for found in ([address], [PUBLIC, address], [address, PUBLIC]):
        assert code_of(fetch("https://cdn.example/a.png", Names(cdn_example=[found]))) == "media_address_refused"
    assert connected == []


@pytest.mark.parametrize("host", ["localhost", "localhost.", "LOCALHOST", "ip6-localhost"])
def test_this_machine_by_its_names_is_refused_by_what_the_system_says(host: str, connected: list[str]) -> None:
    got = Fetcher(is_live=True).fetch(f"https://{host}/a.png", at_most=LIMIT)
    # A system that does not know the name has not connected either.
    assert code_of(got) == "media_address_refused" or (host.startswith("ip6") and code_of(got) == "media_unreachable")
    assert [to for to in connected if "127.0.0" in to or "::1" in to] == []


def test_towards_a_sandbox_http_and_this_machine_are_allowed_and_nothing_else() -> None:
    for url, found, may in [
        ("http://cdn.example/a.png", [PUBLIC], True),
        ("https://cdn.example/a.png", [PUBLIC], True),
        ("http://127.0.0.1:8000/a.png", ["127.0.0.1"], True),
        ("https://shop.example:8443/a.png", ["127.0.0.1", "::1"], True),
        ("http://cdn.example/a.png", [PUBLIC, "127.0.0.1"], True),
        ("http://cdn.example:8000/a.png", [PUBLIC], False),
        ("http://cdn.example:8000/a.png", [PUBLIC, "127.0.0.1"], False),
        ("http://10.0.0.1/a.png", ["10.0.0.1"], False),
        ("http://169.254.169.254/latest", ["169.254.169.254"], False),
    ]:
        place = addresses.read(url, is_live=False)
        assert isinstance(place, Place)
        assert (addresses.refusal(place, found, is_live=False) is None) == may, url
    for url in ("ftp://127.0.0.1/a.png", "file:///a.png", "http://a@127.0.0.1/", "http://2130706433/"):
        assert isinstance(addresses.read(url, is_live=False), Reason), url


# --- what servers do ---------------------------------------------------------------------------------------------


# A hundred megabytes, packed once: it is what the time to read this file goes into.
_BOMB = gzip.compress(b"\0" * 100_000_000)


def _sized(size: int, *headers: str, told: int | None = None) -> bytes:
    head = [f"Content-Length: {size if told is None else told}", *headers]
    return "\r\n".join(["HTTP/1.1 200 OK", *head, "", ""]).encode() + b"x" * size


def _encoded(content: bytes, encoding: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


ANSWERS = {
    "/a.png": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + PICTURE,
    "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n5\r\n, two\r\n0\r\n\r\n",
    "/499999": _sized(499_999),
    "/499999-untold": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 499_999,
    "/gzip": _encoded(gzip.compress(b"x" * 499_999), "gzip"),
    "/shorter-than-told": _sized(10, told=4),
    "/500000": _sized(500_000),
    "/500000-untold": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500_000,
    "/endless-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"800\r\n%b\r\n" % (b"x" * 2048) * 300,
    "/told-too-large": _sized(10, told=500_000),
    "/told-huge": _sized(10, told=10**30),
    "/gzip-bomb": _encoded(_BOMB, "gzip"),
    "/gzip-bomb-twice": _encoded(gzip.compress(_BOMB), "gzip, gzip"),
    "/deflate-bomb-untold": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + _BOMB,
    "/404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "/500": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    "/204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/206": b"HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc",
    "/304": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "/302-to-nowhere": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "/closed": b"",
    "/half-a-header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "/no-http": b"SSH-2.0-OpenSSH\r\n\r\n",
    "/longer-than-told": _sized(4, told=10),
    "/two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "/half-a-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
    "/broken-gzip": _encoded(b"no gzip", "gzip"),
    "/many-headers": b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1000 + b"\r\n",
    "/long-header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
}  # fmt: skip


class Host(ThreadingHTTPServer):
    """A server on this machine that answers as its paths say. `/to/<URL>` redirects there, `/loop` to itself."""

    daemon_threads = True

    def __init__(self, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.connections, self.heads, self.is_closing = 0, list[str](), threading.Event()
        super().__init__((address, 0), _Handler)
        self._tls = tls
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def at(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def get_request(self) -> tuple[socket.socket, object]:
        accepted, peer = super().get_request()
        self.connections += 1
        if self._tls:
            accepted = self._tls.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        return accepted, peer

    def handle_error(self, *_: object) -> None:
        """Not a word about a client that has had enough."""

    def close(self) -> None:
        self.is_closing.set()
        self.shutdown()
        self._thread.join(10)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        self.server.heads.append(f"{self.requestline}\n{self.headers}")
        with contextlib.suppress(OSError):
            self._answer()

    def _answer(self) -> None:
        if self.path.startswith("/to/"):
            self._redirect(unquote(self.path[4:]))
        elif self.path.startswith("/loop"):
            self._redirect("/loop")
        elif self.path == "/drip":
            self._drip(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000)
        elif self.path == "/drip-headers":
            self._drip(b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 50)
        elif self.path == "/continue":
            self._drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 500)
        elif self.path == "/silence":
            self.server.is_closing.wait(10)
        else:
            self.wfile.write(ANSWERS[self.path])

    def _redirect(self, to: str) -> None:
        self.wfile.write(f"HTTP/1.1 302 Found\r\nSet-Cookie: a=b\r\nLocation: {to}\r\n\r\n".encode())

    def _drip(self, answer: bytes) -> None:
        for byte in answer:
            self.wfile.write(bytes([byte]))
            if self.server.is_closing.wait(0.05):
                return

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., Host]]:
    hosts: list[Host] = []

    def start(address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Host:
        hosts.append(Host(address, tls))
        return hosts[-1]

    yield start
    for host in hosts:
        host.close()


@pytest.fixture
def host(serve: Callable[..., Host]) -> Host:
    return serve()


GOT = {
    "/a.png": PICTURE,
    "/chunked": b"first, two",
    "/499999": b"x" * 499_999,
    "/499999-untold": b"x" * 499_999,
    "/gzip": b"x" * 499_999,
    "/shorter-than-told": b"xxxx",
}
TOO_LARGE = [
    "/500000",
    "/500000-untold",
    "/endless-chunks",
    "/told-too-large",
    "/told-huge",
    "/gzip-bomb",
    "/gzip-bomb-twice",
    "/deflate-bomb-untold",
]


@pytest.mark.parametrize("path", GOT)
def test_what_a_server_gives_is_had_whatever_it_calls_it(host: Host, path: str) -> None:
    assert fetch(f"http://{host.at}{path}", is_live=False) == GOT[path]


@pytest.mark.parametrize("path", TOO_LARGE)
def test_no_more_is_read_than_was_asked_for(host: Host, path: str) -> None:
    assert fetch(f"http://{host.at}{path}", is_live=False) == Reason(code="media_too_large")


@pytest.mark.parametrize("path", sorted(ANSWERS.keys() - GOT.keys() - {*TOO_LARGE}))
def test_what_is_no_whole_answer_is_unreachable(host: Host, path: str) -> None:
    assert code_of(fetch(f"http://{host.at}{path}", is_live=False)) == "media_unreachable"
    assert host.connections == 1


@pytest.mark.parametrize("path", ["/drip", "/drip-headers", "/continue", "/silence"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_is_waited_for_so_long_and_no_longer(
    serve: Callable[..., Host], tls: ssl.SSLContext, scheme: str, path: str
) -> None:
    host, start = serve(tls=tls if scheme == "https" else None), time.monotonic()
    got = fetch(f"{scheme}://{host.at}{path}", is_live=False, seconds=0.6)
    assert got == Reason(code="media_unreachable", detail="127.0.0.1: no answer within 0.6 seconds.")
    assert time.monotonic() - start < 1.5


def test_a_server_that_says_nothing_in_the_tls_handshake_is_not_waited_for_longer(
    connected: list[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        got = fetch(f"https://127.0.0.1:{silent.getsockname()[1]}/", is_live=False, seconds=0.6)
    assert got == Reason(code="media_unreachable", detail="127.0.0.1: no answer within 0.6 seconds.")
    assert time.monotonic() - start < 1.5


def test_the_address_is_never_logged(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    for path in ("/many-headers", "/half-a-header", "/404", "/a.png"):
        fetch(f"http://{host.at}{path}", is_live=False)
    assert caplog.messages == []


def test_a_name_server_that_says_nothing_is_not_waited_for_longer(connected: list[str]) -> None:
    release, start = threading.Event(), time.monotonic()

    def resolve(_: str) -> Sequence[str]:
        release.wait(10)
        return [PUBLIC]

    got = Fetcher(is_live=True, resolve=resolve, seconds=0.3).fetch("https://cdn.example/", at_most=LIMIT)
    release.set()
    assert got == Reason(code="media_unreachable", detail="cdn.example: no answer within 0.3 seconds.")
    assert time.monotonic() - start < 1.0
    assert connected == []


def test_an_unknown_name_and_a_closed_port_are_unreachable(host: Host) -> None:
    got = fetch("https://cdn.example/a.png?token=secret")
    assert got == Reason(code="media_unreachable", detail="cdn.example: the name was not found.")
    host.close()
    assert code_of(fetch(f"http://{host.at}/a.png", is_live=False)) == "media_unreachable"


def test_the_next_address_of_a_name_is_tried_when_the_first_does_not_answer(host: Host) -> None:
    names = Names(shop_example=[["::1", "127.0.0.1"]])
    assert fetch(f"http://shop.example:{host.server_port}/a.png", names, is_live=False) == PICTURE


def test_nothing_of_the_environment_and_of_an_earlier_answer_goes_along(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert fetch(f"http://{host.at}/to//a.png", is_live=False) == PICTURE
    assert [head.splitlines()[0] for head in host.heads] == ["GET /to//a.png HTTP/1.1", "GET /a.png HTTP/1.1"]
    for head in host.heads:
        names = [line.partition(":")[0] for line in head.splitlines()[1:] if line]
        assert sorted(names) == ["Accept", "Accept-Encoding", "Host", "User-Agent"]


# --- names and redirects -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for cdn.example and 127.0.0.1, made by openssl, and its key."""
    file = tmp_path_factory.mktemp("tls") / "cdn.pem"
    subject = ["-subj", "/CN=cdn.example", "-addext", "subjectAltName=DNS:cdn.example,IP:127.0.0.1"]
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run(
        ["openssl", "req", "-x509", *made, *subject, "-keyout", f"{file}.key", "-out", file],
        check=True,
        capture_output=True,
    )
    return file


@pytest.fixture
def tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server with the certificate secures with; clients trust it."""
    monkeypatch.setattr("certifi.where", lambda: str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    return context


def test_a_certificate_must_be_for_the_name_and_from_somebody_we_trust(
    serve: Callable[..., Host], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, asked_for = serve(tls=tls), []
    tls.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    names = Names(cdn_example=[["127.0.0.1"]], evil_example=[["127.0.0.1"]])
    assert fetch(f"https://cdn.example:{host.server_port}/a.png", names, is_live=False) == PICTURE
    assert f"Host: cdn.example:{host.server_port}" in host.heads[0]
    assert fetch(f"https://{host.at}/a.png", is_live=False) == PICTURE
    got = fetch(f"https://evil.example:{host.server_port}/a.png", names, is_live=False)
    assert got == Reason(code="media_unreachable", detail="evil.example: no secure connection (TLS).")
    monkeypatch.undo()
    assert code_of(fetch(f"https://cdn.example:{host.server_port}/a.png", names, is_live=False)) == "media_unreachable"
    assert asked_for == ["cdn.example", None, "evil.example", "cdn.example"]
    assert len(host.heads) == 2


def test_what_was_judged_is_connected_to_though_the_name_says_something_else_by_then(
    serve: Callable[..., Host], connected: list[str]
) -> None:
    host = serve()
    # The second answer would be the metadata server of a cloud.
    names = Names(cdn_example=[["127.0.0.1"], ["169.254.169.254"]])
    assert fetch(f"http://cdn.example:{host.server_port}/a.png", names, is_live=False) == PICTURE
    assert names.asked == ["cdn.example"]
    assert connected == [str(("127.0.0.1", host.server_port))]
    # And a redirect to the same name is judged by what it says then.
    again = Names(cdn_example=[["127.0.0.1"], ["169.254.169.254"]])
    got = fetch(f"http://cdn.example:{host.server_port}/to//a.png", again, is_live=False)
    assert (code_of(got), again.asked) == ("media_address_refused", ["cdn.example"] * 2)
    assert connected == [str(("127.0.0.1", host.server_port))] * 2


@pytest.fixture
def internet(serve: Callable[..., Host], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A server that stands for the internet: 127.0.0.1 counts as public here, and its port as 443."""
    host, is_public = serve(tls=tls), addresses.is_public
    monkeypatch.setitem(addresses._PORTS, "https", host.server_port)
    monkeypatch.setattr(addresses, "is_public", lambda one: str(one) == "127.0.0.1" or is_public(one))
    return host


ELSEWHERE = [
    "https://169.254.169.254/latest/meta-data/",
    "https://127.0.0.2/a.png",
    "https://[::1]/a.png",
    "https://[::ffff:127.0.0.1]/a.png",
    "https://10.0.0.1/a.png",
    "https://2130706433/a.png",
    "https://inside.example/a.png",
    "https://both.example/a.png",
    "//inside.example/a.png",
    "http://127.0.0.1/a.png",
    "http://127.0.0.1:{counting}/a.png",
    "https://127.0.0.1:{counting}/a.png",
    "https://cdn.example:22/a.png",
    "https://user@cdn.example/a.png",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{counting}/_x",
    "https://[/a.png",
    "https://cdn.example/a b.png",
]


@pytest.mark.parametrize("to", ELSEWHERE)
def test_a_redirect_is_judged_like_the_first_address(
    internet: Host, serve: Callable[..., Host], connected: list[str], to: str
) -> None:
    counting, counting6 = serve(), serve("::1")
    names = Names(cdn_example=[["127.0.0.1"]], inside_example=[["::1"]], both_example=[["127.0.0.1", "::1"]])
    target = quote(to.format(counting=counting.server_port), safe="/:")
    got = fetch(f"https://cdn.example/to/{target}", names)
    assert code_of(got) == "media_address_refused"
    assert (internet.connections, counting.connections, counting6.connections) == (1, 0, 0)
    assert connected == [str(("127.0.0.1", internet.server_port))]


def test_three_redirects_are_followed_and_a_fourth_is_not(internet: Host) -> None:
    names = Names(cdn_example=[["127.0.0.1"]])
    assert fetch("https://cdn.example/to//to//to//a.png", names) == PICTURE
    assert internet.connections == 4
    got = fetch("https://cdn.example/loop", names)
    assert got == Reason(code="media_unreachable", detail="There are more than 3 redirects.")
    assert internet.connections == 8


def test_a_reason_never_holds_the_query_or_the_path(internet: Host) -> None:
    names = Names(cdn_example=[["127.0.0.1"]], inside_example=[["::1"]])
    for url in (
        "https://cdn.example/404?phone=+12125550123",
        "https://cdn.example/to/https://inside.example/12125550123",
        "https://user:12125550123@cdn.example/",
        "https://gone.example/12125550123",
        "https://cdn.example:1/12125550123",
        "http://cdn.example/12125550123",
    ):
        got = fetch(url, names)
        assert isinstance(got, Reason)
        assert "2125550123" not in got.sentence

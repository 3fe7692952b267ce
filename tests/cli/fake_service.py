#!/usr/bin/env python3
"""A provisioning service that can misbehave, for tests of the device.

    fake_service.py DIR [--trick NAME] [--tls 1.2] [--name HOST]

Makes an authority and a claim in DIR (ca.pem, claim.pem, claim.key), listens
on a free port of 127.0.0.1, prints the port, and serves MQTT 3.1.1 and 5 with
JSON and CBOR until its standard input ends. Each certificate that it issues
is a line of DIR/issued, each token one of DIR/tokens, each request's topic
one of DIR/requests, each connection's ALPN protocol or "-" one of DIR/alpn,
each RegisterThing's parameters one of DIR/parameters (JSON). HOST is the only name in the server's certificate
[localhost and 127.0.0.1]. It knows nothing of policies.

Tricks: see TRICKS. A trick holds for every reply that it fits.
"""
import hashlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading

TRICKS = {
    "none": "behave",
    "twice": "every reply comes twice",
    "large": "certificatePem is as large as a message lets it be",
    "larger": "... and larger",
    "cut": "every reply loses its second half",
    "type": "certificateId is a number",
    "other-key": "certificate for another key",
    "reject-400": "RegisterThing: 400 InvalidParameters",
    "reject-403": "RegisterThing: 403 AccessDenied",
    "reject-404": "RegisterThing: 404 ResourceNotFound",
    "reject-429": "RegisterThing: 429 Throttled",
    "reject-500": "create: 500 InternalFailure",
    "no-suback": "SUBSCRIBE is refused (0x80)",
    "connack-5": "CONNACK 5",
    "close-at-connect": "closes when CONNECT comes, as what speaks HTTP does",
    "close-after-subscribe": "closes when SUBSCRIBE comes, as AWS IoT does",
    "evicted": "each connection ends 50 ms after CONNACK",
    "silent": "takes requests and never answers",
    "lose-register": "closes instead of answering the first RegisterThing",
    "wrong-id": "certificateId is not the SHA-256 of the certificate",
    "no-thing": "RegisterThing answers without thingName",
}


def run(*arguments, **options):
    return subprocess.run(arguments, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, **options).stdout


class Authority:
    def __init__(self, directory, names):
        self.directory = directory
        self.names = names
        self.lock = threading.Lock()
        self.serial = 0
        if not os.path.exists(self.path("ca.pem")):
            self.make()

    def path(self, name):
        return os.path.join(self.directory, name)

    def key(self, name):
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-out", self.path(name))

    def make(self):
        self.key("ca.key")
        run("openssl", "req", "-x509", "-key", self.path("ca.key"), "-subj",
            "/CN=fake root", "-days", "2", "-out", self.path("ca.pem"))
        for name, subject, extension in (
                ("server", "/CN=server", "subjectAltName=" + self.names),
                ("claim", "/CN=claim", "keyUsage=digitalSignature")):
            self.key(name + ".key")
            request = run("openssl", "req", "-new", "-key",
                          self.path(name + ".key"), "-subj", subject)
            with open(self.path(name + ".pem"), "wb") as out:
                out.write(self.sign(request, extension))

    def sign(self, request, extension="keyUsage=digitalSignature"):
        with self.lock:
            self.serial += 1
            extensions = self.path("extensions.%d" % self.serial)
            with open(extensions, "w") as out:
                out.write(extension + "\n")
            pem = run("openssl", "x509", "-req", "-CA", self.path("ca.pem"),
                      "-CAkey", self.path("ca.key"), "-set_serial",
                      "0x" + os.urandom(16).hex(), "-days", "2", "-extfile",
                      extensions, input=request)
            os.unlink(extensions)
            return pem


def cbor_head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    if value < 256:
        return bytes([major << 5 | 24, value])
    if value < 65536:
        return bytes([major << 5 | 25]) + struct.pack(">H", value)
    return bytes([major << 5 | 26]) + struct.pack(">I", value)


def cbor_put(value):
    if isinstance(value, int):
        return cbor_head(0, value)
    if isinstance(value, str):
        raw = value.encode()
        return cbor_head(3, len(raw)) + raw
    return cbor_head(5, len(value)) + b"".join(
        cbor_put(k) + cbor_put(v) for k, v in value.items())


def cbor_get(raw, at=0):
    major, short = raw[at] >> 5, raw[at] & 31
    at += 1
    size = {24: 1, 25: 2, 26: 4}.get(short, 0)
    value = int.from_bytes(raw[at:at + size], "big") if size else short
    at += size
    if major == 0:
        return value, at
    if major == 3:
        return raw[at:at + value].decode(), at + value
    if major != 5:
        raise ValueError("major type %d" % major)
    out = {}
    for _ in range(value):
        key, at = cbor_get(raw, at)
        out[key], at = cbor_get(raw, at)
    return out, at


class Service:
    def __init__(self, authority, trick):
        self.authority = authority
        self.trick = trick
        self.lock = threading.Lock()
        self.tokens = {}
        self.pending = set()
        self.lost_one = False

    def note(self, name, line):
        with open(self.authority.path(name), "a") as out:
            out.write(line + "\n")

    def issue(self, request):
        if self.trick == "other-key":
            self.authority.key("other.key")
            request = run("openssl", "req", "-new", "-key",
                          self.authority.path("other.key"), "-subj", "/CN=x")
        pem = self.authority.sign(request)
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(
            pem.decode())).hexdigest()
        token = os.urandom(300).hex()
        with self.lock:
            self.tokens[token] = digest
            self.pending.add(digest)
            self.note("issued", digest)
            self.note("tokens", token)
        reply = {"certificateId": digest, "certificatePem": pem.decode(),
                 "certificateOwnershipToken": token}
        if self.trick == "wrong-id":
            reply["certificateId"] = "ab" * 32
        if self.trick in ("large", "larger"):
            # JSON has two characters for a newline
            room = 140000 if self.trick == "larger" else 120000
            reply["certificatePem"] = pem.decode() * (room // len(
                json.dumps(pem.decode())))
        if self.trick == "type":
            reply["certificateId"] = 7
        return reply

    def create(self, operation, body):
        if self.trick == "reject-500":
            return 500, "InternalFailure", "try again"
        if operation == "create-from-csr":
            return self.issue(body["certificateSigningRequest"].encode())
        key = run("openssl", "genrsa", "-traditional", "2048")
        request = run("openssl", "req", "-new", "-key", "/dev/stdin", "-subj",
                      "/CN=AWS IoT Certificate", input=key)
        reply = self.issue(request)
        reply["privateKey"] = key.decode()
        return reply

    def register(self, body):
        parameters = body.get("parameters", {})
        if self.trick.startswith("reject-4"):
            return {"400": (400, "InvalidParameters", "SerialNumber\x07?"),
                    "403": (403, "AccessDenied", "hook"),
                    "404": (404, "ResourceNotFound", "no template"),
                    "429": (429, "Throttled", "slowly")}[self.trick[-3:]]
        if body.get("certificateOwnershipToken") not in self.tokens:
            return 400, "InvalidCertificateOwnershipToken", "unknown"
        with self.lock:
            self.pending.discard(self.tokens[body["certificateOwnershipToken"]])
        if self.trick == "no-thing":
            return {"deviceConfiguration": {}}
        return {"thingName": "thing-" + parameters.get("SerialNumber", "0"),
                "deviceConfiguration": {"color": "blue", "n": "1"}}

    def answer(self, topic, payload):
        """(topic, payload) of the reply; None: silence; False: hang up."""
        parts = topic.split("/")
        self.note("requests", topic)
        encoding = parts[-1]
        if self.trick == "silent":
            return None
        body = {}
        if payload:
            body = (json.loads(payload) if encoding == "json"
                    else cbor_get(payload)[0])
        if parts[1] == "certificates":
            reply = self.create(parts[2], body)
        else:
            self.note("parameters", json.dumps(body.get("parameters", {})))
            with self.lock:
                lose = self.trick == "lose-register" and not self.lost_one
                self.lost_one = self.lost_one or lose
            if lose:
                return False
            reply = self.register(body)
        outcome = "/accepted"
        if isinstance(reply, tuple):
            outcome = "/rejected"
            reply = dict(zip(("statusCode", "errorCode", "errorMessage"),
                             reply))
        raw = (json.dumps(reply).encode() if encoding == "json"
               else cbor_put(reply))
        if self.trick == "cut":
            raw = raw[:len(raw) // 2]
        return topic + outcome, raw


def remaining_length(size):
    out = b""
    while True:
        size, digit = divmod(size, 128)
        out += bytes([digit | (128 if size else 0)])
        if not size:
            return out


def packet(head, body):
    return bytes([head]) + remaining_length(len(body)) + body


class Session(threading.Thread):
    def __init__(self, service, stream):
        super().__init__(daemon=True)
        self.service = service
        self.stream = stream
        self.version5 = False

    def read(self, size):
        out = b""
        while len(out) < size:
            more = self.stream.recv(size - len(out))
            if not more:
                raise EOFError
            out += more
        return out

    def read_packet(self):
        head = self.read(1)[0]
        size = shift = 0
        while True:
            digit = self.read(1)[0]
            size |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return head, self.read(size)

    def run(self):
        try:
            self.stream.do_handshake()
            self.service.note("alpn",
                              self.stream.selected_alpn_protocol() or "-")
            while self.serve(*self.read_packet()):
                pass
        except (EOFError, OSError):
            pass
        finally:
            self.hang_up()

    def hang_up(self):
        """Closes so that what was sent last is still received: to close with
        something unread would reset the connection, alert and all."""
        try:
            self.stream.settimeout(10)
            self.stream.shutdown(socket.SHUT_WR)
            while self.stream.recv(4096):
                pass
        except OSError:
            pass
        self.stream.close()

    def evict(self):
        """As if another client had come with the same client id."""
        try:
            if self.version5:
                self.stream.sendall(packet(0xe0, b"\x8e\0"))
            self.stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def publish(self, topic, payload):
        raw = topic.encode()
        properties = b"\0" if self.version5 else b""
        body = struct.pack(">H", len(raw)) + raw + properties + payload
        self.stream.sendall(packet(0x30, body))

    def on_publish(self, head, body):
        size = struct.unpack(">H", body[:2])[0]
        topic = body[2:2 + size].decode()
        at = 2 + size
        if head & 6:
            self.stream.sendall(packet(0x40, body[at:at + 2]))
            at += 2
        if self.version5:
            at += 1 + body[at]
        reply = self.service.answer(topic, body[at:])
        if reply is False:
            return False
        for _ in range(2 if self.service.trick == "twice" else 1):
            if reply:
                self.publish(*reply)
        return True

    def serve(self, head, body):
        kind, trick = head >> 4, self.service.trick
        if kind == 1 and (trick == "close-at-connect" or
                          self.service.wants_alpn and
                          not self.stream.selected_alpn_protocol()):
            return False
        if kind == 1:
            self.version5 = body[6] == 5
            digest = hashlib.sha256(self.stream.getpeercert(True)).hexdigest()
            pending = digest in self.service.pending
            code = 5 if trick == "connack-5" or pending else 0
            if self.version5 and code:
                code = 0x87
            self.stream.sendall(packet(
                0x20, bytes([0, code]) + (b"\0" if self.version5 else b"")))
            if trick == "evicted":
                threading.Timer(0.05, self.evict).start()
            return code == 0
        if kind == 8:
            if trick == "close-after-subscribe":
                return False
            if trick == "evicted":
                return True
            code = 0x80 if trick == "no-suback" else 1
            properties = b"\0" if self.version5 else b""
            self.stream.sendall(packet(
                0x90, body[:2] + properties + bytes([code] * 4)))
            return True
        if kind == 3:
            return self.on_publish(head, body)
        if kind == 12:
            self.stream.sendall(packet(0xd0, b""))
        return kind != 14


def main():
    directory, trick, tls = sys.argv[1], "none", None
    names = "DNS:localhost,IP:127.0.0.1,IP:127.7.7.7"
    place, alpn, known = "127.0.0.1:0", "offered", None
    for name, value in zip(sys.argv[2::2], sys.argv[3::2]):
        trick = value if name == "--trick" else trick
        tls = value if name == "--tls" else tls
        names = "DNS:" + value if name == "--name" else names
        place = value if name == "--listen" else place
        alpn = value if name == "--alpn" else alpn  # required, none
        known = value if name == "--sni" else known  # the one name it takes
    assert trick in TRICKS, trick
    authority = Authority(directory, names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.path("server.pem"),
                            authority.path("server.key"))
    context.load_verify_locations(authority.path("ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    if tls == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if alpn != "none":
        context.set_alpn_protocols(["x-amzn-mqtt-ca"])

    def on_name(_stream, name, _context):
        service.note("names", name or "-")
        return (ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
                if known and name != known else None)

    context.sni_callback = on_name
    host, port = place.rsplit(":", 1)
    listener = socket.create_server((host, int(port)))
    print(listener.getsockname()[1], flush=True)
    service = Service(authority, trick)
    service.wants_alpn = alpn == "required"

    def accept():
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Session(service, context.wrap_socket(
                connection, server_side=True,
                do_handshake_on_connect=False)).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()

"""As much of an MQTT 3.1.1 and 5 client over TLS as the tests need, and not a
bit more polite: it sends what it is told and hides no packet."""
import socket
import ssl
import struct
import time

LIMIT_S = 10


HUNG_UP = "hung up"
# The code of a refused CONNECT, by version.
REFUSED = {4: HUNG_UP, 5: 0x87}


class Closed(Exception):
    """The broker closed the connection; .reason of its DISCONNECT or None."""

    def __init__(self, reason=None):
        super().__init__(f"closed, reason {reason}")
        self.reason = reason


def text(value):
    value = value.encode()
    return struct.pack("!H", len(value)) + value


def varint(number):
    out = b""
    while True:
        number, low = number >> 7, number & 127
        out += bytes([low | (128 if number else 0)])
        if not number:
            return out


class Client:
    """version: 4 (3.1.1) or 5. credentials: (certificate, key) paths. Unless
    it connects, send_connect and read_connack are to be called."""

    def __init__(self, address, ca, credentials, client_id, version=4,
                 clean=True, expiry=0, tls=None, will=None, connects=True):
        host, port = address.rsplit(":", 1)
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(*credentials)
        if tls:
            context.minimum_version = context.maximum_version = tls
        raw = socket.create_connection((host, int(port)), LIMIT_S)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(raw, server_hostname=host)
        self.version = version
        self.messages = []
        self.packet_id = 0
        self.buffer = b""
        body = text("MQTT") + bytes([version])
        body += bytes([(2 if clean else 0) | (0x0c if will else 0)])
        body += struct.pack("!H", 60)
        if version == 5:
            properties = b"\x11" + struct.pack("!I", expiry) if expiry else b""
            body += varint(len(properties)) + properties
        body += text(client_id)
        if will:
            body += (b"\0" if version == 5 else b"") + text(will) + text("x")
        self.connect = body
        if connects:
            self.send_connect()
            self.read_connack()

    def send_connect(self):
        self.send(0x10, self.connect)

    def read_connack(self):
        try:
            kind, body = self.packet()
        except Closed:
            self.connack = HUNG_UP
            return
        assert kind == 0x20, kind
        self.connack = body[1]

    # ---- packets ----

    def send(self, kind, body):
        try:
            self.socket.sendall(bytes([kind]) + varint(len(body)) + body)
        except OSError:
            pass  # what was received before is still to be read

    def fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(left)
        try:
            got = self.socket.recv(65536)
        except (TimeoutError, socket.timeout):
            raise TimeoutError from None
        except OSError:
            got = b""
        if not got:
            raise Closed
        self.buffer += got

    def packet(self, limit_s=LIMIT_S):
        """The next one: (kind, body). A DISCONNECT raises Closed."""
        deadline = time.monotonic() + limit_s
        while True:
            at, size, shift = 1, 0, 0
            while at < len(self.buffer):
                byte = self.buffer[at]
                size |= (byte & 127) << shift
                shift += 7
                at += 1
                if byte < 128:
                    if len(self.buffer) < at + size:
                        break
                    kind, body = self.buffer[0], self.buffer[at:at + size]
                    self.buffer = self.buffer[at + size:]
                    if kind == 0xe0:
                        raise Closed(body[0] if body else 0)
                    return kind, body
            self.fill(deadline)

    def properties(self, body, at):
        """Skips an MQTT 5 property block; where it ends."""
        if self.version != 5:
            return at
        size, shift = 0, 0
        while True:
            byte = body[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return at + size

    def take(self, kind, body):
        """Files a PUBLISH and acknowledges it; false if it is none."""
        if kind & 0xf0 != 0x30:
            return False
        qos = kind >> 1 & 3
        size, = struct.unpack_from("!H", body)
        topic, at = body[2:2 + size].decode(), 2 + size
        if qos:
            self.send(0x40, body[at:at + 2])
            at += 2
        self.messages.append((topic, body[self.properties(body, at):], qos))
        return True

    def wait(self, kind, limit_s=LIMIT_S):
        """The body of the next packet of this kind; PUBLISHes are filed."""
        deadline = time.monotonic() + limit_s
        while True:
            got, body = self.packet(deadline - time.monotonic())
            if not self.take(got, body) and got == kind:
                return body

    # ---- what a client does ----

    def next_id(self):
        self.packet_id = self.packet_id % 65535 + 1
        return struct.pack("!H", self.packet_id)

    def subscribe(self, *filters, qos=1):
        """The SUBACK's codes."""
        body = self.next_id() + (b"\0" if self.version == 5 else b"")
        for item in filters:
            body += text(item) + bytes([qos])
        self.send(0x82, body)
        body = self.wait(0x90)
        return list(body[self.properties(body, 2):])

    def publish(self, topic, payload=b"", qos=1, retain=False):
        """The PUBACK's reason (0 in 3.1.1), or None at QoS 0."""
        self.send_publish(topic, payload, qos, retain)
        return self.read_puback(qos) if qos else None

    def send_publish(self, topic, payload=b"", qos=1, retain=False):
        body = text(topic)
        if qos:
            body += self.next_id()
        if self.version == 5:
            body += b"\0"
        self.send(0x30 | qos << 1 | (1 if retain else 0), body + payload)

    def read_puback(self, qos=1):
        body = self.wait(0x40 if qos == 1 else 0x50)
        return body[2] if len(body) > 2 else 0

    def message(self, limit_s=LIMIT_S):
        """The next message: (topic, payload, qos)."""
        deadline = time.monotonic() + limit_s
        while not self.messages:
            self.take(*self.packet(deadline - time.monotonic()))
        return self.messages.pop(0)

    def settle(self):
        """After this, all that the broker had sent before is in .messages."""
        self.send(0xc0, b"")
        self.wait(0xd0)

    def closed(self, limit_s=LIMIT_S):
        """Waits for the broker to close; the DISCONNECT's reason or None."""
        try:
            while True:
                self.wait(None, limit_s)
        except Closed as end:
            return end.reason

    def disconnect(self):
        self.send(0xe0, b"")
        self.close()

    def close(self):
        self.socket.close()

"""What stands at the far end of a wire beside the endpoint: servers that lie,
hang up or pass on. Each lives in a daemon thread, in the far namespace."""
import os
import select
import socket
import ssl
import struct
import subprocess
import threading

import wire

A, AAAA = 1, 28


def serve(listener, answer):
    """answer(connection) in a thread for each; it closes the connection."""
    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=attend, args=(connection,),
                             daemon=True).start()

    def attend(connection):
        with connection:
            try:
                answer(connection)
            except OSError:
                pass  # the other end is gone

    threading.Thread(target=accept, daemon=True).start()


# ---- liars ----

def portal(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://portal.test/"
                       b"\r\nContent-Length: 0\r\n\r\n")


def reset(connection):
    """The first bytes are answered by RST."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))


def hold(connection):
    """Takes all, and says nothing."""
    while connection.recv(4096):
        pass


def stranger(directory):
    """A TLS server that nobody vouches for; with the right name, at that."""
    key, pem = directory + "/stranger.key", directory + "/stranger.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", pem,
         "-days", "2", "-subj", "/CN=stranger", "-addext",
         "subjectAltName=DNS:" + socket.gethostname()], check=True,
        capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)

    def answer(connection):
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)
    return answer


# ---- ways round ----

def pump(one, other):
    ends = {one: other, other: one}
    while True:
        for end in select.select(list(ends), [], [])[0]:
            data = end.recv(65536)
            if not data:
                return
            ends[end].sendall(data)


def passes(net, target):
    """All of it to another address at the far end."""
    def answer(connection):
        with net.far.socket(socket.AF_INET, socket.SOCK_STREAM) as onward:
            onward.connect(target)
            pump(connection, onward)
    return answer


def proxy(net, target):
    """An HTTP proxy that knows one place."""
    def answer(connection):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        place = head.split()[1].decode()
        if head.split()[0] != b"CONNECT" or place != "%s:%d" % target:
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        with net.far.socket(socket.AF_INET, socket.SOCK_STREAM) as onward:
            onward.connect(target)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            pump(connection, onward)
    return answer


# ---- names ----

def resolver(net, directory, names):
    """names: {name: {A: address, AAAA: address}}. Returns what Near takes."""
    answers = net.listen(53, socket.SOCK_DGRAM, wire.RESOLVER)

    def reply(query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12:at + 5]
        kind = int.from_bytes(query[at + 1:at + 3], "big")
        known = names.get(".".join(labels).lower())
        address = (known or {}).get(kind)
        data = socket.inet_pton(socket.AF_INET if kind == A else
                                socket.AF_INET6, address) if address else b""
        record = struct.pack("!HHHIH", 0xc00c, kind, 1, 60,
                             len(data)) + data if data else b""
        code = 0x8180 if known is not None else 0x8183  # NXDOMAIN
        return query[:2] + struct.pack("!HHHHH", code, 1, 1 if data else 0, 0,
                                       0) + question + record

    def attend():
        while True:
            query, peer = answers.recvfrom(512)
            answers.sendto(reply(query), peer)

    threading.Thread(target=attend, daemon=True).start()
    place = os.path.join(directory, "resolver")
    os.mkdir(place)
    for name, text in (("resolv.conf", f"nameserver {wire.RESOLVER}\n"),
                       ("hosts", "127.0.0.1 localhost\n")):
        with open(os.path.join(place, name), "w", encoding="ascii") as file:
            file.write(text)
    return place

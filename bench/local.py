"""A local endpoint, a proxy with delay, and runs of the command, for the
programs of bench/ and the tests that assert their figures."""
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("IMPRINT_RETRY", "now")
BUILD = os.environ.get("IMPRINT_BUILD", os.path.join(ROOT, "build/release"))
IMPRINT = os.path.join(BUILD, "cli/imprint")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Endpoint:
    """`imprint endpoint run` in a directory of its own, until close()."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="imprint-bench-")
        self.state = os.path.join(self.dir, "endpoint")
        self.port = free_port()
        self.child = subprocess.Popen(
            [IMPRINT, "endpoint", "run", "--dir", self.state,
             "--listen", f"127.0.0.1:{self.port}", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ready, _, _ = select.select([self.child.stdout], [], [], 30)
        line = self.child.stdout.readline() if ready else ""
        if not line:
            self.close()
            raise RuntimeError("the endpoint did not get ready")
        self.ready = json.loads(line)
        self.template = self.ready.get("template", "fleet")
        # Nobody reads on, and nothing may block.
        threading.Thread(target=self.child.stdout.read, daemon=True).start()

    def path(self, *parts):
        return os.path.join(self.state, *parts)

    def command(self, name, port=None, *more):
        """provision, into the directory `name`."""
        return [IMPRINT, "provision",
                "--endpoint", f"127.0.0.1:{port or self.port}",
                "--ca", self.path("ca.pem"),
                "--claim", self.path("claims/default/certificate.pem"),
                "--template", self.template,
                "--param", f"SerialNumber={name}",
                "--state", os.path.join(self.dir, name), *more]

    def close(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Proxy:
    """Forwards TCP and adds one_way_ms in each direction.

    The kernel completes a connection to the proxy at once, where a network
    would take one round trip: what a client sends in the first round trip
    after its SYN is held as if it had been sent at the end of it.
    """

    def __init__(self, port, one_way_ms):
        self.upstream = port
        self.one_way = one_way_ms / 1000
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.first = None
        self.last = None
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            began = time.monotonic()
            if self.first is None:
                self.first = began
            self.connections += 1
            threading.Thread(target=self._carry, args=(client, began),
                             daemon=True).start()

    def _carry(self, client, began):
        server = socket.create_connection(("127.0.0.1", self.upstream))
        established = began + 2 * self.one_way
        queue = {client: [], server: []}
        other = {client: server, server: client}
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        readable = {client, server}
        while readable or any(queue.values()):
            due = [items[0][0] for items in queue.values() if items]
            wait = max(0, min(due) - time.monotonic()) if due else None
            ready, _, _ = select.select(readable, [], [], wait)
            now = time.monotonic()
            for end in ready:
                try:
                    got = end.recv(65536)
                except OSError:
                    got = b""
                if not got:
                    readable.discard(end)
                sent = max(now, established) if end is client else now
                queue[other[end]].append((sent + self.one_way, got))
            for end, items in queue.items():
                while items and items[0][0] <= time.monotonic():
                    _, got = items.pop(0)
                    try:
                        if got:
                            end.sendall(got)
                            if end is client and client in readable:
                                self.last = time.monotonic()
                        else:
                            end.shutdown(socket.SHUT_WR)
                    except OSError:
                        readable.clear()
                        for left in queue.values():
                            left.clear()
                        break
        client.close()
        server.close()

    def close(self):
        self.listener.close()


def run_measured(command, env=None):
    """Wall seconds, peak memory in KiB, exit status, output of a program.

    By GNU time: a child's peak counts from its fork, and time is smaller than
    Python.
    """
    with tempfile.TemporaryDirectory() as place:
        peak = os.path.join(place, "peak")
        began = time.monotonic()
        ended = subprocess.run(
            ["/usr/bin/time", "-q", "-f", "%M", "-o", peak, *command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, env=env, errors="replace")
        wall = time.monotonic() - began
        with open(peak, encoding="ascii") as text:
            memory = int(text.read())
    return wall, memory, ended.returncode, ended.stdout


def median(values):
    return sorted(values)[len(values) // 2]


def die(text):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {text}")

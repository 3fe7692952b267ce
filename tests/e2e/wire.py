"""Networks that hurt, without a kernel that has netem: a network namespace for
each end, a TUN device in each, and this process carries what goes between.

    with wire.Net() as net:             # one far end: where servers are
        near = net.near(loss=0.3)       # a near end, with a wire of its own
        subprocess.run(near.words("imprint", "provision", ...))

Servers listen in the far namespace, on wire.FAR, all of its /24, and wire.FAR6:
nobody else can reach them. Needs root and /dev/net/tun; see missing().
"""
import ctypes
import dataclasses
import fcntl
import heapq
import os
import random
import selectors
import socket
import struct
import subprocess
import threading
import time

FAR, FAR6 = "10.99.0.1", "fd99::1"
RESOLVER = "10.99.0.53"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
QUEUE_LEN = 32768  # bytes that wait for a slow wire; what is more is lost
LIBC = ctypes.CDLL(None, use_errno=True)


@dataclasses.dataclass
class Wire:
    """What happens to a packet; each direction has its own queue."""
    delay_ms: int = 0           # one way
    loss: float = 0.0           # share of packets
    rate: int = 0               # bytes a second; 0: as fast as it goes
    path_mtu: int = 65535       # beside that of the near device
    tells_mtu: bool = True      # by ICMP; else larger ones just vanish
    forgets_s: float = 0.0      # a flow that was idle for that long is cut
    drops: bool = False         # all of it
    drops_port: int = 0         # what goes to this port
    drops_ipv6: bool = False
    seed: int = 1


def missing():
    """Why there can't be such a network here; None: there can."""
    if os.geteuid() != 0:
        return "it takes root to make network namespaces"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
        subprocess.run(["unshare", "-n", "ip", "link", "set", "lo", "up"],
                       check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as trouble:
        return f"no network namespaces with TUN devices here: {trouble}"
    return None


def within(namespace, function):
    """Calls it in a thread that lives in this network namespace."""
    result = []

    def enter():
        handle = os.open(namespace, os.O_RDONLY)
        try:
            if LIBC.setns(handle, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            result.append(function())
        finally:
            os.close(handle)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    return result[0]


class Namespace:
    """A network namespace that lives until close()."""

    def __init__(self):
        self.holder = subprocess.Popen(
            ["unshare", "-n", "sh", "-c",
             "ip link set lo up && echo up && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"up\n"
        self.path = f"/proc/{self.holder.pid}/ns/net"

    def words(self, *words):
        """A command line that runs words in here."""
        return ["nsenter", f"--net={self.path}", *words]

    def ip(self, *words):
        subprocess.run(self.words("ip", *words), check=True)

    def socket(self, *kind):
        return within(self.path, lambda: socket.socket(*kind))

    def tun(self, name):
        def make():
            handle = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(handle, TUNSETIFF, struct.pack(
                "16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
            return handle
        return within(self.path, make)

    def close(self):
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait()


class Near(Namespace):
    """One device's end of a wire."""

    def __init__(self, resolver=None):
        super().__init__()
        self.resolver = resolver

    def words(self, *words):
        if not self.resolver:
            return super().words(*words)
        return super().words(
            "unshare", "-m", "sh", "-c",
            'mount --bind "$0/resolv.conf" /etc/resolv.conf && '
            'mount --bind "$0/hosts" /etc/hosts && exec "$@"',
            self.resolver, *words)


# ---- packets ----

def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def too_large(packet, mtu):
    """The ICMP message of a router (RFC 1191)."""
    def icmp(check):
        return struct.pack("!BBHHH", 3, 4, check, 0, mtu) + packet[:28]

    def ip(check):
        return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp(0)), 0, 0,
                           64, 1, check, packet[16:20], packet[12:16])
    return ip(checksum(ip(0))) + icmp(checksum(icmp(0)))


def flow_of(packet):
    """Both ends of an IPv4 packet, the same for both directions."""
    head = (packet[0] & 15) * 4
    ports = struct.unpack("!HH", packet[head:head + 4])
    return frozenset(((packet[12:16], ports[0]), (packet[16:20], ports[1])))


class Direction:
    """From one TUN device to the other."""

    def __init__(self, wire, flows, ends):
        self.wire, self.flows = wire, flows
        self.source, self.sink = ends
        self.free_at = 0.0  # when the last byte has left the queue
        self.random = random.Random(f"{wire.seed} {ends[0] > ends[1]}")

    def is_forgotten(self, packet, now):
        """A NAT that forgot a flow knows neither of its ends any more."""
        flow = flow_of(packet)
        seen, cut = self.flows.get(flow, (now, False))
        cut = cut or now - seen > self.wire.forgets_s
        self.flows[flow] = (now, cut)
        return cut

    def is_dropped(self, packet, now):
        wire = self.wire
        is_ipv6 = packet[0] >> 4 == 6
        if wire.drops or is_ipv6 and wire.drops_ipv6:
            return True
        if is_ipv6:
            return False
        head = (packet[0] & 15) * 4
        if wire.drops_port and wire.drops_port == int.from_bytes(
                packet[head + 2:head + 4], "big"):
            return True
        if wire.forgets_s and self.is_forgotten(packet, now):
            return True
        return self.random.random() < wire.loss

    def take(self, packet, now):
        """(when, to whom, what), or None: it is lost."""
        wire = self.wire
        if self.is_dropped(packet, now):
            return None
        if len(packet) > wire.path_mtu and packet[0] >> 4 == 4:
            if not wire.tells_mtu:
                return None
            return now, self.source, too_large(packet, wire.path_mtu)
        leaves = now
        if wire.rate:
            begin = max(now, self.free_at)
            if (begin - now) * wire.rate > QUEUE_LEN:
                return None
            leaves = self.free_at = begin + len(packet) / wire.rate
        return leaves + wire.delay_ms / 1000, self.sink, packet


class Net:
    """A far end, and near ends with a wire each."""

    def __init__(self):
        self.far = Namespace()
        self.far.ip("addr", "add", FAR + "/24", "dev", "lo")
        self.far.ip("-6", "addr", "add", FAR6, "dev", "lo", "nodad")
        self.nears = []
        self.directions = {}
        self.count = 0
        self.lock = threading.Lock()
        self.wake, self.waker = os.pipe()
        self.selector = selectors.DefaultSelector()  # select() has 1,024
        self.selector.register(self.wake, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self._carry)
        self.thread.start()

    def near(self, mtu=1500, resolver=None, **conditions):
        """mtu: of the near device; resolver: of far.py. More: of Wire."""
        near = Near(resolver)
        with self.lock:
            self.count += 1
            number = self.count
        wire = Wire(**{"seed": number, **conditions})
        name = f"imp{number}"
        here, there = near.tun("imp0"), self.far.tun(name)
        base = f"10.{77 + number // 250}.{number % 250}"
        for space, device, address, peer in (
                (near, "imp0", 1, 2), (self.far, name, 2, 1)):
            run = Namespace.ip
            run(space, "addr", "add", f"{base}.{address}/30", "dev", device)
            if mtu >= 1280:  # IPv6 takes no less
                run(space, "-6", "addr", "add",
                    f"fd77:{number:x}::{address}/64", "dev", device, "nodad")
            run(space, "link", "set", device, "up", "mtu",
                str(mtu if space is near else 1500))
            if space is near:
                run(space, "route", "add", "default", "via", f"{base}.{peer}")
            if space is near and mtu >= 1280:  # IPv6 takes no less
                run(space, "-6", "route", "add", "default", "via",
                    f"fd77:{number:x}::{peer}")
        flows = {}
        with self.lock:
            self.nears.append(near)
            self.directions[here] = Direction(wire, flows, (here, there))
            self.directions[there] = Direction(wire, flows, (there, here))
        for end in (here, there):
            self.selector.register(end, selectors.EVENT_READ)
        os.write(self.waker, b"n")
        return near

    def listen(self, port, kind=socket.SOCK_STREAM, address=FAR):
        """A socket of a server at the far end."""
        one = self.far.socket(
            socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, port))
        if kind == socket.SOCK_STREAM:
            one.listen(64)
        return one

    def _carry(self):
        waiting = []
        order = 0
        while True:
            due = waiting[0][0] - time.monotonic() if waiting else None
            ready = [key.fd for key, _ in self.selector.select(
                None if due is None else max(due, 0))]
            if self.wake in ready and os.read(self.wake, 1) == b"x":
                return
            now = time.monotonic()
            for handle in ready:
                if handle == self.wake:
                    continue
                direction = self.directions[handle]
                taken = direction.take(os.read(handle, 65536), now)
                if taken:
                    order += 1
                    heapq.heappush(waiting, (taken[0], order, *taken[1:]))
            while waiting and waiting[0][0] <= now:
                _, _, sink, packet = heapq.heappop(waiting)
                try:
                    os.write(sink, packet)
                except OSError:
                    pass  # that end is down

    def close(self):
        os.write(self.waker, b"x")
        self.thread.join()
        self.selector.close()
        for handle in (*self.directions, self.wake, self.waker):
            os.close(handle)
        for space in (*self.nears, self.far):
            space.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

"""Starts what the tests of the command need, and counts their TAP lines."""
import contextlib
import json
import os
import sqlite3
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.setdefault("IMPRINT_RETRY", "now")
IMPRINT = os.path.join(os.environ["IMPRINT_BUILD"], "cli", "imprint")


def build_shim(directory):
    path = os.path.join(directory, "shim.so")
    subprocess.run(["cc", "-std=gnu11", "-shared", "-fPIC", "-O1", "-o", path,
                    HERE + "/shim.c", "-ldl"], check=True)
    return path


def options_of(options, other):
    """Options of `imprint provision`; None leaves one out."""
    out = []
    for name, value in {**options, **other}.items():
        if value is not None:
            out += ["--" + name.replace("_", "-"), value]
    return out


class Endpoint:
    """The local endpoint, by the real command, on a free port."""

    def __init__(self, root, *options):
        self.root = root
        self.process = subprocess.Popen(
            [IMPRINT, "endpoint", "run", "--dir", root, "--listen",
             "127.0.0.1:0", "--json", *options], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.process.stdout.readline())

    def arguments(self, **other):
        return options_of({
            "endpoint": self.ready["endpoint"], "ca": self.ready["ca"],
            "claim": self.ready["claim"], "template": self.ready["template"],
            "param": "SerialNumber=thing-1"}, other)

    def allow_renewal(self):
        """Devices may do what the claim may, by the template's own policy."""
        path = self.root + ".policy.json"
        allowed = [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]
        with open(path, "w") as out:
            json.dump({"Version": "2012-10-17", "Statement": allowed}, out)
        expect(imprint("endpoint", "policy", "fleet-device", path, "--dir",
                       self.root), 0)

    def issued(self):
        """How many device certificates its registry has."""
        with contextlib.closing(
                sqlite3.connect(self.root + "/registry.db")) as registry:
            return registry.execute("SELECT count(*) FROM certificate "
                                    "WHERE claim IS NULL").fetchone()[0]

    def close(self):
        self.process.terminate()
        self.process.wait()


class Service:
    """The service of fake_service.py, in a directory that may be kept."""

    def __init__(self, root, *options):
        self.root = root
        os.makedirs(root, exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "fake_service.py"), root] +
            list(options), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        self.port = int(self.process.stdout.readline())

    def arguments(self, **other):
        return options_of({
            "endpoint": "localhost:%d" % self.port,
            "ca": self.root + "/ca.pem", "claim": self.root + "/claim.pem",
            "claim_key": self.root + "/claim.key", "template": "fleet",
            "param": "SerialNumber=1"}, other)

    def lines(self, name):
        try:
            with open(os.path.join(self.root, name)) as text:
                return text.read().split()
        except FileNotFoundError:
            return []

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()


def imprint(*arguments, **environment):
    """Runs the command; output has both streams."""
    return subprocess.run([IMPRINT] + list(arguments),
                          env={**os.environ, **environment},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120)


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    @contextlib.contextmanager
    def test(self, name):
        """What its block asserts decides between ok and not ok."""
        self.count += 1
        try:
            yield
            print("ok %d - %s" % (self.count, name), flush=True)
        except (AssertionError, OSError,
                subprocess.SubprocessError) as trouble:
            self.failed += 1
            print("not ok %d - %s" % (self.count, name))
            print("# " + str(trouble).replace("\n", "\n# "), flush=True)

    def skip(self, name, reason):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, reason))

    def end(self):
        print("1..%d" % self.count)
        return 1 if self.failed else 0


def expect(done, code, *parts):
    """The exit code, and parts that the output must have."""
    assert done.returncode == code, "exit %d, not %d: %s" % (
        done.returncode, code, done.stdout)
    for part in parts:
        assert part in done.stdout, "no %r in: %s" % (part, done.stdout)

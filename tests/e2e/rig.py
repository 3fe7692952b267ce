"""An endpoint of our own, clients of it, and TAP, for the programs beside."""
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mqtt  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
os.environ.setdefault("IMPRINT_RETRY", "now")
BUILD = os.environ.get("IMPRINT_BUILD", os.path.join(ROOT, "build/release"))
IMPRINT = os.path.join(BUILD, "cli/imprint")
LIMIT_S = 20

CREATE = "$aws/certificates/create/{}"
FROM_CSR = "$aws/certificates/create-from-csr/{}"
PROVISION = "$aws/provisioning-templates/fleet/provision/{}"


# ---- TAP ----

failures = []


def check(name, fine, detail=""):
    print(f"{'ok' if fine else 'not ok'} - {name}", flush=True)
    if not fine:
        failures.append(name)
        print("# " + str(detail).replace("\n", "\n# "), flush=True)


def run_tests(tests):
    """Calls each function; a crash is a failed test. Exits."""
    for test in tests:
        try:
            test()
        except Exception:  # pylint: disable=broad-except
            check(test.__name__, False, traceback.format_exc())
    sys.exit(1 if failures else 0)


# ---- what is to come true ----

def within(limit_s, question):
    """(did it come true, seconds)."""
    began = time.monotonic()
    while True:
        if question():
            return True, time.monotonic() - began
        if time.monotonic() - began > limit_s:
            return False, limit_s
        time.sleep(0.02)


def closed_within(client, limit_s):
    """(is it so, seconds that it took)"""
    began = time.monotonic()
    try:
        client.closed(limit_s)
    except TimeoutError:
        return False, limit_s
    return True, time.monotonic() - began


# ---- CBOR, as the messages have it: maps of text to text, number, map ----

def cbor_head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    if number < 256:
        return bytes([major << 5 | 24, number])
    return bytes([major << 5 | 25]) + number.to_bytes(2, "big")


def cbor_write(value):
    if isinstance(value, dict):
        return cbor_head(5, len(value)) + b"".join(
            cbor_write(key) + cbor_write(item) for key, item in value.items())
    return cbor_head(3, len(value.encode())) + value.encode()


def cbor_read(data):
    def item(at):
        major, number = data[at] >> 5, data[at] & 31
        at += 1
        if number >= 24:
            size = 1 << (number - 24)
            number = int.from_bytes(data[at:at + size], "big")
            at += size
        if major == 0:
            return number, at
        if major == 3:
            return data[at:at + number].decode(), at + number
        assert major == 5, major
        out = {}
        for _ in range(number):
            key, at = item(at)
            out[key], at = item(at)
        return out, at
    value, end = item(0)
    assert end == len(data), "bytes behind the value"
    return value


WRITE = {"json": lambda value: json.dumps(value).encode(), "cbor": cbor_write}
READ = {"json": json.loads, "cbor": cbor_read}


# ---- the registry, if it is to be PostgreSQL: see tests/postgres/with ----

POSTGRES = os.environ.get("IMPRINT_TEST_POSTGRES")


def make_schema(name):
    """A URL of a place of its own."""
    schema = os.path.basename(name).replace("-", "_").lower()
    subprocess.run(["psql", "-q", POSTGRES, "-c", f"CREATE SCHEMA {schema}"],
                   check=True)
    return f"{POSTGRES}?options=-csearch_path%3D{schema}"


# ---- the endpoint ----

class Endpoint:
    """`imprint endpoint run`; its directory goes with close()."""

    def __init__(self, listen="127.0.0.1:0", prefix=(), options=()):
        self.prefix = list(prefix)  # of the command line: another namespace
        self.options = list(options)  # of `imprint endpoint run`
        self.top = tempfile.mkdtemp(prefix="imprint-e2e-")
        self.dir = os.path.join(self.top, "endpoint")
        self.serial = 0
        self.child = None
        if POSTGRES:
            self.options += ["--registry", make_schema(self.top)]
        self.start(listen)

    def start(self, listen="127.0.0.1:0", **more):
        self.child = subprocess.Popen(
            [*self.prefix, IMPRINT, "endpoint", "run", "--dir", self.dir, "--listen",
             listen, "--json", *self.options], stdout=subprocess.PIPE, **more)
        ready, _, _ = select.select([self.child.stdout], [], [], LIMIT_S)
        line = self.child.stdout.readline() if ready else b""
        if not line:
            self.close()
            raise RuntimeError("the endpoint did not get ready")
        self.ready = json.loads(line)
        self.address = self.ready["endpoint"]
        self.ca = self.ready["ca"]
        self.claim = (self.ready["claim"], self.ready["claimKey"])

    def stop(self, number=signal.SIGTERM):
        """Its exit status."""
        if self.child.poll() is None:
            self.child.send_signal(number)
        try:
            return self.child.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait()
        finally:
            self.child.stdout.close()

    def close(self):
        self.stop()
        shutil.rmtree(self.top, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    def next_serial(self):
        self.serial += 1
        return f"e2e-{os.getpid()}-{self.serial}"

    # ---- its verbs ----

    def verb(self, *words):
        """(exit status, stdout, stderr) of `imprint endpoint ...`."""
        ended = subprocess.run(
            [IMPRINT, "endpoint", *words, "--dir", self.dir],
            capture_output=True, text=True, timeout=LIMIT_S)
        return ended.returncode, ended.stdout, ended.stderr

    def certificates(self):
        status, out, err = self.verb("certificates", "--json")
        assert status == 0, err
        return json.loads(out)["certificates"]

    def log(self):
        with open(os.path.join(self.dir, "log"), encoding="utf-8") as file:
            return file.read()

    # ---- its clients ----

    def client(self, client_id, credentials=None, **more):
        return mqtt.Client(self.address, self.ca, credentials or self.claim,
                           client_id, **more)

    def provision(self, state, *more, env=None, serial=None):
        """(exit status, stdout, stderr) of `imprint provision`."""
        ended = subprocess.run(
            [IMPRINT, "provision", "--endpoint", self.address,
             "--ca", self.ca, "--claim", self.claim[0],
             "--template", self.ready["template"],
             "--param", f"SerialNumber={serial or self.next_serial()}",
             "--state", self.path(state), *more],
            capture_output=True, text=True, timeout=LIMIT_S, env=env)
        return ended.returncode, ended.stdout, ended.stderr

    def identity(self, state):
        current = self.path(state, "current")
        return (os.path.join(current, "certificate.pem"),
                os.path.join(current, "private.key"))


# ---- the dialogue, by hand ----

def make_csr(endpoint, name="device"):
    """(CSR in PEM, path of its key)."""
    key = endpoint.path(f"{name}.key")
    made = subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=e2e", "-keyout",
         key], capture_output=True, text=True, check=True)
    return made.stdout, key


def ask(client, topic, request, form="json", qos=1):
    """The reply: (its topic's last word, its members). A raw request stays."""
    topic = topic.format(form)
    raw = request if isinstance(request, bytes) else WRITE[form](request)
    client.publish(topic, raw, qos=qos)
    answer, payload, _ = client.message()
    assert answer.startswith(topic + "/"), answer
    return answer.rsplit("/", 1)[1], READ[form](payload)


def register(client, token, serial, form="json", qos=1):
    return ask(client, PROVISION,
               {"certificateOwnershipToken": token,
                "parameters": {"SerialNumber": serial}}, form, qos)


def replies(topic, form="json"):
    return [f"{topic.format(form)}/{end}" for end in ("accepted", "rejected")]


def save_pair(endpoint, name, certificate_pem, key=None, key_pem=None):
    """Credentials of what was created."""
    certificate = endpoint.path(f"{name}.pem")
    with open(certificate, "w", encoding="ascii") as file:
        file.write(certificate_pem)
    if not key:
        key = endpoint.path(f"{name}.key")
        with open(key, "w", encoding="ascii") as file:
            file.write(key_pem)
    return certificate, key

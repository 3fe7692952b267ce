"""Two thousand devices (bench/fleet.c) while something is killed again and
again, and what has to hold of them and of the registry when it is over."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "e2e"))
import rig  # noqa: E402
from rig import check  # noqa: E402

DEVICES = 2000
LIMIT_S = 30


def children(pid):
    """Those that it has started, and that are there."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children",
                  encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except FileNotFoundError:
        return []


def kill(*pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def note(text):
    print("# " + text, flush=True)


def wait_until(question, what, limit_s=LIMIT_S):
    if not rig.within(limit_s, question)[0]:
        raise RuntimeError(f"not within {limit_s} s: {what}")


class Fleet:
    """DEVICES devices for so many seconds."""

    def __init__(self, directory, port, seconds):
        self.names = tempfile.NamedTemporaryFile("r", prefix="imprint-fleet-")
        self.began = time.monotonic()
        self.seconds = seconds
        self.child = subprocess.Popen(
            [os.path.join(rig.BUILD, "bench/fleet"), directory, str(DEVICES),
             str(seconds), str(port), "fleet", self.names.name],
            stdout=subprocess.PIPE, text=True)

    def is_on(self):
        return time.monotonic() - self.began < self.seconds

    def end(self):
        """(what it counted, the things that were promised)"""
        out = self.child.communicate(timeout=self.seconds + 240)[0]
        assert self.child.returncode == 0, self.child.returncode
        count = json.loads(out)
        with self.names as file:
            return count, file.read().split()


def check_zeros(count, promised, ask):
    """ask: a query of the registry; its rows as tuples of texts."""
    note(json.dumps(count))
    check("devices came in, and connections were lost meanwhile",
          count["accepted"] >= DEVICES and count["lost"] > 0, count)
    check("nothing was left unfinished", count["unfinished"] == 0, count)
    check("tokens accepted twice: 0", count["twice"] == 0, count)
    check("tokens accepted for nobody: 0", count["neither"] == 0, count)
    check("devices told accepted and then unknown: 0",
          count["unknown"] == count["refusedLater"] == 0, count)
    things = [row[0] for row in ask("SELECT name FROM thing")]
    check("things twice: 0", len(set(things)) == len(things), len(things))
    check("each thing was promised to its device, and each promise is there",
          sorted(things) == sorted(promised),
          (len(things), len(promised), sorted(set(things) ^ set(promised))[:9]))
    alone = ask("""
        SELECT id FROM certificate
        LEFT JOIN certificate_thing ON certificate = number
        WHERE state = 'ACTIVE' AND claim IS NULL AND thing IS NULL""")
    check("certificates active without a thing: 0", alone == [], alone)
    shared = ask("""
        SELECT certificate FROM certificate_thing
        GROUP BY certificate HAVING count(*) > 1
        UNION ALL
        SELECT thing FROM certificate_thing
        GROUP BY thing HAVING count(*) > 1""")
    check("a thing and a certificate for each other alone", shared == [],
          shared)
    bare = ask("""
        SELECT id FROM certificate
        LEFT JOIN attachment ON attachment.certificate = number
        WHERE state = 'ACTIVE' AND claim IS NULL AND policy IS NULL""")
    check("certificates active without their policy: 0", bare == [], bare)


def end():
    sys.exit(1 if rig.failures else 0)

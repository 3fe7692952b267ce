"""A pre-provisioning hook that says no, unless the serial number is on a list
and nobody has used it up. Standard library only; README.md beside the folder
tells how to use it.

The decision is in decide(); what it knows of devices comes from a store, which
is anything with these two methods:

    find(serial)   the Device, or None if the serial number is not listed
    take(serial, certificate_id, nonce, limit)
                   None and a record of it, or a word why not; all or nothing,
                   however many call it at once. limit is how many certificates
                   the serial number may have in all; one that has it already
                   may ask again. nonce is None, or has never been taken by
                   another certificate.

Files below is the store for a machine with a disk.
"""
import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import os
import re
import sqlite3
import stat
import sys

PROOF_HEAD = "imprint-proof-v1"
SECRET_MIN_LEN = 16
BUSY_S = 4  # the service gives a hook 5

SERIAL = re.compile(r"[!-~]{1,128}")
CERTIFICATE_ID = re.compile(r"[0-9a-fA-F]{64}")
NONCE = re.compile(r"[0-9a-f]{32}")
PROOF = re.compile(r"[0-9a-fA-F]{64}")

EXISTS = "exists"
NONCE_USED = "its nonce was used before"


class Device:
    """secret: bytes, or None where no proof is asked for."""

    def __init__(self, limit=1, secret=None):
        self.limit = limit
        self.secret = secret


# ---- the certificate ----

def read_der(der, at, end):
    """One element: (tag, where its content begins, where it ends)."""
    if at + 2 > end:
        raise ValueError("the certificate is cut off")
    tag, length = der[at], der[at + 1]
    at += 2
    if length & 0x80:
        count = length & 0x7f
        if not 1 <= count <= 4 or at + count > end:
            raise ValueError("the certificate has a bad length")
        length = int.from_bytes(der[at:at + count], "big")
        at += count
    if at + length > end:
        raise ValueError("the certificate is cut off")
    return tag, at, at + length


def public_key_digest(pem):
    """SHA-256 of the first certificate's SubjectPublicKeyInfo, in hex."""
    found = re.search(r"-----BEGIN CERTIFICATE-----(.*?)"
                      r"-----END CERTIFICATE-----", pem, re.DOTALL)
    if not found:
        raise ValueError("there is no certificate")
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True)
    except binascii.Error:
        raise ValueError("the certificate is no base64") from None
    _, at, end = read_der(der, 0, len(der))  # Certificate
    _, at, end = read_der(der, at, end)  # TBSCertificate
    tag, _, after = read_der(der, at, end)
    fields = 5  # serial number, signature, issuer, validity, subject
    if tag == 0xa0:  # and version
        at = after
    for _ in range(fields):
        _, _, at = read_der(der, at, end)
    tag, _, after = read_der(der, at, end)
    if tag != 0x30:
        raise ValueError("the certificate has no public key")
    return hashlib.sha256(der[at:after]).hexdigest()


# ---- the decision ----

def text_of(event, name):
    value = event.get(name)
    return value if isinstance(value, str) else ""


def proof_of(secret, serial, nonce, key_digest):
    text = "\n".join((PROOF_HEAD, serial, nonce, key_digest))
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def check_proof(event, parameters, serial, secret):
    """None, or a word why it does not prove anything."""
    nonce, proof = text_of(parameters, "Nonce"), text_of(parameters, "Proof")
    if len(secret) < SECRET_MIN_LEN:
        raise ValueError("a secret has less than %d bytes" % SECRET_MIN_LEN)
    if not NONCE.fullmatch(nonce) or not PROOF.fullmatch(proof):
        return "it sent no proof"
    right = proof_of(secret, serial, nonce,
                     public_key_digest(text_of(event, "certificatePem")))
    return None if hmac.compare_digest(right, proof.lower()) else \
        "its proof is wrong"


def decide(event, store, parameter):
    """(the serial number, None or a word why not). Records a yes."""
    parameters = event.get("parameters")
    if not isinstance(parameters, dict):
        return "", "it sent no parameters"
    serial = text_of(parameters, parameter)
    certificate_id = text_of(event, "certificateId").lower()
    if not SERIAL.fullmatch(serial):
        return "", "it sent no serial number"
    if not CERTIFICATE_ID.fullmatch(certificate_id):
        return serial, "it has no certificate"
    device = store.find(serial)
    if device is None:
        return serial, "not on the list"
    nonce = None
    if device.secret is not None:
        problem = check_proof(event, parameters, serial, device.secret)
        if problem:
            return serial, problem
        nonce = parameters["Nonce"]
    return serial, store.take(serial, certificate_id, nonce, device.limit)


# ---- AWS Lambda ----

# To be set once, where the function is set up.
store = None  # see above
parameter = "SerialNumber"  # which one holds the serial number


def tell(line):
    print("allow-list: " + line, file=sys.stderr)


def handler(event, _context=None):
    """An exception is a no, too: AWS IoT refuses when a hook fails."""
    if store is None:
        raise RuntimeError("no store is set")
    if not isinstance(event, dict):
        raise ValueError("the event is no object")
    serial, problem = decide(event, store, parameter)
    tell("%s: %s" % (serial or "?", problem or "yes"))
    return {"allowProvisioning": problem is None, "parameterOverrides": {}}


# ---- files ----

SCHEMA = """
CREATE TABLE IF NOT EXISTS used (
    serial TEXT NOT NULL,
    certificate TEXT NOT NULL,
    at INTEGER NOT NULL DEFAULT (CAST(strftime('%s') AS INTEGER)),
    PRIMARY KEY (serial, certificate)
);
CREATE TABLE IF NOT EXISTS nonce (
    nonce TEXT PRIMARY KEY,
    certificate TEXT NOT NULL
);
"""


def check_private(path):
    if stat.S_IMODE(os.stat(path).st_mode) & 0o077:
        raise ValueError('"%s" holds secrets, and others may read it: '
                         'chmod 600 it' % path)


def read_secret(path):
    """As imprint provision reads it: a line break at the end is not part."""
    check_private(path)
    with open(path, "rb") as file:
        secret = file.read()
    if secret.endswith(b"\n"):
        secret = secret[:-1]
        if secret.endswith(b"\r"):
            secret = secret[:-1]
    return secret


def read_words(path, words):
    """What follows the serial number: (replacements, existing, secret)."""
    replacements, existing, secret = 0, False, None
    for word in words:
        name, _, value = word.partition("=")
        if name == "replace" and (word == name or value.isdecimal()):
            replacements = int(value or 1)
        elif word == "exists":
            existing = True
        elif name == "secret" and value:
            check_private(path)
            secret = value.encode()
        else:  # it may be a secret, so it is not shown
            raise ValueError('"%s" has a word that is not known; there are '
                             'replace, replace=N, exists and secret=TEXT' %
                             path)
    return replacements, existing, secret


class Files:
    """list_path: text, one serial number a line and words behind it; or an
    SQLite database with a table "device". What is used up is recorded in an
    SQLite database, too."""

    def __init__(self, list_path, used_path=None, secret=None):
        self.list_path = list_path
        self.secret = secret
        with open(list_path, "rb") as file:
            self.is_database = file.read(16) == b"SQLite format 3\0"
        if not used_path:
            used_path = list_path + ("" if self.is_database else ".used")
        self.used_path = used_path

    def find_text(self, serial):
        with open(self.list_path, encoding="utf-8") as file:
            found = [words[1:] for words in (line.split() for line in file
                                             if line.startswith(serial))
                     if words[0] == serial]
        if len(found) > 1:
            raise ValueError('"%s" has "%s" twice' % (self.list_path, serial))
        return read_words(self.list_path, found[0]) if found else None

    def find_row(self, serial):
        with contextlib.closing(sqlite3.connect(self.list_path,
                                                BUSY_S)) as base:
            row = base.execute("SELECT replacements, existing, secret "
                               "FROM device WHERE serial = ?",
                               (serial,)).fetchone()
        if not row or row[2] is None:
            return row
        check_private(self.list_path)
        secret = row[2]
        return row[0], row[1], (secret if isinstance(secret, bytes)
                                else secret.encode())

    def find(self, serial):
        if serial.startswith("#"):
            return None  # a comment
        found = (self.find_row if self.is_database else self.find_text)(serial)
        if found is None:
            return None
        replacements, existing, secret = found
        return Device(1 + replacements - (1 if existing else 0),
                      self.secret if secret is None else secret)

    def take(self, serial, certificate_id, nonce, limit):
        before = os.umask(0o077)
        try:
            base = sqlite3.connect(self.used_path, BUSY_S,
                                   isolation_level=None)
        finally:
            os.umask(before)
        with contextlib.closing(base):
            base.execute("PRAGMA synchronous = FULL")
            base.execute("BEGIN IMMEDIATE")  # one at a time from here on
            for statement in SCHEMA.split(";"):
                base.execute(statement)
            problem = self.record(base, (serial, certificate_id), nonce, limit)
            base.execute("ROLLBACK" if problem else "COMMIT")
        return problem

    @staticmethod
    def record(base, who, nonce, limit):
        if nonce is not None:
            base.execute("INSERT OR IGNORE INTO nonce VALUES (?, ?)",
                         (nonce, who[1]))
            taken, = base.execute("SELECT certificate FROM nonce "
                                  "WHERE nonce = ?", (nonce,)).fetchone()
            if taken != who[1]:
                return NONCE_USED
        base.execute("INSERT OR IGNORE INTO used (serial, certificate) "
                     "VALUES (?, ?)", who)
        if base.execute("SELECT changes()").fetchone()[0] == 0:
            return None  # the same certificate again
        count, = base.execute("SELECT count(*) FROM used WHERE serial = ?",
                              who[:1]).fetchone()
        return EXISTS if count > limit else None


# ---- the settings of the program ----

def read_settings(path):
    """{"list": ..., ...} of lines "name = value"; paths are made absolute."""
    settings = {"parameter": "SerialNumber", "used": None, "secret": None}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            name, equal, value = (part.strip() for part in line.partition("="))
            if name not in ("list", "used", "secret", "parameter") or not \
                    equal or not value:
                raise ValueError('%s:%d: "%s" is not known; there are list, '
                                 'used, secret and parameter' %
                                 (path, number, name))
            if name != "parameter":
                value = os.path.join(os.path.dirname(path), value)
            settings[name] = value
    if "list" not in settings:
        raise ValueError('%s: no "list" is set' % path)
    return settings


def open_files(settings_path):
    """Sets store and parameter as the settings file says."""
    global store, parameter
    settings = read_settings(os.path.abspath(settings_path))
    secret = settings["secret"] and read_secret(settings["secret"])
    store = Files(settings["list"], settings["used"], secret)
    parameter = settings["parameter"]


def main(settings_path):
    """One event on standard input, one answer on standard output."""
    try:
        open_files(settings_path)
        answer = handler(json.load(sys.stdin))
    except (OSError, ValueError, RecursionError, sqlite3.Error) as trouble:
        sys.exit("allow-list: error: %s" % trouble)
    json.dump(answer, sys.stdout)
    print()

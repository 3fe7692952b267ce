"""Tokens of SoftHSM 2, in a directory of the test's own."""
import os
import subprocess

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "5678"


def run(*words):
    return subprocess.run(words, check=True, capture_output=True,
                          text=True).stdout


def available():
    return os.path.exists(MODULE)


def set_up(work):
    """From now on this process and what it starts see only these tokens."""
    os.mkdir(work + "/tokens")
    with open(work + "/softhsm2.conf", "w") as out:
        out.write("directories.tokendir = %s/tokens\nlog.level = ERROR\n" %
                  work)
    os.environ["SOFTHSM2_CONF"] = work + "/softhsm2.conf"


def make_token(label):
    run("softhsm2-util", "--init-token", "--free", "--label", label, "--pin",
        PIN, "--so-pin", "12345678")


def put_key(token, label, identifier, key):
    run("softhsm2-util", "--import", key, "--token", token, "--label", label,
        "--id", identifier, "--pin", PIN)


def tool(token, *words):
    return run("pkcs11-tool", "--module", MODULE, "--token-label", token,
               "--login", "--pin", PIN, *words)


def keys(token, label="imprint"):
    """Ids of the pairs with this label; private and public must agree."""
    found = {"Private": [], "Public": []}
    kind = name = None
    for line in tool(token, "-O").splitlines():
        if " Key Object" in line:
            kind = line.split()[0]
        elif line.strip().startswith("label:"):
            name = line.split(":", 1)[1].strip()
        elif line.strip().startswith("ID:") and name == label:
            found[kind].append(line.split()[1])
    assert sorted(found["Private"]) == sorted(found["Public"]), found
    return sorted(found["Private"])

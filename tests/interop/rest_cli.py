#!/usr/bin/env python3
"""AWS's command line, unmodified: the five steps before delivery, a device
provisioned with the result, lists, errors, and the teardown."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rest_rig  # noqa: E402
from rest_rig import check, rig  # noqa: E402
from rest_steps import FUNCTION, provision  # noqa: E402

AWS = "/usr/bin/aws"  # Debian's


class Cli:
    def __init__(self, plane):
        self.plane = plane
        self.environment = plane.environment()
        self.environment.pop("PYTHONPATH", None)

    def run(self, *words):
        return subprocess.run(
            [AWS, "--endpoint-url", self.plane.url, "--output", "json",
             *words], capture_output=True, text=True, timeout=60,
            env=self.environment)

    def __call__(self, *words):
        """What it prints, read; None: nothing."""
        ended = self.run(*words)
        assert ended.returncode == 0, (words, ended.stderr)
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    def error(self, *words):
        """The name of the error that it says."""
        ended = self.run(*words)
        if ended.returncode == 0 or "(" not in ended.stderr:
            return ended.stderr
        return ended.stderr.split("(", 1)[1].split(")", 1)[0]


def file(plane, name, text):
    with open(plane.path(name), "w", encoding="utf-8") as out:
        out.write(text)
    return "file://" + plane.path(name)


def set_up(plane, aws):
    """As AWS's guide has it, line by line; what the claim got."""
    status, _, err = plane.verb("set", f"hook:{FUNCTION}", "exec:/bin/true")
    assert status == 0, err
    aws("sts", "get-caller-identity")
    role = aws("iam", "create-role", "--role-name", "provisioning",
               "--assume-role-policy-document",
               file(plane, "trust.json", rest_rig.TRUST))["Role"]["Arn"]
    aws("iam", "attach-role-policy", "--role-name", "provisioning",
        "--policy-arn", rest_rig.REGISTRATION_POLICY)
    attached = aws("iam", "list-attached-role-policies", "--role-name",
                   "provisioning")["AttachedPolicies"]
    check("the role has its policy",
          [policy["PolicyArn"] for policy in attached] ==
          [rest_rig.REGISTRATION_POLICY], attached)
    aws("lambda", "add-permission", "--function-name", FUNCTION,
        "--statement-id", "iot", "--action", "lambda:InvokeFunction",
        "--principal", "iot.amazonaws.com")
    policy = json.loads(aws("lambda", "get-policy", "--function-name",
                            FUNCTION)["Policy"])
    check("the function may be called", [
        statement["Sid"] for statement in policy["Statement"]] == ["iot"],
          policy)
    aws("iot", "create-policy", "--policy-name", "device", "--policy-document",
        file(plane, "device.json", rest_rig.FREE_POLICY))
    aws("iot", "create-provisioning-template", "--template-name", "pumps",
        "--provisioning-role-arn", role, "--template-body",
        file(plane, "template.json", rest_rig.template_body()), "--enabled")
    made = aws("iot", "create-keys-and-certificate", "--set-as-active")
    aws("iot", "create-policy", "--policy-name", "claim", "--policy-document",
        file(plane, "claim.json", plane.claim_policy("pumps")))
    aws("iot", "attach-policy", "--policy-name", "claim", "--target",
        made["certificateArn"])
    return made


def tear_down(aws, claim):
    principal = aws("iot", "list-thing-principals", "--thing-name",
                    "pump-1")["principals"][0]
    certificate = principal.rsplit("/", 1)[1]
    aws("iot", "detach-thing-principal", "--thing-name", "pump-1",
        "--principal", principal)
    aws("iot", "update-certificate", "--certificate-id", certificate,
        "--new-status", "INACTIVE")
    aws("iot", "delete-certificate", "--certificate-id", certificate,
        "--force-delete")
    aws("iot", "delete-thing", "--thing-name", "pump-1")
    aws("iot", "delete-provisioning-template", "--template-name", "pumps")
    aws("iot", "detach-policy", "--policy-name", "claim", "--target",
        claim["certificateArn"])
    aws("iot", "update-certificate", "--certificate-id",
        claim["certificateId"], "--new-status", "INACTIVE")
    aws("iot", "delete-certificate", "--certificate-id",
        claim["certificateId"])
    for name in ("claim", "device"):
        aws("iot", "delete-policy", "--policy-name", name)
    aws("lambda", "remove-permission", "--function-name", FUNCTION,
        "--statement-id", "iot")
    aws("iam", "detach-role-policy", "--role-name", "provisioning",
        "--policy-arn", rest_rig.REGISTRATION_POLICY)
    aws("iam", "delete-role", "--role-name", "provisioning")
    left = [aws("iot", "list-things")["things"],
            aws.error("iot", "describe-certificate", "--certificate-id",
                      certificate),
            aws.error("iam", "get-role", "--role-name", "provisioning")]
    check("after the teardown all is gone",
          left == [[], "ResourceNotFoundException", "NoSuchEntity"], left)


def test_steps():
    with rest_rig.Plane() as plane:
        aws = Cli(plane)
        made = set_up(plane, aws)
        ended = provision(plane, plane.claim_files("claim", made), "device",
                          "pump-1")
        check("a device is provisioned by what aws set up",
              ended.returncode == 0, ended.stderr)
        for i in range(8):
            aws("iot", "create-thing-group", "--thing-group-name", f"g{i}")
        groups = aws("iot", "list-thing-groups", "--page-size", "3")
        check("a list goes over pages",
              [each["groupName"] for each in groups["thingGroups"]] ==
              [f"g{i}" for i in range(8)], groups)
        for i in range(8):
            aws("iot", "delete-thing-group", "--thing-group-name", f"g{i}")
        check("an error has its name",
              aws.error("iot", "describe-thing", "--thing-name", "none") ==
              "ResourceNotFoundException")
        tear_down(aws, made)


if __name__ == "__main__":
    rig.run_tests([test_steps])

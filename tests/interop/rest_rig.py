"""An endpoint with its control plane, and boto3 clients of it. What comes back
to any of them is held against the service's model as botocore carries it."""
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "e2e"))
import rig  # noqa: E402
from rig import check, within  # noqa: E402,F401

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

ACCOUNT = "000000000000"
REGION = "us-east-1"
ARN = f"arn:aws:iot:{REGION}:{ACCOUNT}:"
REGISTRATION_POLICY = ("arn:aws:iam::aws:policy/service-role/"
                       "AWSIoTThingsRegistration")
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"},
     "Action": "sts:AssumeRole"}]})
FREE_POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]})


def template_body(policy="device"):
    """The usual one, as text."""
    return json.dumps({
        "Parameters": {"SerialNumber": {"Type": "String"},
                       "AWS::IoT::Certificate::Id": {"Type": "String"}},
        "Resources": {
            "thing": {"Type": "AWS::IoT::Thing", "Properties": {
                "ThingName": {"Ref": "SerialNumber"}}},
            "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {
                "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                "Status": "Active"}},
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {
                "PolicyName": policy}}}})


# ---- the model ----

TYPES = {"string": str, "integer": int, "long": int, "boolean": bool,
         "double": (int, float), "float": (int, float)}
faults = []
seen = set()


def compare(shape, value, place):
    """Appends to faults what the model does not have so."""
    if value is None:
        faults.append(f"{place} is null")
    elif shape.type_name == "structure":
        if not isinstance(value, dict):
            faults.append(f"{place} is no object")
            return
        names = {member.serialization.get("name", name): member
                 for name, member in shape.members.items()
                 if member.serialization.get("location") is None}
        for name in value:
            if name not in names:
                faults.append(f"{place}.{name} is not in the model")
            else:
                compare(names[name], value[name], f"{place}.{name}")
        for name in shape.required_members:
            if name not in value:
                faults.append(f"{place}.{name} is missing")
    elif shape.type_name == "list":
        if not isinstance(value, list):
            faults.append(f"{place} is no list")
            return
        for item in value:
            compare(shape.member, item, place + "[]")
    elif shape.type_name == "map":
        if not isinstance(value, dict):
            faults.append(f"{place} is no map")
            return
        for name, item in value.items():
            compare(shape.value, item, f"{place}.{name}")
    elif shape.type_name == "timestamp":
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            faults.append(f"{place} is no Unix time")
    elif (not isinstance(value, TYPES[shape.type_name]) or
          (isinstance(value, bool) and shape.type_name != "boolean")):
        faults.append(f"{place} is no {shape.type_name}: {value!r}")
    elif getattr(shape, "enum", None) and value not in shape.enum:
        faults.append(f"{place} is not one of {shape.enum}: {value!r}")


def judge(http_response, parsed, model, **_):
    """Called by botocore with each answer of AWS IoT."""
    status = http_response.status_code
    name = model.name
    if status < 300:
        seen.add(name)
        text = http_response.content
        if model.output_shape is None:
            return
        compare(model.output_shape, json.loads(text) if text else {}, name)
        return
    code = parsed["Error"]["Code"]
    shapes = {shape.name: shape for shape in model.error_shapes}
    before = {"InvalidSignatureException", "MissingAuthenticationTokenException",
              "UnrecognizedClientException", "ExpiredTokenException",
              "IncompleteSignatureException", "SerializationException"}
    if code in before:
        return
    if code not in shapes:
        faults.append(f"{name} has no error {code}: {parsed}")
        return
    expected = shapes[code].metadata["error"]["httpStatusCode"]
    if status != expected:
        faults.append(f"{name}: {code} with {status}, not {expected}")
    compare(shapes[code], {key: value for key, value in json.loads(
        http_response.content).items() if key not in ("traceId",)},
        f"{name}: {code}")


def check_model(name):
    """One test of what was seen since the last time."""
    check(f"{name}: every answer has the model's shape", not faults,
          "\n".join(faults))
    faults.clear()


# ---- the endpoint ----

class Plane(rig.Endpoint):
    """With --rest; aws("iot") is a boto3 client with a key of its own."""

    def __init__(self, *options):
        super().__init__(options=["--rest", "127.0.0.1:0", *options])
        self.url = self.ready["rest"]
        self.keys = self.add_keys("admin")

    def add_keys(self, name, *options):
        status, out, err = self.verb("credentials", "add", name, "--json",
                                     *options)
        assert status == 0, err
        return json.loads(out)

    def aws(self, service, keys=None, **more):
        keys = keys or self.keys
        session = boto3.session.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"), region_name=REGION)
        client = session.client(
            service, endpoint_url=self.url, verify=self.ca,
            config=Config(retries={"max_attempts": 0}, read_timeout=15,
                          parameter_validation=more.pop("validates", True),
                          **more))
        if service == "iot":
            client.meta.events.register("after-call.iot.*", judge)
        return client

    def environment(self):
        """For AWS's programs."""
        return {**os.environ, "AWS_ACCESS_KEY_ID": self.keys["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": self.keys["SecretAccessKey"],
                "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION,
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
                "AWS_PAGER": "", "AWS_CA_BUNDLE": self.ca,
                "IMPRINT_REST": self.url}

    def claim_files(self, name, made):
        """Paths of a key pair that CreateKeysAndCertificate made."""
        os.makedirs(self.path(name), exist_ok=True)
        certificate = self.path(name, "certificate.pem")
        with open(certificate, "w", encoding="ascii") as file:
            file.write(made["certificatePem"])
        with open(self.path(name, "private.key"), "w", encoding="ascii") as file:
            file.write(made["keyPair"]["PrivateKey"])
        os.chmod(self.path(name, "private.key"), 0o600)
        return certificate

    def claim_policy(self, template):
        """The smallest that works, as `imprint policy claim` writes it."""
        import subprocess
        ended = subprocess.run(
            [rig.IMPRINT, "policy", "claim", "--template", template, "--flow",
             "csr", "--format", "cbor", "--region", REGION, "--account",
             ACCOUNT], capture_output=True, text=True, check=True)
        return ended.stdout


def refused(call, *arguments, **named):
    """The typed exception's name; "" if it was none."""
    try:
        call(*arguments, **named)
    except ClientError as error:
        return type(error).__name__ if type(error) is not ClientError else \
            "untyped " + error.response["Error"]["Code"]
    return ""

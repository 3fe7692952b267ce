#!/usr/bin/env python3
"""Every error of the control plane, as boto3's typed exception; and what is
refused before an operation: signatures, requests that are too much."""
import datetime
import json
import os
import socket
import ssl
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rest_rig  # noqa: E402
from rest_rig import ARN, FREE_POLICY, REGION, check, refused, rig  # noqa: E402,E501
from rest_shapes import make_ca, sign  # noqa: E402

import botocore.auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

ABSENT = "0" * 64


# ---- typed ----

def expect(name, call, **arguments):
    got = refused(call, **arguments)
    check(f"{name}", got == name, got)


def test_typed():
    with rest_rig.Plane() as plane:
        iot = plane.aws("iot")
        role = plane.aws("iam").create_role(
            RoleName="r", AssumeRolePolicyDocument=rest_rig.TRUST)["Role"]["Arn"]
        template = {"templateName": "m", "provisioningRoleArn": role,
                    "templateBody": rest_rig.template_body()}
        iot.create_provisioning_template(**template)
        expect("ResourceAlreadyExistsException",
               iot.create_provisioning_template, **template)
        expect("ResourceNotFoundException",
               iot.describe_provisioning_template, templateName="none")
        expect("InvalidRequestException", iot.create_provisioning_template,
               **{**template, "templateName": "other", "templateBody": "{}"})
        expect("MalformedPolicyException", iot.create_policy, policyName="bad",
               policyDocument='{"Version":"2012-10-17"}')
        for _ in range(4):
            iot.create_provisioning_template_version(
                templateName="m", templateBody=template["templateBody"])
        expect("VersionsLimitExceededException",
               iot.create_provisioning_template_version, templateName="m",
               templateBody=template["templateBody"])
        loose = plane.aws("iot", validates=False)
        for target in ("exec:/bin/touch /tmp/imprint-taken", "http://h/x"):
            got = refused(loose.update_provisioning_template, templateName="m",
                          preProvisioningHook={"targetArn": target})
            check(f"no hook but a Lambda function: {target.split(':')[0]}",
                  got == "InvalidRequestException", got)
        of_certificates(plane, iot)
        of_faults(plane, iot)
        rest_rig.check_model("errors")


def of_certificates(plane, iot):
    made = iot.create_keys_and_certificate(setAsActive=True)
    expect("CertificateStateException", iot.delete_certificate,
           certificateId=made["certificateId"])
    iot.update_certificate(certificateId=made["certificateId"],
                           newStatus="INACTIVE")
    iot.create_thing(thingName="t")
    iot.attach_thing_principal(thingName="t", principal=made["certificateArn"])
    expect("DeleteConflictException", iot.delete_certificate,
           certificateId=made["certificateId"], forceDelete=True)
    expect("VersionConflictException", iot.update_thing, thingName="t",
           expectedVersion=7)
    for i in range(10):
        iot.create_policy(policyName=f"p{i}", policyDocument=FREE_POLICY)
        iot.attach_policy(policyName=f"p{i}", target=made["certificateArn"])
    iot.create_policy(policyName="p10", policyDocument=FREE_POLICY)
    expect("LimitExceededException", iot.attach_policy, policyName="p10",
           target=made["certificateArn"])
    expect("CertificateValidationException", iot.register_certificate_without_ca,
           certificatePem="-----BEGIN CERTIFICATE-----\nAAAA\n"
           "-----END CERTIFICATE-----\n")
    make_ca(plane, "ca1")
    code = iot.get_registration_code()["registrationCode"]
    with open(plane.path("ca1.pem"), encoding="ascii") as file:
        pem = file.read()
    expect("RegistrationCodeValidationException", iot.register_ca_certificate,
           caCertificate=pem, verificationCertificate=sign(plane, "ca1", "x"))
    iot.register_ca_certificate(
        caCertificate=pem, verificationCertificate=sign(plane, "ca1", code),
        setAsActive=True)
    make_ca(plane, "ca2")
    with open(plane.path("ca2.pem"), encoding="ascii") as file:
        other = file.read()
    expect("CertificateValidationException", iot.register_certificate,
           caCertificatePem=other, certificatePem=sign(plane, "ca1", "d"))
    expect("ResourceRegistrationFailureException", iot.register_thing,
           templateBody=rest_rig.template_body("p0"),
           parameters={"SerialNumber": "s"})


def of_faults(plane, iot):
    """What comes by no other way here than a rule."""
    for name, status in (("ThrottlingException", 400),
                         ("UnauthorizedException", 401),
                         ("ConflictingResourceUpdateException", 409),
                         ("InternalFailureException", 500)):
        fault(plane, f"rest operation=DescribeProv*: refuse {status} {name}")
        call = iot.describe_provisioning_template
        if name == "ConflictingResourceUpdateException":
            fault(plane, f"rest operation=UpdateProv*: refuse {status} {name}")
            call = iot.update_provisioning_template
        expect(name, call, templateName="m")
    fault(plane, "rest operation=ListCert* nth=2: refuse 503 "
          "ServiceUnavailableException")
    expect("", iot.list_certificates)
    expect("ServiceUnavailableException", iot.list_certificates)
    expect("", iot.list_certificates)
    fault(plane, "rest operation=RegisterCertificate: refuse 409 "
          "CertificateConflictException")
    expect("CertificateConflictException", iot.register_certificate,
           certificatePem="x")


def fault(plane, rule):
    for words in (("fault", "none"), ("fault", rule)):
        status, _, err = plane.verb(*words)
        assert status == 0, err


# ---- signatures ----

def send(plane, *, keys=None, at=None, service="iot", method="GET",
         path="/policies", body=b"", headers=None, query=False, spoil=None,
         expires=60):
    """(HTTP status, error's name) of a request signed by hand."""
    keys = keys or plane.keys
    request = AWSRequest(method, plane.url + path, data=body,
                         headers=headers or {})
    credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"],
                              keys.get("SessionToken"))
    kind = botocore.auth.SigV4QueryAuth if query else botocore.auth.SigV4Auth
    signer = kind(credentials, service, REGION, **(
        {"expires": expires} if query else {}))
    real = botocore.auth.datetime
    if at is not None:
        class Then(datetime.datetime):
            @classmethod
            def utcnow(cls):
                return real.datetime.utcnow() + datetime.timedelta(seconds=at)

        class Clock:
            datetime = Then
        botocore.auth.datetime = Clock
    try:
        signer.add_auth(request)
    finally:
        botocore.auth.datetime = real
    if spoil:
        spoil(request)
    return raw(plane, request.url, dict(request.headers), method, request.data)


def raw(plane, url, headers=None, method="GET", data=None):
    sent = urllib.request.Request(url, data=data or None, headers=headers or {},
                                  method=method)
    context = ssl.create_default_context(cafile=plane.ca)
    try:
        with urllib.request.urlopen(sent, timeout=10, context=context) as got:
            return got.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("x-amzn-ErrorType", "")


def test_signatures():
    with rest_rig.Plane() as plane:
        wrong = {**plane.keys, "SecretAccessKey": "x" * 40}
        unknown = {**plane.keys, "AccessKeyId": "AKIA" + "X" * 16}
        session = plane.add_keys("visitor", "--lifetime", "600")
        no_token = {**session, "SessionToken": None}
        bad_token = {**session, "SessionToken": "x" * 64}
        invalid = (403, "InvalidSignatureException")
        stranger = (403, "UnrecognizedClientException")

        def body(request):
            request.data = b'{"a":1}'

        def header(request):
            request.headers.replace_header("X-Amz-Date", "20200101T000000Z")

        def query(request):
            request.url += "&pageSize=3"

        cases = [
            ("a signed request", {}, (200, "")),
            ("for execute-api", {"service": "execute-api"}, (200, "")),
            ("in the query", {"query": True}, (200, "")),
            ("with a session's token", {"keys": session}, (200, "")),
            ("in the query with a session's token",
             {"keys": session, "query": True}, (200, "")),
            ("with escapes in path and query",
             {"path": "/things/a%3Ab?x=%20%2F"}, (404,
                                                  "ResourceNotFoundException")),
            ("4 minutes old", {"at": -240}, (200, "")),
            ("4 minutes ahead", {"at": 240}, (200, "")),
            ("6 minutes old", {"at": -360}, invalid),
            ("6 minutes ahead", {"at": 360}, invalid),
            ("a query beyond its time",
             {"query": True, "at": -120, "expires": 60}, invalid),
            ("a wrong secret", {"keys": wrong}, invalid),
            ("an unknown key", {"keys": unknown}, stranger),
            ("a session without its token", {"keys": no_token}, stranger),
            ("a session with another token", {"keys": bad_token}, stranger),
            ("for another service", {"service": "s3"}, invalid),
            ("another body than was signed",
             {"method": "POST", "path": "/things/t", "body": b"{}",
              "spoil": body}, invalid),
            ("another time than was signed", {"spoil": header}, invalid),
            ("another query than was signed",
             {"query": True, "spoil": query}, invalid),
        ]
        for name, arguments, expected in cases:
            got = send(plane, **arguments)
            check(f"{name}: {expected[0]}", got == expected, got)
        status, _, _ = plane.verb("clock", "+11m")
        got = send(plane, keys=session)
        check("a session that has ended", status == 0 and got ==
              (403, "ExpiredTokenException"), got)
        status, _, err = plane.verb("credentials", "remove",
                                    plane.keys["AccessKeyId"])
        got = send(plane)
        check("a key that was removed", status == 0 and got == stranger,
              (err, got))
        check("no signature at all",
              raw(plane, plane.url + "/policies") ==
              (403, "MissingAuthenticationTokenException"))


# ---- requests that are too much ----

def test_bounds():
    with rest_rig.Plane() as plane:
        got = send(plane, method="POST", path="/things/t",
                   body=b'{"a":"' + b"x" * (2 << 20) + b'"}')
        check("a body of 2 MiB is refused", got[0] == 413, got)
        got = send(plane, method="POST", path="/things/t", body=b"{nonsense")
        check("a body that is no JSON", got == (400, "SerializationException"),
              got)
        got = send(plane, method="POST", path="/things/t",
                   body=b'{"attributePayload":' + b"[" * 5000)
        check("a body that is nested without end",
              got == (400, "SerializationException"), got)
        got = send(plane, path="/things/%FF%FE")
        check("a name that is no UTF-8", got ==
              (400, "InvalidRequestException"), got)
        got = send(plane, path="/" + "x" * 60000)
        check("a path without end", got[0] in (400, 404, 414, 431), got)
        got = send(plane, method="PATCH", path="/policies")
        check("a method that the path does not have",
              got == (405, "UnknownOperationException"), got)
        host, port = plane.url.rsplit("/", 1)[1].rsplit(":", 1)
        slow = socket.create_connection((host, int(port)))
        slow.sendall(b"POST /things/t HTTP/1.1\r\nHost: x\r\n")
        got = send(plane)
        check("a slow client is in nobody's way", got == (200, ""), got)
        slow.close()  # that it is cut in time: test_rest_slow


# ---- open, and TLS ----

def test_open():
    with rest_rig.Plane("--no-auth") as plane:
        url = plane.url + "/policies"
        check("--no-auth: an unsigned request", raw(plane, url) == (200, ""))
        check("and one that somebody else signed",
              send(plane, keys={"AccessKeyId": "test",
                                "SecretAccessKey": "test"}) == (200, ""))
        check("not one of a page in a browser",
              raw(plane, url, {"Origin": "http://evil.example"})[0] == 403)
        check("nor by a name that leads here",
              [raw(plane, url, {"Host": host})[0] for host in
               ("evil.example", "127.evil.example", "localhost.evil.example")]
              == [403] * 3)
    with rest_rig.Plane("--rest-tls") as plane:
        check("--rest-tls: by the endpoint's own authority",
              plane.url.startswith("https://") and send(plane) == (200, ""))


def test_reach():
    with rig.Endpoint() as endpoint:
        endpoint.stop()
        for options, word in (
                (["--rest", "0.0.0.0:0"], "other machines"),
                (["--rest", "0.0.0.0:0", "--allow-remote"], "other machines"),
                (["--rest", "0.0.0.0:0", "--rest-tls"], "other machines"),
                (["--rest", "0.0.0.0:0", "--allow-remote", "--rest-tls",
                  "--no-auth"], "everybody"),
                (["--rest", "4567"], "HOST:PORT"),
                (["--no-auth"], "--rest")):
            status, _, err = endpoint.verb("run", "--listen", "127.0.0.1:0",
                                           *options)
            check(f"{' '.join(options)} is refused",
                  status == 2 and word in err, (status, err))


if __name__ == "__main__":
    rig.run_tests([test_typed, test_signatures, test_bounds, test_open,
                   test_reach])

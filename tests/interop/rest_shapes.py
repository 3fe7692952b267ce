#!/usr/bin/env python3
"""Every operation that docs/FIDELITY.md says is there: posted with all of its
documented members, and its answer held against the service's model. Every
operation that is not there: a clear error."""
import json
import os
import re
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rest_rig  # noqa: E402
from rest_rig import ARN, FREE_POLICY, check, rig  # noqa: E402

from botocore.auth import SigV4Auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

TAGS = [{"Key": "line", "Value": "4"}]
HOOK = f"arn:aws:lambda:{rest_rig.REGION}:{rest_rig.ACCOUNT}:function:hook"
ROLE = f"arn:aws:iam::{rest_rig.ACCOUNT}:role/r"
# Documented, and not taken: docs/FIDELITY.md says so.
NOT_SENT = {
    ("GetEffectivePolicies", "cognitoIdentityPoolId"),
}


def openssl(plane, *words, text=""):
    return subprocess.run(["openssl", *words], input=text, text=True,
                          capture_output=True, check=True,
                          cwd=plane.top).stdout


def make_ca(plane, name):
    openssl(plane, "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
            f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    with open(plane.path(f"{name}.pem"), encoding="ascii") as file:
        return file.read()


def sign(plane, ca, subject):
    """A certificate of that CA."""
    csr = openssl(plane, "req", "-new", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-subj",
                  f"/CN={subject}", "-keyout", f"{subject}.key")
    return openssl(plane, "x509", "-req", "-days", "20", "-CA", f"{ca}.pem",
                   "-CAkey", f"{ca}.key", "-CAcreateserial", text=csr)


class Table:
    """Calls in order; what came back is in its .got, by operation."""

    def __init__(self, plane):
        self.plane = plane
        self.iot = plane.aws("iot")
        self.got = {}
        self.sent = set()

    def __call__(self, operation, **arguments):
        method = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_",
                        operation).lower().replace("without_ca", "without_ca")
        for name in arguments:
            self.sent.add((operation, name))
        try:
            answer = getattr(self.iot, method)(**arguments)
        except Exception as error:  # pylint: disable=broad-except
            check(f"{operation} {sorted(arguments)}", False, error)
            answer = {}
        self.got[operation] = answer
        return answer


# ---- the table ----

def names(call):
    call("CreateThingType", thingTypeName="pump", tags=TAGS,
         thingTypeProperties={"thingTypeDescription": "a pump",
                              "searchableAttributes": ["colour"]})
    call("DescribeThingType", thingTypeName="pump")
    call("ListThingTypes", maxResults=5, thingTypeName="pump")
    call("CreateThingGroup", thingGroupName="all", tags=TAGS,
         thingGroupProperties={
             "thingGroupDescription": "all of them",
             "attributePayload": {"attributes": {"a": "b"}, "merge": True}})
    call("CreateThingGroup", thingGroupName="hall", parentGroupName="all")
    call("DescribeThingGroup", thingGroupName="hall")
    call("ListThingGroups", maxResults=5, parentGroup="all",
         namePrefixFilter="h", recursive=True)
    call("UpdateThingGroup", thingGroupName="hall", expectedVersion=1,
         thingGroupProperties={"thingGroupDescription": "the hall"})
    call("CreateBillingGroup", billingGroupName="dept", tags=TAGS,
         billingGroupProperties={"billingGroupDescription": "ours"})
    call("DescribeBillingGroup", billingGroupName="dept")
    call("ListBillingGroups", maxResults=5, namePrefixFilter="d")
    call("UpdateBillingGroup", billingGroupName="dept", expectedVersion=1,
         billingGroupProperties={"billingGroupDescription": "yours"})


def things(call):
    call("CreateThing", thingName="t1", thingTypeName="pump",
         billingGroupName="dept",
         attributePayload={"attributes": {"colour": "red"}, "merge": True})
    call("CreateThing", thingName="t2")
    call("DescribeThing", thingName="t1")
    call("ListThings", maxResults=5, attributeName="colour",
         attributeValue="re", usePrefixAttributeValue=True)
    call("ListThings", thingTypeName="pump")
    call("UpdateThing", thingName="t2", thingTypeName="pump",
         attributePayload={"attributes": {"colour": "blue"}, "merge": True},
         expectedVersion=1)
    call("UpdateThing", thingName="t2", removeThingType=True)
    call("AddThingToThingGroup", thingGroupName="hall",
         thingGroupArn=ARN + "thinggroup/hall", thingName="t1",
         thingArn=ARN + "thing/t1", overrideDynamicGroups=False)
    call("ListThingGroupsForThing", thingName="t1", maxResults=5)
    call("ListThingsInThingGroup", thingGroupName="all", recursive=True,
         maxResults=5)
    call("RemoveThingFromThingGroup", thingGroupName="hall",
         thingGroupArn=ARN + "thinggroup/hall", thingName="t1",
         thingArn=ARN + "thing/t1")
    call("UpdateThingGroupsForThing", thingName="t1", thingGroupsToAdd=["all"],
         thingGroupsToRemove=["hall"], overrideDynamicGroups=False)
    call("AddThingToBillingGroup", billingGroupName="dept",
         billingGroupArn=ARN + "billinggroup/dept", thingName="t2",
         thingArn=ARN + "thing/t2")
    call("ListThingsInBillingGroup", billingGroupName="dept", maxResults=5)
    call("RemoveThingFromBillingGroup", billingGroupName="dept",
         billingGroupArn=ARN + "billinggroup/dept", thingName="t2",
         thingArn=ARN + "thing/t2")


def certificates(call):
    call("CreateKeysAndCertificate", setAsActive=True)
    csr, _ = rig.make_csr(call.plane)
    call("CreateCertificateFromCsr", certificateSigningRequest=csr,
         setAsActive=False)
    made = call.got["CreateKeysAndCertificate"]
    call("DescribeCertificate", certificateId=made["certificateId"])
    call("ListCertificates", pageSize=5, ascendingOrder=True)
    call("UpdateCertificate", certificateId=made["certificateId"],
         newStatus="INACTIVE")
    principal = made["certificateArn"]
    call("AttachThingPrincipal", thingName="t1", principal=principal)
    call("ListThingPrincipals", thingName="t1", maxResults=5)
    call("ListPrincipalThings", principal=principal, maxResults=5)


def policies(call):
    principal = call.got["CreateKeysAndCertificate"]["certificateArn"]
    call("CreatePolicy", policyName="p", policyDocument=FREE_POLICY, tags=TAGS)
    call("CreatePolicyVersion", policyName="p", policyDocument=FREE_POLICY,
         setAsDefault=True)
    call("SetDefaultPolicyVersion", policyName="p", policyVersionId="1")
    call("GetPolicy", policyName="p")
    call("GetPolicyVersion", policyName="p", policyVersionId="2")
    call("ListPolicies", pageSize=5, ascendingOrder=True)
    call("ListPolicyVersions", policyName="p")
    call("DeletePolicyVersion", policyName="p", policyVersionId="2")
    call("AttachPolicy", policyName="p", target=principal)
    call("AttachPolicy", policyName="p", target=ARN + "thinggroup/all")
    call("ListAttachedPolicies", target=ARN + "thinggroup/hall", pageSize=5,
         recursive=True)
    call("ListTargetsForPolicy", policyName="p", pageSize=5)
    call("GetEffectivePolicies", principal=principal, thingName="t1")
    call("ListPrincipalPolicies", principal=principal, pageSize=5,
         ascendingOrder=True)
    call("ListPolicyPrincipals", policyName="p", pageSize=5,
         ascendingOrder=True)
    call("DetachPolicy", policyName="p", target=principal)
    call("AttachPrincipalPolicy", policyName="p", principal=principal)
    call("DetachPrincipalPolicy", policyName="p", principal=principal)
    call("TagResource", resourceArn=ARN + "policy/p", tags=TAGS)
    call("ListTagsForResource", resourceArn=ARN + "policy/p")
    call("UntagResource", resourceArn=ARN + "policy/p", tagKeys=["line"])


def templates(call):
    call("CreateProvisioningTemplate", templateName="m",
         description="pumps", templateBody=rest_rig.template_body(),
         enabled=True, provisioningRoleArn=ROLE, tags=TAGS,
         preProvisioningHook={"payloadVersion": "2020-04-01",
                              "targetArn": HOOK}, type="FLEET_PROVISIONING")
    call("CreateProvisioningTemplateVersion", templateName="m",
         templateBody=rest_rig.template_body("p"), setAsDefault=True)
    call("DescribeProvisioningTemplate", templateName="m")
    call("DescribeProvisioningTemplateVersion", templateName="m", versionId=1)
    call("ListProvisioningTemplates", maxResults=5)
    call("ListProvisioningTemplateVersions", templateName="m", maxResults=5)
    call("UpdateProvisioningTemplate", templateName="m", description="more",
         enabled=False, defaultVersionId=1, provisioningRoleArn=ROLE,
         preProvisioningHook={"targetArn": HOOK})
    call("UpdateProvisioningTemplate", templateName="m", enabled=True,
         removePreProvisioningHook=True)
    call("CreateProvisioningClaim", templateName="m")
    call("DeleteProvisioningTemplateVersion", templateName="m", versionId=2)
    call("DeleteProvisioningTemplate", templateName="m")
    csr, _ = rig.make_csr(call.plane, "register")
    body = json.loads(rest_rig.template_body("p"))
    body["Parameters"]["CSR"] = {"Type": "String"}
    del body["Parameters"]["AWS::IoT::Certificate::Id"]
    body["Resources"]["certificate"]["Properties"] = {
        "CertificateSigningRequest": {"Ref": "CSR"}, "Status": "ACTIVE"}
    call("RegisterThing", templateBody=json.dumps(body),
         parameters={"SerialNumber": "t3", "CSR": csr})


def config_of(call, ca):
    call("DescribeCACertificate", certificateId=ca)
    return call.got["DescribeCACertificate"].get("registrationConfig")


def authorities(call):
    plane = call.plane
    call("GetRegistrationCode")
    code = call.got["GetRegistrationCode"]["registrationCode"]
    pem = make_ca(plane, "ca1")
    call("RegisterCACertificate", caCertificate=pem, setAsActive=True,
         verificationCertificate=sign(plane, "ca1", code),
         allowAutoRegistration=True, tags=TAGS, certificateMode="DEFAULT",
         registrationConfig={"templateBody": rest_rig.template_body(),
                             "roleArn": ROLE})
    ca = call.got["RegisterCACertificate"].get("certificateId", "0" * 64)
    call("DescribeCACertificate", certificateId=ca)
    call("ListCACertificates", pageSize=5, ascendingOrder=True)
    call("ListCACertificates", templateName="fleet")
    call("UpdateCACertificate", certificateId=ca, newStatus="ACTIVE",
         newAutoRegistrationStatus="ENABLE", registrationConfig={
             "templateName": "fleet", "roleArn": ROLE})
    check("UpdateCACertificate replaces what is registered by it",
          config_of(call, ca) == {"templateName": "fleet", "roleArn": ROLE})
    call("UpdateCACertificate", certificateId=ca, removeAutoRegistration=True)
    check("and takes it away", config_of(call, ca) is None)
    call("RegisterCertificate", certificatePem=sign(plane, "ca1", "d1"),
         caCertificatePem=pem, status="ACTIVE")
    call("RegisterCertificate", certificatePem=sign(plane, "ca1", "d2"),
         setAsActive=True)
    call("ListCertificatesByCA", caCertificateId=ca, pageSize=5,
         ascendingOrder=True)
    call("RegisterCertificateWithoutCA",
         certificatePem=sign(plane, "ca1", "d3"), status="ACTIVE")
    call("UpdateCACertificate", certificateId=ca, newStatus="INACTIVE")
    call("DeleteCACertificate", certificateId=ca)
    call("DeleteRegistrationCode")
    call("DescribeEndpoint", endpointType="iot:Data-ATS")


def removals(call):
    made = call.got["CreateKeysAndCertificate"]
    call("DetachThingPrincipal", thingName="t1",
         principal=made["certificateArn"])
    call("DeleteCertificate", certificateId=made["certificateId"],
         forceDelete=False)
    call("DetachPolicy", policyName="p", target=ARN + "thinggroup/all")
    call("DeletePolicy", policyName="fleet-device")
    version = call.iot.describe_thing(thingName="t2")["version"]
    call("DeleteThing", thingName="t2", expectedVersion=version)
    call("DeleteThingGroup", thingGroupName="hall", expectedVersion=2)
    call("DeleteBillingGroup", billingGroupName="dept", expectedVersion=2)
    call("DeprecateThingType", thingTypeName="pump", undoDeprecate=True)
    call("CreateThingType", thingTypeName="old")
    call("DeprecateThingType", thingTypeName="old")
    # AWS wants five minutes between the two
    status, _, err = call.plane.verb("clock", "+6m")
    assert status == 0, err
    call("DeleteThingType", thingTypeName="old")


def test_table():
    with rest_rig.Plane() as plane:
        status, _, err = plane.verb("set", f"hook:{HOOK}", "exec:/bin/true")
        assert status == 0, err
        plane.aws("iam").create_role(RoleName="r",
                                     AssumeRolePolicyDocument=rest_rig.TRUST)
        call = Table(plane)
        for part in (names, things, certificates, policies, templates,
                     authorities, removals):
            part(call)
            rest_rig.check_model(part.__name__)
        members(call)


def members(call):
    """All that the model has of what is there was sent."""
    missing = []
    model = call.iot.meta.service_model
    for operation in sorted(listed("yes") | listed("partly")):
        if operation not in model.operation_names:
            continue
        shape = model.operation_model(operation).input_shape
        for name in shape.members if shape else ():
            if ((operation, name) not in call.sent | NOT_SENT and
                    name not in ("marker", "nextToken")):
                missing.append(f"{operation}.{name}")
        if operation not in rest_rig.seen:
            missing.append(f"{operation} did not succeed once")
    check("every operation with every member of its model", not missing,
          "\n".join(missing))


# ---- what docs/FIDELITY.md says ----

def listed(how):
    """The operations that it says are there so (yes, partly, no)."""
    path = os.path.join(rig.ROOT, "docs/FIDELITY.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    part = re.search(rf"^\*\*{how}\*\*:(.*?)(?=\n\n)", text, re.S | re.M)
    return set(re.findall(r"\b[A-Z][A-Za-z0-9]+\b",
                          re.sub(r"\(.*?\)", "", part.group(1), flags=re.S))
               ) if part else set()


def test_list():
    with rest_rig.Plane() as plane:
        model = plane.aws("iot").meta.service_model
        said = {how: listed(how) for how in ("yes", "partly", "no")}
        everything = said["yes"] | said["partly"] | said["no"]
        check("docs/FIDELITY.md lists every operation of the model",
              set(model.operation_names) <= everything,
              sorted(set(model.operation_names) - everything))
        check("and none twice",
              len(everything) == sum(len(part) for part in said.values()))
        there = [name for name in sorted(said["no"])
                 if name in model.operation_names and
                 not is_refused(plane, model.operation_model(name))]
        check("an operation that is not there answers so", not there, there)


def is_refused(plane, operation):
    path = re.sub(r"\{[^}]*\}", "x", operation.http["requestUri"])
    request = AWSRequest(operation.http["method"], plane.url + path,
                         data=b"" if operation.http["method"] == "GET"
                         else b"{}")
    SigV4Auth(Credentials(plane.keys["AccessKeyId"],
                          plane.keys["SecretAccessKey"]), "iot",
              rest_rig.REGION).add_auth(request)
    sent = urllib.request.Request(request.url, data=request.data or None,
                                  headers=dict(request.headers),
                                  method=operation.http["method"])
    try:
        with urllib.request.urlopen(sent, timeout=10):
            return False
    except urllib.error.HTTPError as error:
        name = error.headers.get("x-amzn-ErrorType", "")
        return error.code in (404, 405) and name in (
            "UnknownOperationException", "MethodNotAllowedException")


if __name__ == "__main__":
    rig.run_tests([test_table, test_list])

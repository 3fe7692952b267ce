#!/usr/bin/env python3
"""boto3 through AWS's "Before you deliver the device", a device that is
provisioned with the result, and the teardown in AWS's order."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rest_rig  # noqa: E402
from rest_rig import ARN, check, refused, rig, within  # noqa: E402

FUNCTION = f"arn:aws:lambda:{rest_rig.REGION}:{rest_rig.ACCOUNT}:function:hook"


def set_up(plane, iot):
    """The certificate of the claim."""
    status, _, err = plane.verb("set", f"hook:{FUNCTION}", "exec:/bin/true")
    assert status == 0, err
    iam = plane.aws("iam")
    role = iam.create_role(RoleName="provisioning",
                           AssumeRolePolicyDocument=rest_rig.TRUST)["Role"]
    iam.attach_role_policy(RoleName="provisioning",
                           PolicyArn=rest_rig.REGISTRATION_POLICY)
    iot.create_policy(policyName="device",
                      policyDocument=rest_rig.FREE_POLICY)
    aws_lambda = plane.aws("lambda")
    aws_lambda.add_permission(
        FunctionName=FUNCTION, StatementId="iot", Principal="iot.amazonaws.com",
        Action="lambda:InvokeFunction", SourceAccount=rest_rig.ACCOUNT)
    iot.create_provisioning_template(
        templateName="pumps", templateBody=rest_rig.template_body(),
        provisioningRoleArn=role["Arn"], enabled=True,
        description="the pumps of 2026")
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.create_policy(policyName="claim",
                      policyDocument=plane.claim_policy("pumps"))
    iot.attach_policy(policyName="claim", target=made["certificateArn"])
    return made


def provision(plane, claim, state, serial):
    address = plane.aws("iot").describe_endpoint(
        endpointType="iot:Data-ATS")["endpointAddress"]
    import subprocess
    return subprocess.run(
        [rig.IMPRINT, "provision", "--endpoint", address, "--ca", plane.ca,
         "--claim", claim, "--template", "pumps", "--param",
         f"SerialNumber={serial}", "--state", plane.path(state)],
        capture_output=True, text=True, timeout=60)


def test_steps():
    with rest_rig.Plane() as plane:
        iot = plane.aws("iot")
        who = plane.aws("sts").get_caller_identity()
        check("GetCallerIdentity says the account and who",
              who["Account"] == rest_rig.ACCOUNT and
              who["Arn"].endswith(":user/admin"), who)
        made = set_up(plane, iot)
        claim = plane.claim_files("claim", made)
        ended = provision(plane, claim, "device", "pump-1")
        check("a device is provisioned by what boto3 set up",
              ended.returncode == 0, ended.stderr)
        look_at(iot, "pump-1")
        tear_down(plane, iot, made)
        with open(os.path.join(plane.dir, "audit"), encoding="utf-8") as file:
            entries = [json.loads(line) for line in file]
        check("the audit log has each change, and who made it",
              [entry["operation"] for entry in entries
               if entry["who"] == "key:admin"][:4] ==
              ["CreateRole", "AttachRolePolicy", "CreatePolicy",
               "AddPermission"] and
              plane.verb("audit", "verify")[0] == 0, entries)
        rest_rig.check_model("the five steps")


def look_at(iot, thing):
    """As AWS's guide verifies a provisioned device."""
    described = iot.describe_thing(thingName=thing)
    principals = iot.list_thing_principals(thingName=thing)["principals"]
    check("its thing has the certificate",
          described["thingName"] == thing and len(principals) == 1, principals)
    certificate = iot.describe_certificate(
        certificateId=principals[0].rsplit("/", 1)[1])["certificateDescription"]
    policies = iot.list_attached_policies(target=principals[0])["policies"]
    check("its certificate is active, with the policy",
          certificate["status"] == "ACTIVE" and
          [policy["policyName"] for policy in policies] == ["device"],
          (certificate["status"], policies))
    check("and the thing is the certificate's",
          iot.list_principal_things(principal=principals[0])["things"] ==
          [thing])


def tear_down(plane, iot, claim):
    thing = "pump-1"
    principal = iot.list_thing_principals(thingName=thing)["principals"][0]
    certificate = principal.rsplit("/", 1)[1]
    check("an active certificate can't be deleted",
          refused(iot.delete_certificate, certificateId=certificate) ==
          "CertificateStateException")
    iot.detach_thing_principal(thingName=thing, principal=principal)
    iot.update_certificate(certificateId=certificate, newStatus="INACTIVE")
    check("nor one with a policy",
          refused(iot.delete_certificate, certificateId=certificate) ==
          "DeleteConflictException")
    iot.delete_certificate(certificateId=certificate, forceDelete=True)
    iot.delete_thing(thingName=thing)
    iot.delete_provisioning_template(templateName="pumps")
    iot.detach_policy(policyName="claim", target=claim["certificateArn"])
    iot.update_certificate(certificateId=claim["certificateId"],
                           newStatus="INACTIVE")
    iot.delete_certificate(certificateId=claim["certificateId"])
    iot.delete_policy(policyName="claim")
    iot.delete_policy(policyName="device")
    plane.aws("lambda").remove_permission(FunctionName=FUNCTION,
                                          StatementId="iot")
    iam = plane.aws("iam")
    check("a role with a policy can't be deleted",
          refused(iam.delete_role, RoleName="provisioning") ==
          "DeleteConflictException")
    iam.detach_role_policy(RoleName="provisioning",
                           PolicyArn=rest_rig.REGISTRATION_POLICY)
    iam.delete_role(RoleName="provisioning")
    gone = [refused(iot.describe_thing, thingName=thing),
            refused(iot.describe_certificate, certificateId=certificate),
            refused(iot.get_policy, policyName="device"),
            refused(iot.describe_provisioning_template, templateName="pumps")]
    check("after the teardown all is gone",
          gone == ["ResourceNotFoundException"] * 4 and
          refused(iam.get_role, RoleName="provisioning") ==
          "NoSuchEntityException", gone)


# ---- page by page ----

def pages(client, operation, member, **arguments):
    """(items, pages) with the smallest pages."""
    paginator = client.get_paginator(operation)
    found = []
    count = 0
    for page in paginator.paginate(**arguments,
                                   PaginationConfig={"PageSize": 7}):
        found += page[member]
        count += 1
    return found, count


def test_pages():
    with rest_rig.Plane() as plane:
        iot = plane.aws("iot")
        role = plane.aws("iam").create_role(
            RoleName="r", AssumeRolePolicyDocument=rest_rig.TRUST)["Role"]
        certificates = []
        iot.create_thing_group(thingGroupName="all")
        iot.create_policy(policyName="p-all",
                          policyDocument=rest_rig.FREE_POLICY)
        for i in range(30):
            iot.create_thing(thingName=f"t{i:02}")
            iot.add_thing_to_thing_group(thingGroupName="all",
                                         thingName=f"t{i:02}")
            iot.create_policy(policyName=f"p{i:02}",
                              policyDocument=rest_rig.FREE_POLICY)
            iot.create_thing_type(thingTypeName=f"y{i:02}")
            iot.create_thing_group(thingGroupName=f"g{i:02}")
            iot.create_billing_group(billingGroupName=f"b{i:02}")
            iot.create_provisioning_template(
                templateName=f"m{i:02}", provisioningRoleArn=role["Arn"],
                templateBody=rest_rig.template_body())
            made = iot.create_keys_and_certificate()
            certificates.append(made["certificateId"])
            iot.attach_policy(policyName="p-all",
                              target=made["certificateArn"])
            iot.attach_thing_principal(thingName="t00",
                                       principal=made["certificateArn"])
        expected = {
            ("list_things", "things", "thingName"): "t",
            ("list_thing_types", "thingTypes", "thingTypeName"): "y",
            ("list_billing_groups", "billingGroups", "groupName"): "b"}
        for (operation, member, name), letter in expected.items():
            found, count = pages(iot, operation, member)
            check(f"{operation}: 30 in pages of 7", count == 5 and
                  [item[name] for item in found] ==
                  [f"{letter}{i:02}" for i in range(30)], (count, found))
        others(plane, iot, certificates)
        rest_rig.check_model("page by page")


def others(plane, iot, certificates):
    """Lists that have more than what the test made, or are of something."""
    found, count = pages(iot, "list_thing_groups", "thingGroups")
    check("list_thing_groups: 31 in pages of 7",
          count == 5 and len(found) == 31, count)
    found, count = pages(iot, "list_policies", "policies")
    check("list_policies: 33 in pages of 7", count == 5 and
          len({item["policyName"] for item in found}) == 33, (count, found))
    found, count = pages(iot, "list_certificates", "certificates")
    check("list_certificates: the newest first",
          [item["certificateId"] for item in found][:30] ==
          certificates[::-1] and count == 5, count)
    found, _ = pages(iot, "list_certificates", "certificates",
                     ascendingOrder=True)
    check("list_certificates: the oldest first",
          [item["certificateId"] for item in found][1:] == certificates)
    found, count = pages(iot, "list_targets_for_policy", "targets",
                         policyName="p-all")
    check("list_targets_for_policy: 30 in pages of 7",
          count == 5 and len(set(found)) == 30, count)
    found, count = pages(iot, "list_thing_principals", "principals",
                         thingName="t00")
    check("list_thing_principals: 30 in pages of 7",
          count == 5 and len(set(found)) == 30, count)
    found, count = pages(iot, "list_things_in_thing_group", "things",
                         thingGroupName="all")
    check("list_things_in_thing_group: 30 in pages of 7",
          count == 5 and len(set(found)) == 30, count)
    names, token = [], {}
    while True:
        page = iot.list_provisioning_templates(maxResults=7, **token)
        names += [item["templateName"] for item in page["templates"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    check("list_provisioning_templates: 31 in pages of 7",
          names == ["fleet"] + [f"m{i:02}" for i in range(30)], names)
    check("a page token that was never given is refused",
          refused(iot.list_things, nextToken="\u0001nonsense") ==
          "InvalidRequestException")
    token = iot.list_things(maxResults=1)["nextToken"]
    check("and one of another list",
          refused(iot.list_thing_types, nextToken=token) ==
          "InvalidRequestException")
    loose = plane.aws("iot", validates=False)
    check("so are page sizes out of bounds",
          [refused(loose.list_things, maxResults=size)
           for size in (0, 251)] == ["InvalidRequestException"] * 2)


# ---- in force ----

def test_in_force():
    """Within a second at the broker."""
    with rest_rig.Plane() as plane:
        iot = plane.aws("iot")
        made = set_up(plane, iot)
        ended = provision(plane, plane.claim_files("claim", made), "device",
                          "pump-1")
        assert ended.returncode == 0, ended.stderr
        identity = plane.identity("device")
        principal = iot.list_thing_principals(thingName="pump-1")["principals"][0]
        certificate = principal.rsplit("/", 1)[1]
        client = plane.client("pump-1", identity)
        assert client.connack == 0, client.connack
        iot.update_certificate(certificateId=certificate, newStatus="INACTIVE")
        check("an inactive certificate is thrown off within a second",
              rig.closed_within(client, 1)[0])
        iot.update_certificate(certificateId=certificate, newStatus="ACTIVE")
        check("an active one is let in within a second",
              within(1, lambda: lets_in(plane, identity))[0])
        policy_versions(plane, iot, identity)
        template_versions(plane, iot, made)
        rest_rig.check_model("in force")


def lets_in(plane, identity, topic=None):
    client = plane.client("pump-1", identity)
    if client.connack != 0:
        return False
    if not topic:
        return True
    try:
        return client.subscribe(topic) == [1]
    except rig.mqtt.Closed:
        return False


def policy_versions(plane, iot, identity):
    narrow = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}]})
    check("all topics, at first", lets_in(plane, identity, "a/b"))
    version = iot.create_policy_version(
        policyName="device", policyDocument=narrow)["policyVersionId"]
    check("a version that is not the default changes nothing",
          lets_in(plane, identity, "a/b") and version == "2", version)
    iot.set_default_policy_version(policyName="device", policyVersionId="2")
    check("the default version is in force within a second",
          within(1, lambda: not lets_in(plane, identity, "a/b"))[0])
    iot.set_default_policy_version(policyName="device", policyVersionId="1")
    check("and the other one again",
          within(1, lambda: lets_in(plane, identity, "a/b"))[0])


def template_versions(plane, iot, made):
    claim = plane.claim_files("claim", made)
    body = json.loads(rest_rig.template_body())
    body["Resources"]["thing"]["Properties"]["ThingName"] = {
        "Fn::Join": ["", ["second-", {"Ref": "SerialNumber"}]]}
    made = iot.create_provisioning_template_version(
        templateName="pumps", templateBody=json.dumps(body), setAsDefault=True)
    check("the second version is the default",
          made["versionId"] == 2 and made["isDefaultVersion"], made)
    ended = provision(plane, claim, "second", "pump-2")
    check("devices are provisioned by the default version",
          ended.returncode == 0 and
          iot.describe_thing(thingName="second-pump-2")["version"] == 1,
          ended.stderr)
    iot.update_provisioning_template(templateName="pumps", enabled=False)
    ended = provision(plane, claim, "third", "pump-3")
    check("a disabled template provisions nobody",
          ended.returncode != 0, ended.stderr)


if __name__ == "__main__":
    rig.run_tests([test_steps, test_pages, test_in_force])

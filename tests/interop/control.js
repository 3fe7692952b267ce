// AWS's SDK for JavaScript, unmodified, as the operator of the local endpoint:
// the five steps before delivery, a device provisioned with the result, all of
// it listed page by page and torn down; what is newer than Debian's botocore;
// errors as typed exceptions. TAP on stdout.
//
//     node control.js COMMAND
"use strict";

const iot = require("@aws-sdk/client-iot");
const { Endpoint, clients, expect, provision, runCases, runMain, versions } =
    require("./sdk.js");

const ACCOUNT = "000000000000";
const FUNCTION = `arn:aws:lambda:us-east-1:${ACCOUNT}:function:provider`;
const FREE_POLICY = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "iot:*", Resource: "*" }],
});
const TEMPLATE = JSON.stringify({
    Parameters: { SerialNumber: { Type: "String" } },
    Resources: {
        thing: { Type: "AWS::IoT::Thing", Properties: {
            ThingName: { Ref: "SerialNumber" } } },
        certificate: { Type: "AWS::IoT::Certificate", Properties: {
            CertificateId: { Ref: "AWS::IoT::Certificate::Id" },
            Status: "Active" } },
        policy: { Type: "AWS::IoT::Policy", Properties: {
            PolicyName: "device" } },
    },
});

const endpoint = new Endpoint(process.argv[2], ["--rest", "127.0.0.1:0"]);
let client;
let claim; // what CreateKeysAndCertificate answered

// send("CreatePolicy", { ... })
function send(operation, input = {}) {
    return client.send(new iot[`${operation}Command`](input));
}

// Every item of every page.
async function list(operation, member, input = {}) {
    const found = [];
    let pages = 0;
    for await (const page of iot[`paginate${operation}`](
        { client, pageSize: 7 }, input)) {
        found.push(...page[member]);
        pages++;
    }
    return { found, pages };
}

// ---- the five steps ----

async function setUp() {
    await send("CreatePolicy", { policyName: "device",
                                 policyDocument: FREE_POLICY });
    await send("CreateProvisioningTemplate", {
        templateName: "pumps", templateBody: TEMPLATE, enabled: true,
        provisioningRoleArn: `arn:aws:iam::${ACCOUNT}:role/provisioning`,
    });
    claim = await send("CreateKeysAndCertificate", { setAsActive: true });
    await send("CreatePolicy", { policyName: "claim",
                                 policyDocument: FREE_POLICY });
    await send("AttachPolicy", { policyName: "claim",
                                 target: claim.certificateArn });
    const { endpointAddress } = await send("DescribeEndpoint",
                                           { endpointType: "iot:Data-ATS" });
    expect("the address", endpointAddress, endpoint.ready.endpoint);
}

async function deliver() {
    const thing = await provision({
        connect: versions[1][1], client: clients[1][1], flow: "CSR",
        place: endpoint.place, template: "pumps",
        claim: { certificate: claim.certificatePem,
                 key: claim.keyPair.PrivateKey },
    }, { SerialNumber: "pump-1" });
    expect("the thing", thing, "pump-1");
}

async function look() {
    const { thingPrincipalObjects } = await send(
        "ListThingPrincipalsV2", { thingName: "pump-1" });
    expect("its principals", thingPrincipalObjects.length, 1);
    expect("how it is attached",
           thingPrincipalObjects[0].thingPrincipalType,
           "NON_EXCLUSIVE_THING");
    const { principalThingObjects } = await send(
        "ListPrincipalThingsV2",
        { principal: thingPrincipalObjects[0].principal });
    expect("and back", principalThingObjects.map((each) => each.thingName),
           ["pump-1"]);
}

async function tearDown() {
    const { principals } = await send("ListThingPrincipals",
                                      { thingName: "pump-1" });
    const principal = principals[0];
    const certificateId = principal.split("/")[1];
    await send("DetachThingPrincipal", { thingName: "pump-1", principal });
    await send("UpdateCertificate", { certificateId, newStatus: "INACTIVE" });
    await send("DeleteCertificate", { certificateId, forceDelete: true });
    await send("DeleteThing", { thingName: "pump-1" });
    await send("DeleteProvisioningTemplate", { templateName: "pumps" });
    await send("DetachPolicy", { policyName: "claim",
                                 target: claim.certificateArn });
    await send("UpdateCertificate", { certificateId: claim.certificateId,
                                      newStatus: "INACTIVE" });
    await send("DeleteCertificate", { certificateId: claim.certificateId });
    await send("DeletePolicy", { policyName: "claim" });
    await send("DeletePolicy", { policyName: "device" });
    const { found } = await list("ListThings", "things");
    expect("what is left", found, []);
}

// ---- page by page ----

async function pages() {
    for (let i = 10; i < 40; i++) {
        await send("CreateThing", { thingName: `t${i}` });
        await send("CreatePolicy", { policyName: `p${i}`,
                                     policyDocument: FREE_POLICY });
        await send("CreateThingGroup", { thingGroupName: `g${i}` });
    }
    for (const [operation, member, count] of [
        ["ListThings", "things", 30], ["ListThingGroups", "thingGroups", 30],
        ["ListPolicies", "policies", 32]]) {
        const all = await list(operation, member);
        expect(`${operation}: how many`, all.found.length, count);
        expect(`${operation}: pages`, all.pages, 5);
    }
}

// ---- what Debian's botocore does not know yet ----

async function providers() {
    endpoint.verb("set", `hook:${FUNCTION}`, "exec:/bin/false");
    const input = { certificateProviderName: "pki",
                    lambdaFunctionArn: FUNCTION,
                    accountDefaultForOperations: ["CreateCertificateFromCsr"] };
    const made = await send("CreateCertificateProvider", input);
    expect("its name", made.certificateProviderName, "pki");
    const described = await send("DescribeCertificateProvider",
                                 { certificateProviderName: "pki" });
    expect("its function", described.lambdaFunctionArn, FUNCTION);
    expect("its date", described.creationDate instanceof Date, true);
    expect("all of them", (await send("ListCertificateProviders"))
        .certificateProviders.map((each) => each.certificateProviderName),
           ["pki"]);
    await send("UpdateCertificateProvider", input);
    await send("DeleteCertificateProvider",
               { certificateProviderName: "pki" });
    await refused("DescribeCertificateProvider",
                  { certificateProviderName: "pki" },
                  "ResourceNotFoundException");
}

async function exclusive() {
    const { certificateArn } = await send("CreateKeysAndCertificate");
    await send("AttachThingPrincipal", {
        thingName: "t10", principal: certificateArn,
        thingPrincipalType: "EXCLUSIVE_THING" });
    const { thingPrincipalObjects } = await send("ListThingPrincipalsV2", {
        thingName: "t10", thingPrincipalType: "EXCLUSIVE_THING" });
    expect("it is exclusive", thingPrincipalObjects,
           [{ principal: certificateArn,
              thingPrincipalType: "EXCLUSIVE_THING" }]);
    await refused("AttachThingPrincipal",
                  { thingName: "t11", principal: certificateArn },
                  "InvalidRequestException");
}

// ---- errors ----

async function refused(operation, input, name) {
    try {
        await send(operation, input);
    } catch (error) {
        expect(`${operation}: the error`, error.name, name);
        expect(`${operation}: its class`, error instanceof iot[name], true);
        return;
    }
    throw new Error(`${operation} was not refused`);
}

async function errors() {
    await refused("DescribeThing", { thingName: "none" },
                  "ResourceNotFoundException");
    await refused("CreateThing", { thingName: "t10",
                                   attributePayload: { attributes: { a: "b" } } },
                  "ResourceAlreadyExistsException");
    await refused("CreatePolicy", { policyName: "x", policyDocument: "{}" },
                  "MalformedPolicyException");
    await refused("UpdateThing", { thingName: "t10", expectedVersion: 9 },
                  "VersionConflictException");
    await refused("ListThings", { maxResults: 251 }, "InvalidRequestException");
    endpoint.verb("fault", "rest operation=GetPolicy: refuse 400 " +
                  "ThrottlingException");
    await refused("GetPolicy", { policyName: "p10" }, "ThrottlingException");
    endpoint.verb("fault", "none");
}

runMain(async () => {
    await endpoint.start();
    endpoint.verb("set", "role_checks", "0");
    const keys = JSON.parse(endpoint.verb("credentials", "add", "js",
                                          "--json"));
    client = new iot.IoTClient({
        endpoint: endpoint.ready.rest, region: "us-east-1", maxAttempts: 1,
        credentials: { accessKeyId: keys.AccessKeyId,
                       secretAccessKey: keys.SecretAccessKey },
    });
    try {
        return await runCases([
            { name: "control: the five steps", run: setUp },
            { name: "control: a device is provisioned", run: deliver },
            { name: "control: things and principals, V2", run: look },
            { name: "control: the teardown", run: tearDown },
            { name: "control: page by page", run: pages },
            { name: "control: certificate providers", run: providers },
            { name: "control: an exclusive thing", run: exclusive },
            { name: "control: typed exceptions", run: errors },
        ]);
    } finally {
        client.destroy();
        await endpoint.close();
    }
});

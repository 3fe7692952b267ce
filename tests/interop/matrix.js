// AWS's device SDK, unmodified, against the local endpoint: {old, V2 identity
// client} x {MQTT 3.1.1, 5} x {EC, RSA claim} x {keys, CSR}. Each provisions,
// is told of a bogus token by its own modelled error, and connects with what
// it got. TAP on stdout.
//
//     node matrix.js HOST PORT CA TEMPLATE NAME=CLAIM-DIR...
"use strict";

const { execFileSync } = require("child_process");
const { randomUUID } = require("crypto");
const { mkdtempSync, readFileSync, rmSync } = require("fs");
const { tmpdir } = require("os");
const { join } = require("path");
const { iot, iotidentity, mqtt, mqtt5 } = require("aws-iot-device-sdk-v2");

const [host, port, ca, template, ...claims] = process.argv.slice(2);
const LIMIT_MS = 30000;
const QOS = mqtt.QoS.AtLeastOnce;

// ---- one connection, by either client of the SDK ----

// identity: { certificate, key }, both PEM.
async function connect311(identity, clientId) {
    const config = iot.AwsIotMqttConnectionConfigBuilder
        .new_mtls_builder(identity.certificate, identity.key)
        .with_certificate_authority_from_path(undefined, ca)
        .with_endpoint(host)
        .with_port(Number(port))
        .with_client_id(clientId)
        .with_clean_session(true)
        .build();
    const connection = new mqtt.MqttClient().new_connection(config);
    connection.on("error", () => {});
    await connection.connect();
    return {
        old: () => new iotidentity.IotIdentityClient(connection),
        v2: (options) => iotidentity.IotIdentityClientv2.newFromMqtt311(
            connection, options),
        close: () => connection.disconnect(),
    };
}

async function connect5(identity, clientId) {
    const builder = iot.AwsIotMqtt5ClientConfigBuilder
        .newDirectMqttBuilderWithMtlsFromMemory(
            host, identity.certificate, identity.key);
    builder.withCertificateAuthorityFromPath(undefined, ca);
    builder.withPort(Number(port));
    builder.withConnectProperties({ clientId, keepAliveIntervalSeconds: 60 });
    const client = new mqtt5.Mqtt5Client(builder.build());
    const up = new Promise((resolve, reject) => {
        client.on("connectionSuccess", resolve);
        client.on("connectionFailure", (event) => reject(event.error));
    });
    const down = new Promise((resolve) => client.on("stopped", resolve));
    client.start();
    try {
        await up;
    } catch (error) {
        client.stop();
        await down;
        throw error;
    }
    return {
        old: () => iotidentity.IotIdentityClient.newFromMqtt5Client(client),
        v2: (options) => iotidentity.IotIdentityClientv2.newFromMqtt5(
            client, options),
        close: () => {
            client.stop();
            return down;
        },
    };
}

// ---- the three operations, by either identity client ----

// Accepted resolves; rejected rejects with `modeledError`, as V2 does.
async function ask(client, operation, request) {
    let settle;
    const reply = new Promise((resolve, reject) => {
        settle = (error, accepted, rejected) => {
            if (error)
                reject(error);
            else if (rejected)
                reject(Object.assign(new Error("rejected"),
                                     { modeledError: rejected }));
            else
                resolve(accepted);
        };
    });
    reply.catch(() => {}); // it may come before anybody waits for it
    await client[`subscribeTo${operation}Accepted`](
        request, QOS, (error, response) => settle(error, response));
    await client[`subscribeTo${operation}Rejected`](
        request, QOS, (error, response) => settle(error, null, response));
    await client[`publish${operation}`](request, QOS);
    return reply;
}

function oldClient(connection) {
    const client = connection.old();
    return {
        createKeys: () => ask(client, "CreateKeysAndCertificate", {}),
        createFromCsr: (request) =>
            ask(client, "CreateCertificateFromCsr", request),
        register: (request) => ask(client, "RegisterThing", request),
        close: () => {},
    };
}

function v2Client(connection) {
    const client = connection.v2({
        maxRequestResponseSubscriptions: 6,
        maxStreamingSubscriptions: 1,
        operationTimeoutInSeconds: 20,
    });
    return {
        createKeys: () => client.createKeysAndCertificate({}),
        createFromCsr: (request) => client.createCertificateFromCsr(request),
        register: (request) => client.registerThing(request),
        close: () => client.close(),
    };
}

// ---- one case ----

function makeRequest() {
    const dir = mkdtempSync(join(tmpdir(), "imprint-interop-"));
    const key = join(dir, "key");
    try {
        const csr = execFileSync("openssl", [
            "req", "-new", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=interop",
            "-keyout", key], { stdio: ["ignore", "pipe", "ignore"] });
        return { csr: csr.toString(), key: readFileSync(key, "utf8") };
    } finally {
        rmSync(dir, { recursive: true });
    }
}

async function create(identity, flow) {
    if (flow === "keys") {
        const created = await identity.createKeys();
        return { ...created, key: created.privateKey };
    }
    const request = makeRequest();
    const created = await identity.createFromCsr({
        certificateSigningRequest: request.csr,
    });
    return { ...created, key: request.key };
}

// True when a bogus token is refused as the service models it.
async function isRefused(identity) {
    try {
        await identity.register({
            templateName: template,
            certificateOwnershipToken: "bogus",
            parameters: { SerialNumber: "bogus" },
        });
        return false;
    } catch (error) {
        const model = error.modeledError;
        if (!model)
            throw error;
        return model.statusCode === 400 && !!model.errorMessage &&
            model.errorCode === "InvalidCertificateOwnershipToken";
    }
}

async function provision(test, serial) {
    const claim = await test.connect(test.claim, `claim-${randomUUID()}`);
    const identity = test.client(claim);
    try {
        const created = await create(identity, test.flow);
        const refused = await isRefused(identity);
        const registered = await identity.register({
            templateName: template,
            certificateOwnershipToken: created.certificateOwnershipToken,
            parameters: { SerialNumber: serial },
        });
        return { created, refused, thing: registered.thingName };
    } finally {
        identity.close();
        await claim.close();
    }
}

async function run(test) {
    const serial = `interop-${randomUUID()}`;
    const { created, refused, thing } = await provision(test, serial);
    if (!refused)
        throw new Error("a bogus token was taken, or refused in other words");
    if (!thing || !thing.includes(serial))
        throw new Error(`the thing is "${thing}"`);
    const device = await test.connect(
        { certificate: created.certificatePem, key: created.key }, thing);
    await device.close();
}

function within(promise) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error("out of time")), LIMIT_MS);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function cases() {
    const all = [];
    for (const [clientName, client] of [["old", oldClient], ["V2", v2Client]])
        for (const [mqttName, connect] of [["mqtt311", connect311],
                                           ["mqtt5", connect5]])
            for (const claim of claims)
                for (const flow of ["keys", "CSR"]) {
                    const [claimName, dir] = claim.split("=");
                    all.push({
                        name: `${clientName} client, ${mqttName}, ` +
                            `${claimName} claim, ${flow}`,
                        client, connect, flow,
                        claim: {
                            certificate: readFileSync(
                                join(dir, "certificate.pem"), "utf8"),
                            key: readFileSync(join(dir, "private.key"),
                                              "utf8"),
                        },
                    });
                }
    return all;
}

async function main() {
    let failed = 0;
    for (const test of cases()) {
        try {
            await within(run(test));
            console.log(`ok - ${test.name}`);
        } catch (error) {
            failed++;
            console.log(`not ok - ${test.name}`);
            console.log(`# ${String(error && error.stack || error)
                .replace(/\n/g, "\n# ")}`);
        }
    }
    // The SDK's native part may crash in its finalizers: do not wait for them.
    process.exit(failed ? 1 : 0);
}

main();

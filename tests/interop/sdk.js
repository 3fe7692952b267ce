// What the tests beside share: connections and the three operations by AWS's
// SDK, an endpoint of one's own, and TAP.
"use strict";

const { execFileSync, spawn } = require("child_process");
const { randomUUID } = require("crypto");
const { mkdtempSync, readFileSync, rmSync } = require("fs");
const { tmpdir } = require("os");
const { join } = require("path");
const { createInterface } = require("readline");
const { iot, iotidentity, mqtt, mqtt5 } = require("aws-iot-device-sdk-v2");

const LIMIT_MS = 30000;
const QOS = mqtt.QoS.AtLeastOnce;

// ---- one connection, by either client of the SDK ----

// place: { host, port, ca }. identity: { certificate, key }, both PEM. down
// is settled when the connection is lost, which the SDK mends by itself.
async function connect311(place, identity, clientId) {
    const config = iot.AwsIotMqttConnectionConfigBuilder
        .new_mtls_builder(identity.certificate, identity.key)
        .with_certificate_authority_from_path(undefined, place.ca)
        .with_endpoint(place.host)
        .with_port(Number(place.port))
        .with_client_id(clientId)
        .with_clean_session(true)
        .build();
    const connection = new mqtt.MqttClient().new_connection(config);
    const down = new Promise((resolve) => {
        connection.on("interrupt", resolve);
    });
    connection.on("error", () => {});
    await connection.connect();
    return {
        old: () => new iotidentity.IotIdentityClient(connection),
        v2: (options) => iotidentity.IotIdentityClientv2.newFromMqtt311(
            connection, options),
        publish: (topic) => connection.publish(topic, "{}", QOS),
        subscribe: (topic) => connection.subscribe(topic, QOS),
        close: () => connection.disconnect(),
        down,
        staysUp: () => assertPending(down),
    };
}

async function connect5(place, identity, clientId) {
    const builder = iot.AwsIotMqtt5ClientConfigBuilder
        .newDirectMqttBuilderWithMtlsFromMemory(
            place.host, identity.certificate, identity.key);
    builder.withCertificateAuthorityFromPath(undefined, place.ca);
    builder.withPort(Number(place.port));
    builder.withConnectProperties({ clientId, keepAliveIntervalSeconds: 60 });
    const client = new mqtt5.Mqtt5Client(builder.build());
    const up = new Promise((resolve, reject) => {
        client.on("connectionSuccess", resolve);
        client.on("connectionFailure", (event) => reject(event.error));
    });
    const down = new Promise((resolve) => client.on("disconnection", resolve));
    const stopped = new Promise((resolve) => client.on("stopped", resolve));
    client.on("error", () => {});
    client.start();
    try {
        await up;
    } catch (error) {
        client.stop();
        await stopped;
        throw error;
    }
    return {
        old: () => iotidentity.IotIdentityClient.newFromMqtt5Client(client),
        v2: (options) => iotidentity.IotIdentityClientv2.newFromMqtt5(
            client, options),
        // These two resolve to the reason code.
        publish: async (topicName) => (await client.publish(
            { topicName, payload: "{}", qos: QOS })).reasonCode,
        subscribe: async (topicFilter) => (await client.subscribe(
            { subscriptions: [{ topicFilter, qos: QOS }] })).reasonCodes[0],
        close: () => {
            client.stop();
            return stopped;
        },
        down,
        staysUp: () => assertPending(down),
    };
}

async function assertPending(down) {
    const pending = {};
    if (await Promise.race([down, pending]) !== pending)
        throw new Error("the connection was lost");
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

function v2Client(connection, timeoutS = 20) {
    const client = connection.v2({
        maxRequestResponseSubscriptions: 6,
        maxStreamingSubscriptions: 1,
        operationTimeoutInSeconds: timeoutS,
    });
    return {
        createKeys: () => client.createKeysAndCertificate({}),
        createFromCsr: (request) => client.createCertificateFromCsr(request),
        register: (request) => client.registerThing(request),
        close: () => client.close(),
    };
}

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

// flow: "keys" or "CSR".
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

// The service's own words when it refuses what promise asks for.
async function refusal(promise) {
    try {
        await promise;
    } catch (error) {
        if (error.modeledError)
            return error.modeledError;
        throw error;
    }
    throw new Error("it was accepted");
}

function readPair(dir) {
    return {
        certificate: readFileSync(join(dir, "certificate.pem"), "utf8"),
        key: readFileSync(join(dir, "private.key"), "utf8"),
    };
}

// ---- an endpoint of one's own ----

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill()));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
    process.on(signal, () => process.exit(1));

class Endpoint {
    constructor(command, options = []) {
        this.command = command;
        this.options = options; // of "endpoint run"
        this.top = mkdtempSync(join(tmpdir(), "imprint-interop-"));
        this.dir = join(this.top, "endpoint");
    }

    async start() {
        this.child = spawn(
            this.command, ["endpoint", "run", "--dir", this.dir, "--listen",
                           "127.0.0.1:0", "--json", ...this.options],
            { stdio: ["ignore", "pipe", "inherit"] });
        running.add(this.child);
        this.ended = new Promise((resolve) => this.child.on("exit", resolve));
        this.ended.then(() => running.delete(this.child));
        const lines = createInterface({ input: this.child.stdout });
        const line = await within(new Promise((resolve, reject) => {
            lines.on("line", resolve);
            lines.on("close", () => reject(new Error("no endpoint")));
        }));
        this.ready = JSON.parse(line);
        const [host, port] = this.ready.endpoint.split(":");
        this.place = { host, port, ca: this.ready.ca };
    }

    async stop() {
        this.child.kill();
        await within(this.ended);
    }

    // What is set counts from the first packet on.
    async restart(settings) {
        await this.stop();
        for (const [name, value] of Object.entries(settings))
            this.verb("set", name, String(value));
        await this.start();
    }

    async close() {
        await this.stop();
        rmSync(this.top, { recursive: true });
    }

    // What `imprint endpoint WORDS` prints.
    verb(...words) {
        return execFileSync(this.command,
                            ["endpoint", ...words, "--dir", this.dir],
                            { encoding: "utf8", timeout: LIMIT_MS,
                              stdio: ["ignore", "pipe", "pipe"] });
    }

    claim(name) {
        return readPair(join(this.dir, "claims", name));
    }

    log() {
        return readFileSync(join(this.dir, "log"), "utf8");
    }
}

// ---- cases ----

// connect(identity, clientId), for this test or endpoint.
const versions = [["mqtt311", connect311], ["mqtt5", connect5]];
const clients = [["old", oldClient], ["V2", v2Client]];

// Creates, registers, and connects with what it got; the thing's name.
// test.between(identity), if there is one, comes between the first two.
async function provision(test, parameters) {
    const claim = await test.connect(test.place, test.claim,
                                     `claim-${randomUUID()}`);
    const identity = test.client(claim);
    let created;
    let registered;
    try {
        created = await create(identity, test.flow);
        if (test.between)
            await test.between(identity);
        registered = await identity.register({
            templateName: test.template,
            certificateOwnershipToken: created.certificateOwnershipToken,
            parameters,
        });
    } finally {
        identity.close();
        await claim.close();
    }
    const device = await test.connect(
        test.place, { certificate: created.certificatePem, key: created.key },
        registered.thingName);
    await device.close();
    return registered.thingName;
}

function within(promise, limitMs = LIMIT_MS) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error("out of time")), limitMs);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function expect(what, got, wanted) {
    if (JSON.stringify(got) !== JSON.stringify(wanted))
        throw new Error(`${what}: ${JSON.stringify(got)}, not ` +
                        JSON.stringify(wanted));
}

// all: [{ name, run }]. How many failed.
async function runCases(all) {
    let failed = 0;
    for (const test of all) {
        try {
            await within(test.run());
            console.log(`ok - ${test.name}`);
        } catch (error) {
            failed++;
            console.log(`not ok - ${test.name}`);
            console.log(`# ${String(error && error.stack || error)
                .replace(/\n/g, "\n# ")}`);
        }
    }
    return failed;
}

// Ends at once: the SDK's native part may crash in its finalizers.
function runMain(main) {
    main().then((failed) => process.exit(failed ? 1 : 0), (error) => {
        console.log(`not ok - it runs\n# ${String(error.stack || error)
            .replace(/\n/g, "\n# ")}`);
        process.exit(1);
    });
}

module.exports = { Endpoint, clients, create, expect, provision, readPair,
                   refusal, runCases, runMain, v2Client, versions, within };

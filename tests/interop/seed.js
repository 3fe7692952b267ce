// An infrastructure as people have it: a template whose CertDate comes from
// the hook, an empty list of groups, a policy by name, a claim policy with
// "create/*". It is loaded as it is but for account and region, and provisions
// by the service's key. By CSR it is denied, and the log says why. TAP.
//
//     node seed.js COMMAND
"use strict";

const { execFileSync, spawnSync } = require("child_process");
const { randomUUID } = require("crypto");
const { existsSync, readFileSync, writeFileSync } = require("fs");
const { join } = require("path");
const { Endpoint, clients, expect, provision, runCases, runMain, v2Client,
        versions } = require("./sdk.js");

const TEMPLATE = "FleetTemplate";
const THEIRS = "eu-west-1:123456789012";
const OURS = "us-east-1:000000000000";
const FROM_CSR = "$aws/certificates/create-from-csr/json";
const NOT_AUTHORIZED = 0x87;
const HINT = '"create/*" does not match "create-from-csr/';

const command = process.argv[2];
const endpoint = new Endpoint(command);

function load() {
    const file = (name) => {
        const path = join(endpoint.top, name);
        writeFileSync(path, readFileSync(join(__dirname, "seed", name), "utf8")
            .replaceAll(THEIRS, OURS));
        return path;
    };
    endpoint.verb("policy", "DevicePolicy", file("device-policy.json"));
    endpoint.verb("template", TEMPLATE, file("template.json"), "--hook",
                  `exec:${join(__dirname, "seed", "hook")}`);
    endpoint.verb("policy", "ClaimPolicy", file("claim-policy.json"));
    endpoint.verb("claim", "seed", "--template", TEMPLATE, "--policy",
                  "ClaimPolicy");
}

// ---- by imprint ----

function runImprint(deviceId, ...more) {
    const state = join(endpoint.top, deviceId);
    const ended = spawnSync(command, [
        "provision", "--endpoint", endpoint.ready.endpoint, "--ca",
        endpoint.ready.ca, "--claim",
        join(endpoint.dir, "claims", "seed", "certificate.pem"), "--template",
        TEMPLATE, "--param", `deviceId=${deviceId}`, "--state", state,
        "--attempts", "1", "--timeout", "5", ...more],
        { encoding: "utf8", timeout: 20000 });
    return { code: ended.status, text: ended.stdout + ended.stderr, state };
}

function imprintCases() {
    const all = [];
    for (const format of ["cbor", "json"])
        for (const mqtt of ["3", "5"])
            all.push({
                name: `imprint provision --key service, ${format}, MQTT ` +
                    mqtt,
                run: async () => {
                    const id = `imprint-${randomUUID()}`;
                    const ended = runImprint(id, "--key", "service",
                                             "--format", format, "--mqtt",
                                             mqtt);
                    expect(ended.text, ended.code, 0);
                },
            }, {
                name: `imprint provision by CSR, ${format}, MQTT ${mqtt}: ` +
                    "denied",
                run: async () => {
                    const id = `imprint-${randomUUID()}`;
                    const before = endpoint.log().length;
                    const ended = runImprint(id, "--format", format, "--mqtt",
                                             mqtt);
                    // without MQTT 5 a device is told nothing but the end
                    expect(ended.text, ended.code, mqtt === "5" ? 3 : 4);
                    if (!/policy/.test(ended.text) ||
                        existsSync(join(ended.state, "current")))
                        throw new Error(ended.text);
                    findHint(before);
                },
            });
    return all;
}

// ---- by AWS's SDK ----

function findHint(before) {
    const log = endpoint.log().slice(before);
    if (!log.includes(HINT))
        throw new Error(`no hint in the log: ${log}`);
}

// What the registry has of a thing: its attributes.
function attributesOf(thing) {
    return JSON.parse(execFileSync("python3", ["-c", `
import contextlib, sqlite3, sys
with contextlib.closing(sqlite3.connect(sys.argv[1])) as registry:
    print(registry.execute("SELECT attributes FROM thing WHERE name = ?",
                           sys.argv[2:]).fetchone()[0])
`, join(endpoint.dir, "registry.db"), thing], { encoding: "utf8" }));
}

function sdkCases() {
    const all = [];
    for (const [clientName, client] of clients)
        for (const [mqttName, connect] of versions)
            all.push({
                name: `${clientName} client, ${mqttName}, keys: provisions`,
                run: async () => {
                    const deviceId = `sdk-${randomUUID()}`;
                    expect("the thing", await provision({
                        client, connect, flow: "keys", place: endpoint.place,
                        claim: endpoint.claim("seed"), template: TEMPLATE,
                    }, { deviceId }), deviceId);
                    const attributes = attributesOf(deviceId);
                    expect("deviceId", attributes.deviceId, deviceId);
                    if (!/^20..-..-..T..:..:..Z$/.test(attributes.certDate))
                        throw new Error(JSON.stringify(attributes));
                },
            });
    return all;
}

async function asClaim(connect, act) {
    const before = endpoint.log().length;
    const claim = await connect(endpoint.place, endpoint.claim("seed"),
                                `claim-${randomUUID()}`);
    try {
        await act(claim);
    } finally {
        await claim.close();
    }
    findHint(before);
}

function deniedCases() {
    const [[, connect311], [, connect5]] = versions;
    const all = [];
    for (const act of ["subscribe", "publish"]) {
        const topic = act === "publish" ? FROM_CSR : `${FROM_CSR}/accepted`;
        all.push({
            name: `mqtt311, CSR, ${act}: the connection is closed`,
            run: () => asClaim(connect311, async (claim) => {
                claim[act](topic).catch(() => {});
                await claim.down;
            }),
        }, {
            name: `mqtt5, CSR, ${act}: 0x87`,
            run: () => asClaim(connect5, async (claim) => {
                expect("the reason", await claim[act](topic), NOT_AUTHORIZED);
            }),
        });
    }
    all.push({
        name: "V2 client, mqtt5, CSR: denied",
        run: () => asClaim(connect5, async (claim) => {
            const identity = v2Client(claim, 5);
            const asked = identity.createFromCsr(
                { certificateSigningRequest: "x" });
            let outcome = "accepted";
            await asked.catch((error) => { outcome = error; });
            identity.close();
            if (outcome === "accepted" || outcome.modeledError)
                throw new Error("the broker let it pass");
        }),
    });
    return all;
}

runMain(async () => {
    await endpoint.start();
    try {
        load();
        return await runCases([...imprintCases(), ...sdkCases(),
                               ...deniedCases()]);
    } finally {
        await endpoint.close();
    }
});

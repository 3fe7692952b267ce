// AWS's device SDK, unmodified, against the rules of the local endpoint: a
// trusted user's claim, a hook that refuses, throttling in its three forms,
// and topics that the policy denies, over MQTT 3.1.1 and 5. TAP on stdout.
//
//     node rules.js COMMAND
"use strict";

const { randomUUID } = require("crypto");
const { chmodSync, writeFileSync } = require("fs");
const { join } = require("path");
const { Endpoint, clients, create, expect, provision, refusal, runCases,
        runMain, v2Client, versions, within } = require("./sdk.js");

const NOT_AUTHORIZED = 0x87;
const CREATE = "$aws/certificates/create/json";
const endpoint = new Endpoint(process.argv[2]);

// act(connection), as a claim.
async function asClaim(connect, claim, act) {
    const connection = await connect(endpoint.place, claim,
                                     `claim-${randomUUID()}`);
    try {
        return await act(connection);
    } finally {
        await connection.close();
    }
}

// act(identity client), as a claim.
function withClient(connect, client, claim, act) {
    return asClaim(connect, claim, async (connection) => {
        const identity = client(connection);
        try {
            return await act(identity, connection);
        } finally {
            identity.close();
        }
    });
}

// ---- trusted user ----

function makeTemporary() {
    const made = JSON.parse(endpoint.verb(
        "claim", "--temporary", "--template", "fleet", "--json"));
    const leftS = made.expiration - Date.now() / 1000;
    if (leftS < 200 || leftS > 300)
        throw new Error(`it lives ${leftS} s, not five minutes`);
    return { id: made.certificateId, certificate: made.certificatePem,
             key: made.keyPair.PrivateKey };
}

function trustedUserCases() {
    const all = [];
    for (const [clientName, client] of clients)
        for (const [mqttName, connect] of versions)
            for (const flow of ["keys", "CSR"])
                all.push({
                    name: `trusted user: ${clientName} client, ${mqttName}, ` +
                        flow,
                    run: async () => {
                        const serial = `trusted-${randomUUID()}`;
                        expect("the thing", await provision({
                            client, connect, flow, place: endpoint.place,
                            claim: makeTemporary(), template: "fleet",
                        }, { SerialNumber: serial }), serial);
                    },
                });
    all.push({
        name: "trusted user: with this template alone",
        run: () => asClaim(versions[1][1], makeTemporary(), async (claim) => {
            const other = "$aws/provisioning-templates/yes/provision/json";
            expect("the reply's topic",
                   await claim.subscribe(`${other}/accepted`), NOT_AUTHORIZED);
            expect("the request's topic", await claim.publish(other),
                   NOT_AUTHORIZED);
        }),
    }, {
        name: "trusted user: the claim is listed nowhere",
        run: async () => {
            const { id } = makeTemporary();
            if (endpoint.verb("certificates").includes(id))
                throw new Error("it is");
        },
    });
    return all;
}

// ---- hooks ----

// By what the hook does; each has a template and a claim of its own.
const hooks = {
    yes: `echo '{"allowProvisioning": true, "parameterOverrides": {}}'`,
    no: `echo '{"allowProvisioning": false}'`,
    crash: "exit 1",
    late: "exec sleep 60",
};

function makeHooks() {
    const body = join(endpoint.top, "template.json");
    writeFileSync(body, endpoint.verb("template", "fleet"));
    for (const [name, script] of Object.entries(hooks)) {
        const path = join(endpoint.top, `hook-${name}`);
        writeFileSync(path, `#!/bin/sh\ncat >/dev/null\n${script}\n`);
        chmodSync(path, 0o700);
        endpoint.verb("template", name, body, "--hook", `exec:${path}`);
        endpoint.verb("claim", name, "--template", name);
    }
}

function hookCases() {
    const all = [];
    for (const [clientName, client] of clients)
        for (const [mqttName, connect] of versions) {
            for (const name of ["no", "crash", "late"])
                all.push({
                    name: `hook: ${name}: ${clientName} client, ${mqttName}`,
                    run: () => withClient(
                        connect, client, endpoint.claim(name),
                        (identity) => refuseByHook(identity, name)),
                });
            all.push({
                name: `hook: yes: ${clientName} client, ${mqttName}`,
                run: async () => {
                    const serial = `hook-${randomUUID()}`;
                    expect("the thing", await provision({
                        client, connect, flow: "CSR", place: endpoint.place,
                        claim: endpoint.claim("yes"), template: "yes",
                    }, { SerialNumber: serial }), serial);
                },
            });
        }
    return all;
}

async function refuseByHook(identity, template) {
    const { certificateOwnershipToken } = await create(identity, "CSR");
    const model = await refusal(identity.register({
        templateName: template,
        certificateOwnershipToken,
        parameters: { SerialNumber: `hook-${randomUUID()}` },
    }));
    expect("the refusal", [model.statusCode, model.errorCode],
           [403, "AccessDenied"]);
}

// ---- throttling: one RegisterThing a second, and what comes of the rest ----

// Asks until something else than the token's refusal comes of it.
async function askTooOften(identity) {
    for (let count = 0; count < 30; count++) {
        try {
            const model = await refusal(identity.register({
                templateName: "fleet", certificateOwnershipToken: "bogus",
                parameters: {},
            }));
            if (model.statusCode !== 400)
                return model;
        } catch (error) {
            return error;
        }
    }
    throw new Error("nothing was throttled");
}

const throttles = [
    ["429", async (identity, connection) => {
        const model = await askTooOften(identity);
        expect("the refusal", [model.statusCode, model.errorCode],
               [429, "Throttled"]);
        await connection.staysUp();
    }],
    ["silence", async (identity, connection) => {
        const error = await askTooOften(identity);
        if (!String(error.internalError).includes("RESPONSE_TIMEOUT"))
            throw error;
        await create(identity, "CSR"); // the connection is as good as before
        await connection.staysUp();
    }],
    ["closed connection", async (identity, connection) => {
        askTooOften(identity).catch(() => {});
        await within(connection.down, 10000);
    }],
];

function throttleCases(answer) {
    const [name, run] = throttles[answer];
    return versions.map(([mqttName, connect]) => ({
        name: `throttled: ${name}: ${mqttName}`,
        run: () => withClient(connect, (connection) => v2Client(connection, 2),
                              endpoint.claim("default"), run),
    }));
}

// ---- denied topics ----

const denied = [
    ["publish to a thing's topic", "publish", "devices/thing-1/up"],
    ["publish a reply", "publish", `${CREATE}/accepted`],
    ["subscribe to all", "subscribe", "#"],
    ["subscribe to a thing's topics", "subscribe", "devices/thing-1/#"],
];

function deniedCases() {
    const all = [];
    for (const [name, act, topic] of denied) {
        all.push({
            name: `denied: ${name}: mqtt311: the connection is closed`,
            run: () => asClaim(versions[0][1], endpoint.claim("default"),
                               async (claim) => {
                claim[act](topic).catch(() => {});
                await within(claim.down, 10000);
            }),
        }, {
            name: `denied: ${name}: mqtt5: 0x87, and it goes on`,
            run: () => withClient(versions[1][1], v2Client,
                                  endpoint.claim("default"),
                                  async (identity, claim) => {
                expect("the reason", await claim[act](topic), NOT_AUTHORIZED);
                await create(identity, "CSR");
            }),
        });
    }
    return all;
}

runMain(async () => {
    await endpoint.start();
    try {
        makeHooks();
        let failed = await runCases([...trustedUserCases(), ...deniedCases()]);
        await endpoint.restart({ hook_timeout_ms: 500 });
        failed += await runCases(hookCases());
        for (const answer of throttles.keys()) {
            await endpoint.restart({ register_rate: 1,
                                     throttle_answer: answer });
            failed += await runCases(throttleCases(answer));
        }
        return failed;
    } finally {
        await endpoint.close();
    }
});

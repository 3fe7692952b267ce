// AWS's device SDK, unmodified, against the local endpoint: {old, V2 identity
// client} x {MQTT 3.1.1, 5} x {EC, RSA claim} x {keys, CSR}. Each provisions,
// is told of a bogus token by its own modelled error, and connects with what
// it got. TAP on stdout.
//
//     node matrix.js COMMAND
"use strict";

const { randomUUID } = require("crypto");
const { Endpoint, clients, expect, provision, refusal, runCases, runMain,
        versions } = require("./sdk.js");

const endpoint = new Endpoint(process.argv[2]);

// On the connection that provisions.
async function refuseBogus(identity) {
    const model = await refusal(identity.register({
        templateName: endpoint.ready.template,
        certificateOwnershipToken: "bogus",
        parameters: { SerialNumber: "bogus" },
    }));
    expect("a bogus token", [model.statusCode, model.errorCode,
                             !!model.errorMessage],
           [400, "InvalidCertificateOwnershipToken", true]);
}

function cases() {
    const all = [];
    for (const [clientName, client] of clients)
        for (const [mqttName, connect] of versions)
            for (const [claimName, claim] of [["EC", "default"],
                                              ["RSA", "rsa"]])
                for (const flow of ["keys", "CSR"]) {
                    const test = {
                        client, connect, flow, place: endpoint.place,
                        claim: endpoint.claim(claim),
                        template: endpoint.ready.template,
                        between: refuseBogus,
                    };
                    all.push({
                        name: `${clientName} client, ${mqttName}, ` +
                            `${claimName} claim, ${flow}`,
                        run: async () => {
                            const serial = `interop-${randomUUID()}`;
                            expect("the thing", await provision(
                                test, { SerialNumber: serial }), serial);
                        },
                    });
                }
    return all;
}

runMain(async () => {
    await endpoint.start();
    try {
        endpoint.verb("claim", "rsa", "--rsa");
        return await runCases(cases());
    } finally {
        await endpoint.close();
    }
});

// One provisioning by CSR with the AWS IoT Device SDK v2 for Node.js, then a
// connection with the new identity. bench/one and bench/networks give everything
// by ONE_*. With ONE_PATIENT the SDK connects again by itself, as it does; else
// the first failure ends it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const one = (name) => process.env[`ONE_${name}`];
const require = createRequire(`${one("MODULES")}/`);
const { iot, iotidentity, mqtt5 } = require("aws-iot-device-sdk-v2");

function start(builder, clientId) {
    builder.withCertificateAuthorityFromPath(undefined, one("CA"));
    builder.withPort(Number(one("PORT")));
    builder.withConnectProperties({ clientId, keepAliveIntervalSeconds: 60 });
    const client = new mqtt5.Mqtt5Client(builder.build());
    const up = new Promise((resolve, reject) => {
        client.on("connectionSuccess", resolve);
        if (!one("PATIENT"))
            client.on("connectionFailure", (event) => reject(event.error));
    });
    client.start();
    return up.then(() => client);
}

function stop(client) {
    const down = new Promise((resolve) => client.on("stopped", resolve));
    client.stop();
    return down;
}

const Builder = iot.AwsIotMqtt5ClientConfigBuilder;
const claim = await start(
    Builder.newDirectMqttBuilderWithMtlsFromPath(
        one("HOST"), one("CLAIM"), one("KEY")),
    `node-claim-${process.pid}`);
const identity = iotidentity.IotIdentityClientv2.newFromMqtt5(claim, {
    maxRequestResponseSubscriptions: 5,
    maxStreamingSubscriptions: 1,
    operationTimeoutInSeconds: 20,
});
const created = await identity.createCertificateFromCsr({
    certificateSigningRequest: readFileSync(one("CSR"), "utf8"),
});
const registered = await identity.registerThing({
    templateName: one("TEMPLATE"),
    certificateOwnershipToken: created.certificateOwnershipToken,
    parameters: { SerialNumber: one("SERIAL") },
});
identity.close();
await stop(claim);
const device = await start(
    Builder.newDirectMqttBuilderWithMtlsFromMemory(
        one("HOST"), created.certificatePem,
        readFileSync(one("DEVICE_KEY"), "utf8")),
    registered.thingName);
await stop(device);
console.log(`verified ${registered.thingName}`);
process.exit(0);

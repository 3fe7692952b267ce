// The live page, as a person meets it: logs in, sees a device refused and why,
// one that succeeds, five thousand that come; in dark and light, by keyboard
// and on a phone. TAP on stdout.
//
//     node page.js BUILD
"use strict";

const assert = require("assert");
const { execFile, spawn } = require("child_process");
const { mkdtempSync, rmSync, readFileSync } = require("fs");
const { tmpdir } = require("os");
const { join } = require("path");
const { createInterface } = require("readline");
const { promisify } = require("util");
const puppeteer = require("puppeteer-core");

const build = process.argv[2];
const imprint = join(build, "cli/imprint");
const run = promisify(execFile);
const LIMIT_MS = 30000;
const DEVICES = 5000;
const WAIT = { timeout: LIMIT_MS, polling: 50 };

const dir = mkdtempSync(join(tmpdir(), "imprint-page-"));
let endpoint; // the process
let ready;    // what it said
let key;
let browser;
let page;
const seen = []; // addresses and bodies of all that the page got

async function startEndpoint() {
    endpoint = spawn(imprint, ["endpoint", "run", "--json", "--dir",
        join(dir, "endpoint"), "--listen", "127.0.0.1:0", "--rest",
        "127.0.0.1:0"], { stdio: ["ignore", "pipe", "ignore"] });
    for await (const line of createInterface({ input: endpoint.stdout })) {
        ready = JSON.parse(line);
        break;
    }
}

async function endEndpoint() {
    const ended = new Promise((resolve) => endpoint.on("exit", resolve));
    endpoint.kill();
    await ended;
}

// The exit code of a device.
async function provision(name, template, more) {
    const words = ["provision", "--endpoint", ready.endpoint, "--ca", ready.ca,
        "--claim", ready.claim, "--claim-key", ready.claimKey, "--template",
        template, "--state", join(dir, name), ...more];
    return run(imprint, words).then(() => 0, (error) => error.code);
}

const textOf = (selector) =>
    page.$eval(selector, (node) => node.textContent.trim());
const until = (what, ...values) => page.waitForFunction(what, WAIT, ...values);

// ---- cases ----

async function asksWho() {
    await page.goto(ready.rest, { timeout: LIMIT_MS });
    await until(() => !document.getElementById("login").hidden);
    assert.ok(await page.$eval("#all", (node) => node.hidden));
    await page.type("[name=id]", key.AccessKeyId);
    await page.type("[name=secret]", "wrong");
    await page.keyboard.press("Enter");
    await until(() => document.getElementById("problem").textContent !== "");
    assert.match(await textOf("#problem"), /credentials add/);
    assert.ok(await page.$eval("#all", (node) => node.hidden));
}

async function letsIn() {
    await page.type("[name=secret]", key.SecretAccessKey);
    await page.keyboard.press("Enter");
    await until(() => !document.getElementById("all").hidden);
    await until(() => document.getElementById("link").textContent === "live");
    assert.strictEqual(await page.$eval("[name=secret]", (n) => n.value), "");
    const cookies = await page.cookies();
    assert.strictEqual(cookies.length, 1);
    assert.ok(cookies[0].httpOnly);
    assert.strictEqual(cookies[0].sameSite, "Strict");
}

async function saysWhyRefused() {
    assert.notStrictEqual(await provision("lacks", "fleet", []), 0);
    await until(() => document.querySelector("[data-state=refused]"));
    const row = await textOf("[data-state=refused]");
    assert.match(row, /refused/);
    assert.match(row, /"SerialNumber" is missing/);
}

async function namesTheRule() {
    assert.notStrictEqual(await provision("denied", "other",
        ["--thing-name", "d1"]), 0);
    await until(() => document.querySelectorAll("[data-state=refused]")
        .length >= 2);
    const row = await textOf("[data-state=refused]"); // the newest is first
    assert.match(row, /iot:Subscribe denied/);
    assert.match(row, /nearest: /);
}

async function turnsTheRow() {
    assert.strictEqual(
        await provision("good", "fleet", ["--thing-name", "pump-1"]), 0);
    await until(() => document.querySelector("[data-state=used]"));
    assert.match(await textOf("[data-state=used]"), /in use.*pump-1/);
    await until(() => document.getElementById("f-made").textContent === "1");
}

// By keyboard alone: the row's button, Enter, Escape.
async function tellsTheStory() {
    await page.focus("[data-state=used] button");
    await page.keyboard.press("Enter");
    await until(() => document.getElementById("story").open);
    const story = await textOf("#steps");
    for (const step of [/connected with claim default/, /subscribed to /,
        /asked for CreateCertificateFromCsr/, /RegisterThing: accepted/,
        /took [0-9.]+ ms/, /connected with its own certificate/])
        assert.match(story, step);
    await page.keyboard.press("Escape");
    await until(() => !document.getElementById("story").open);
}

async function showsTheRest() {
    await page.focus("#t-devices");
    await page.keyboard.press("ArrowRight");
    await until(() => !document.getElementById("templates").hidden);
    await until(() => document.querySelector("#templates td"));
    assert.match(await textOf("#templates"), /fleet.*whoever has a claim/);
    await page.keyboard.press("ArrowRight");
    await until(() => !document.getElementById("claims").hidden);
    assert.match(await textOf("#claims"), /default.*ACTIVE/);
    await page.keyboard.press("ArrowRight");
    await until(() => document.querySelectorAll("#certificates tbody tr")
        .length >= 3);
    await page.keyboard.press("ArrowRight");
    await until(() => /pending/.test(
        document.querySelector("#leaks tbody").textContent));
    await page.keyboard.press("ArrowRight");
    assert.ok(await page.$eval("#devices", (node) => !node.hidden));
}

// Frames go on, the table stays short, and the filter answers, meanwhile and
// afterwards.
async function bearsMany() {
    const port = ready.endpoint.split(":").pop();
    await page.evaluate(() => {
        window.gap = 0;
        let last = performance.now();
        const look = (now) => {
            window.gap = Math.max(window.gap, now - last);
            last = now;
            requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
    });
    for (let i = 0; i < 30; i++) {
        await run(join(build, "bench/load"), ["onboardings", ready.dir, "4",
            "5", port, "fleet"]);
        if (await page.evaluate("devices.size") >= DEVICES) break;
    }
    await until(`devices.size >= ${DEVICES}`);
    const count = await page.evaluate("devices.size");
    const rows = await page.$$eval("#rows tr", (all) => all.length);
    assert.ok(rows <= 200, `${rows} rows`);
    const gap = await page.evaluate("window.gap");
    const took = await page.evaluate(() => {
        const from = performance.now();
        document.getElementById("filter").value = "pump-1";
        isWhole = true;
        show();
        return performance.now() - from;
    });
    assert.match(await textOf("#rows"), /pump-1/);
    console.log(`# ${count} devices; the longest time without a frame ` +
        `${Math.round(gap)} ms; to look for one ${Math.round(took)} ms`);
    assert.ok(gap < 1000, `${gap} ms without a frame`);
    assert.ok(took < 250, `${took} ms to look for one`);
}

async function fitsAnywhere() {
    const back = () => page.evaluate(
        () => getComputedStyle(document.body).backgroundColor);
    const light = await back();
    await page.emulateMediaFeatures(
        [{ name: "prefers-color-scheme", value: "dark" }]);
    assert.notStrictEqual(await back(), light);
    await page.setViewport({ width: 360, height: 740, isMobile: true,
        hasTouch: true });
    await page.evaluate(() => {
        document.getElementById("filter").value = "";
        isWhole = true;
        show();
    });
    const wide = await page.evaluate(() =>
        document.scrollingElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${wide} px too wide for a phone`);
    const unnamed = await page.$$eval("button, input", (all) => all.filter(
        (node) => !(node.textContent.trim() || node.labels?.length ||
            node.getAttribute("aria-label"))).length);
    assert.strictEqual(unnamed, 0);
}

async function logsOut() {
    await page.setViewport({ width: 1000, height: 700 });
    await page.click("#leave");
    await until(() => !document.getElementById("login").hidden);
    const answer = await fetch(`${ready.rest}/page/overview`);
    assert.strictEqual(answer.status, 401);
}

async function keepsSecrets() {
    const secrets = ["PRIVATE KEY", key.SecretAccessKey,
        "certificateOwnershipToken",
        ...readFileSync(ready.claimKey, "utf8").split("\n").slice(1, 3)];
    assert.ok(seen.length > 5);
    for (const { url, body } of seen) {
        assert.ok(url.startsWith(ready.rest) || url.startsWith("data:"), url);
        for (const secret of secrets)
            assert.ok(!body.includes(secret), `${url} has a secret`);
    }
    const events = await page.evaluate("window.texts.join('')");
    assert.match(events, /RegisterThing/);
    for (const secret of secrets)
        assert.ok(!events.includes(secret), "an event has a secret");
}

// ---- all ----

async function open() {
    await startEndpoint();
    // keys in advance would take the processor from all that is measured
    await run(imprint, ["endpoint", "set", "pool_size", "1", "--dir",
        ready.dir]);
    await endEndpoint();
    await startEndpoint();
    const made = await run(imprint, ["endpoint", "credentials", "add", "page",
        "--dir", ready.dir, "--json"]);
    key = JSON.parse(made.stdout);
    browser = await puppeteer.launch({ executablePath: "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    page = await browser.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    page.on("pageerror", (error) => {
        console.log(`# the page: ${error.message}`);
        process.exitCode = 1;
    });
    page.on("response", (response) => {
        const item = { url: response.url(), body: "" };
        seen.push(item);
        if (!item.url.endsWith("/events"))
            response.text().then((body) => { item.body = body; }, () => {});
    });
    // what comes by the stream, which has no end
    await page.evaluateOnNewDocument(() => {
        window.texts = [];
        const parse = JSON.parse;
        JSON.parse = (text) => {
            if (window.texts.length < 5000) window.texts.push(text);
            return parse(text);
        };
    });
}

async function close() {
    await browser?.close();
    if (endpoint) await endEndpoint();
    rmSync(dir, { recursive: true, force: true });
}

async function main() {
    const cases = { asksWho, letsIn, saysWhyRefused, namesTheRule, turnsTheRow,
        tellsTheStory, showsTheRest, bearsMany, fitsAnywhere, logsOut,
        keepsSecrets };
    await open();
    for (const [name, test] of Object.entries(cases)) {
        try {
            await test();
            console.log(`ok - page: ${name}`);
        } catch (error) {
            console.log(`not ok - page: ${name}`);
            console.log(`# ${String(error.stack).replace(/\n/g, "\n# ")}`);
            process.exitCode = 1;
        }
    }
}

main().catch((error) => {
    console.log(`not ok - page: ${error.message}`);
    process.exitCode = 1;
}).finally(close);

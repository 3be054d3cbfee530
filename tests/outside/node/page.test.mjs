// The first page in Chromium: records of the demo collection arrive by themselves.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { launch } from "./browser.mjs";
import { ROOT, Server, TARGET, waitFor } from "./server.mjs";

const skip = TARGET === "pocketbase";
let server;
let browser;

before(async () => {
  if (skip) return;
  server = await new Server({ options: ["--demo"] }).start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function open() {
  const page = await browser.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  await page.goto(server.url);
  await page.locator("#state[data-state=live]").waitFor();
  return { page, faults };
}

test("changes of the demo appear while one watches", { skip }, async () => {
  const { page, faults } = await open();
  const arrived = page.locator("#events .action");
  await waitFor(async () => (await arrived.count()) >= 3, "three changes");
  assert.ok((await page.locator(".gauge").count()) > 0);
  assert.match(await page.locator("#counter").innerText(), /^\d+ events$/);
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  await page.screenshot({ path: join(ROOT, ".cache/page.png"), fullPage: true });
  assert.deepEqual(faults, []);
  await page.close();
});

test("a published message appears, and the page comes back after a restart", { skip }, async () => {
  const { page } = await open();
  const publish = (text) => {
    const words = ["publish", "hello", JSON.stringify({ text }), `--dir=${server.folder}/data`];
    return promisify(execFile)(server.binary, words);
  };
  await publish("ahoy");
  await page.getByText('{"text":"ahoy"}').waitFor();
  await server.kill();
  await page.locator("#state[data-state=lost]").waitFor();
  await server.start();
  await page.locator("#state[data-state=live]").waitFor();
  await publish("back again");
  await page.getByText('{"text":"back again"}').waitFor();
  await page.close();
});

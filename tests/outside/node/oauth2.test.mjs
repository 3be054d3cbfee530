// Signing in through a provider: npm pocketbase in Chromium, a popup, and a small OpenID Connect provider.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { launch } from "./browser.mjs";
import { Provider } from "./provider.mjs";
import { EMAIL, PASSWORD, ROOT, Server, TARGET } from "./server.mjs";

const SDK = readFileSync(fileURLToPath(import.meta.resolve("pocketbase")));
const SUCCESS = "Auth completed. You can close this window and go back to the app.";
const FAILURE = "Failed to authenticate. You can close this window and go back to the app to try again.";
const ANN = { sub: "user-1", name: "Ann", email: "ann@example.com", email_verified: true };
// the real server has a page of its own to end on
const ours = TARGET !== "pocketbase";
let server;
let provider;
let app;
let browser;
let page;

before(async () => {
  server = await new Server().start();
  provider = await new Provider().start();
  const providers = [provider.options("oidc"), provider.options("oidc2", { userInfo: false })];
  await server.root.collections.update("users", { oauth2: { enabled: true, providers } });
  // an app on an origin of its own
  app = createServer((request, response) => {
    const script = request.url === "/sdk.mjs";
    response.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" }).end(script ? SDK : "<!doctype html><title>App</title>");
  }).listen(0, "127.0.0.1");
  await once(app, "listening");
  browser = await launch();
});
after(async () => {
  await browser?.close();
  app?.closeAllConnections();
  app?.close();
  await provider?.close();
  await server?.close();
});
beforeEach(async () => {
  Object.assign(provider, { denies: false, forges: false, mixes: false, user: ANN });
  await page?.context().close();
  page = await (await browser.newContext()).newPage();
  await page.goto(`http://127.0.0.1:${app.address().port}/`);
});

// Signs in as a web app does it, through a popup, and says what came of it.
async function signIn(name) {
  const popup = page.waitForEvent("popup");
  const done = page.evaluate(
    async ([url, provider]) => {
      const { default: PocketBase } = await import("/sdk.mjs");
      const pb = new PocketBase(url);
      try {
        const answer = await pb.collection("users").authWithOAuth2({ provider });
        const again = await pb.collection("users").authRefresh();
        return { answer, valid: pb.authStore.isValid, again: again.record.id };
      } catch (error) {
        return { status: error.status, message: error.response?.message, cause: String(error.originalError ?? error) };
      }
    },
    [server.url, name],
  );
  await popup;
  return done;
}

test("a popup signs in, a second time as the same user, and through another provider too", async () => {
  const first = await signIn("oidc");
  assert.equal(first.valid, true, JSON.stringify(first));
  assert.equal(first.again, first.answer.record.id);
  const { meta, record } = first.answer;
  assert.deepEqual([meta.isNew, meta.id, meta.name, meta.email], [true, "user-1", "Ann", "ann@example.com"]);
  assert.deepEqual([record.name, record.email, record.verified], ["Ann", "ann@example.com", true]);
  const second = await signIn("oidc");
  assert.deepEqual([second.answer.record.id, second.answer.meta.isNew], [record.id, false]);
  const other = await signIn("oidc2");
  assert.deepEqual([other.answer.record.id, other.answer.meta.isNew], [record.id, false]);
  const links = await server.root.collection("_externalAuths").getFullList({ sort: "provider" });
  assert.deepEqual(links.map((link) => `${link.provider} ${link.providerId}`), ["oidc user-1", "oidc2 user-1"]);
});

test("the app is told of who refuses at the provider", async () => {
  provider.denies = true;
  const refused = await signIn("oidc");
  assert.match(refused.cause, /access_denied/);
});

test("the page that a popup ends on says how it went, without a script", { skip: !ours }, async () => {
  const faults = [];
  page.on("console", (message) => faults.push(message.text()));
  for (const [query, text] of [
    ["#/auth/oauth2-redirect-success", SUCCESS],
    ["#/auth/oauth2-redirect-failure", FAILURE],
    ["", "There is nothing to see here."],
  ]) {
    await page.goto("about:blank");
    await page.goto(`${server.url}/_/${query}`);
    assert.deepEqual(await page.locator("p:visible").allInnerTexts(), [text]);
  }
  await page.goto(`${server.url}/api/oauth2-redirect?state=nobody&code=x`);
  assert.equal(page.url(), `${server.url}/_/#/auth/oauth2-redirect-failure`);
  assert.deepEqual(await page.locator("p:visible").allInnerTexts(), [FAILURE]);
  assert.deepEqual(faults, []);
});

test("an ID token that is forged or another client's signs nobody in", { skip: !ours }, async () => {
  for (const fault of ["forges", "mixes"]) {
    Object.assign(provider, { forges: false, mixes: false, [fault]: true });
    for (const name of ["oidc", "oidc2"]) {
      const refused = await signIn(name);
      assert.deepEqual([refused.status, refused.message], [400, "Failed to fetch OAuth2 user."], JSON.stringify(refused));
    }
  }
});

// A code for a client that goes on by hand.
async function code(method) {
  const back = `${server.url}/api/oauth2-redirect`;
  const answer = await fetch(method.authURL + encodeURIComponent(back), { redirect: "manual" });
  return [new URL(answer.headers.get("location")).searchParams.get("code"), back];
}

test("a code needs its verifier and its address, and is good once", async () => {
  const pb = server.client();
  const users = pb.collection("users");
  const refused = { status: 400, message: "Failed to fetch OAuth2 token." };
  const told = (error) => assert.deepEqual({ status: error.status, message: error.response.message }, refused) ?? true;
  const [method] = (await users.listAuthMethods()).oauth2.providers;
  const [first, back] = await code(method);
  await assert.rejects(users.authWithOAuth2Code("oidc", first, "x".repeat(43), back), told);
  await assert.rejects(users.authWithOAuth2Code("oidc", first, method.codeVerifier, "https://evil.test/"), told);
  const signedIn = await users.authWithOAuth2Code("oidc", first, method.codeVerifier, back);
  assert.equal(signedIn.record.email, "ann@example.com");
  await assert.rejects(users.authWithOAuth2Code("oidc", first, method.codeVerifier, back), told);
  await assert.rejects(users.authWithOAuth2Code("oidc", "made-up", method.codeVerifier, back), told);
});

test("the example of docs/oauth2.md configures a provider", { skip: !ours }, async () => {
  const text = readFileSync(join(ROOT, "docs/oauth2.md"), "utf8");
  const [, block] = text.match(/```sh\n([^]*?)```/);
  const script = block.replaceAll("http://127.0.0.1:8090", server.url).replace("correct horse", PASSWORD);
  assert.ok(script.includes(server.url) && script.includes(EMAIL));
  await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script]);
  const { oauth2 } = await server.root.collections.getOne("users");
  assert.deepEqual(oauth2.providers.map((provider) => provider.name), ["google", "oidc"]);
  assert.ok(!JSON.stringify(oauth2).includes("clientSecret"));
  const methods = await server.client().collection("users").listAuthMethods();
  assert.deepEqual(methods.oauth2.providers.map((provider) => provider.displayName), ["Google", "Company login"]);
});

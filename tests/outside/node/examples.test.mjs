// The applications in examples/, run as their documentation says.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { EMAIL, PASSWORD, ROOT, Server, waitFor } from "./server.mjs";

const run = promisify(execFile);
const PYTHON = join(ROOT, ".cache/python/bin/python");
const example = (...parts) => join(ROOT, "examples", ...parts);

// A server with the hooks and the collections of an example.
async function serve(t, name) {
  const server = new Server({ options: ["--hooks-dir", example(name, "hooks")] });
  t.after(() => server.close());
  await server.start();
  await run(PYTHON, [example("make_collections.py"), server.url, EMAIL, PASSWORD, example(name, "collections.json")]);
  return server;
}

// A program whose lines are waited for and which is told lines.
function start(t, program, words) {
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill());
  let heard = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (heard += text));
  return {
    say: (text) => child.stdin.write(`${text}\n`),
    hears: (line) => waitFor(() => heard.split("\n").includes(line), () => `"${line}" in\n${heard}`),
    lines: () => heard.split("\n"),
  };
}

test("chat: what is said is heard by all, under the speaker's own name", async (t) => {
  const server = await serve(t, "chat");
  const folder = mkdtempSync(join(tmpdir(), "outside-chat-"));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(example("chat"), folder, { recursive: true });
  symlinkSync(join(ROOT, "tests/outside/node/node_modules"), join(folder, "node_modules"));
  const enter = async (name) => {
    const words = [join(folder, "chat.mjs"), server.url, `${name}@example.com`, "a-long-password", name];
    const visitor = start(t, process.execPath, words);
    await visitor.hears(`You are in, ${name}.`);
    return visitor;
  };
  const ann = await enter("Ann");
  const bob = await enter("Bob");
  ann.say("  hello  ");
  await bob.hears("Ann: hello");
  await bob.hears("(latest: Ann)");
  bob.say("   ");
  await bob.hears("not said: Say something.");
  bob.say("hi Ann");
  await ann.hears("Bob: hi Ann");
  await ann.hears("(latest: Bob)");
  assert.deepEqual(ann.lines().filter((line) => /^\w+: /.test(line)), ["Ann: hello", "Bob: hi Ann"]);
});

test("chat: nobody listens to messages without having signed in", async (t) => {
  const server = await serve(t, "chat");
  const guest = server.client();
  await assert.rejects(guest.collection("messages").subscribe("*", () => {}), { status: 403 });
});

test("jobs: a job tells how far it is, then what came out", async (t) => {
  const server = await serve(t, "jobs");
  const { stdout } = await run(PYTHON, [example("jobs/jobs.py"), server.url, "to be or not to be"]);
  assert.deepEqual(stdout.trim().split("\n"), [
    "25 %", "50 %", "75 %", "100 %", "be: 2", "not: 1", "or: 1", "to: 2",
  ]);
  const [job] = await server.root.collection("jobs").getFullList();
  assert.deepEqual([job.status, job.words], ["finished", { be: 2, not: 1, or: 1, to: 2 }]);
});

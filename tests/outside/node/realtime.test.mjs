// The code block of PocketBase's realtime page, unchanged but for address and placeholders, and what the SDK offers around it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import PocketBase from "pocketbase";

import { PASSWORDS, PUBLIC, Server, TARGET, waitFor } from "./server.mjs";

const AsyncFunction = (async () => {}).constructor;
const BLOCK = readFileSync(new URL("../blocks/realtime.mjs", import.meta.url), "utf8");

let server;
let root;

before(async () => {
  server = await furnished();
  root = server.root;
});
after(() => server.close());

async function furnished() {
  const made = await new Server().start();
  await made.root.collection("users").create({ email: "test@example.com", name: "Ann", ...PASSWORDS });
  const users = await made.root.collections.update("users", { viewRule: "" });
  await made.root.collections.create({
    name: "example",
    type: "base",
    ...PUBLIC,
    fields: [
      { name: "title", type: "text" },
      { name: "views", type: "number" },
      { name: "author", type: "relation", collectionId: users.id, maxSelect: 1 },
    ],
  });
  return made;
}

// Runs lines of the block; what they print goes to `printed`, and `pb` is returned.
async function run(code, printed, pb) {
  const text = code.replace("import PocketBase from 'pocketbase';", "").replace("http://127.0.0.1:8090", server.url);
  const console = { log: (value) => printed.push(value) };
  return new AsyncFunction("PocketBase", "console", "pb", text)(PocketBase, console, pb);
}

function expectPrinted(printed, wanted, seconds) {
  const shown = () => printed.map((value) => value.title ?? value);
  return waitFor(() => printed.length >= wanted.length, () => `${wanted}; printed: ${shown()}`, seconds).then(() => {
    assert.deepEqual(shown(), wanted);
    printed.length = 0;
  });
}

test("the code block: sign in, subscribe to all and to one, unsubscribe in three ways", async () => {
  const record = await root.collection("example").create({ title: "first" });
  const [subscribing, unsubscribing] = BLOCK.replaceAll("RECORD_ID", record.id).split("// Unsubscribe\n");
  const printed = [];
  const pb = await run(`${subscribing.replace("const pb", "pb")}\nreturn pb;`, printed);
  // Resolves when the server has all topics.
  await pb.collection("example").subscribe("no-such-record", () => {});
  assert.ok(pb.authStore.isValid && pb.authStore.record.name === "Ann");

  await root.collection("example").create({ title: "second" });
  await expectPrinted(printed, ["create", "second"]);
  await root.collection("example").update(record.id, { title: "third" });
  await expectPrinted(printed, ["update", "third", "update", "third"]);

  const [one, all, everything] = unsubscribing.trim().split("\n");
  await run(`await ${one}`, printed, pb);
  await root.collection("example").update(record.id, { title: "fourth" });
  await expectPrinted(printed, ["update", "fourth"]);

  const witnessed = [];
  await run(`await ${all}`, printed, pb);
  await pb.collection("example").subscribe("*", (event) => witnessed.push(event.record));
  await root.collection("example").update(record.id, { title: "fifth" });
  await expectPrinted(witnessed, ["fifth"]);

  await run(`await ${everything}`, printed, pb);
  assert.equal(pb.realtime.isConnected, false);
  assert.deepEqual(printed, []);
});

test("options: filter, expand, fields and headers", async () => {
  const pb = server.client();
  const author = await root.collection("users").getFirstListItem('email = "test@example.com"');
  const heard = [];
  await root.collections.update("example", { listRule: '@request.headers.x_token = "abc"' });
  try {
    await pb.collection("example").subscribe("*", () => heard.push({ title: "without the header" }));
    const options = {
      filter: pb.filter("title ~ {:text} && views > {:least}", { text: 'qu"oted', least: 2 }),
      expand: "author",
      fields: "title,expand.author.name",
      headers: { "X-Token": "abc" },
    };
    await pb.collection("example").subscribe("*", (event) => heard.push(event.record), options);
    await root.collection("example").create({ title: 'qu"oted', views: 1, author: author.id });
    await root.collection("example").create({ title: 'A qu"oted one', views: 3, author: author.id });
    await waitFor(() => heard.length, "the event");
    assert.deepEqual(heard, [{ title: 'A qu"oted one', expand: { author: { name: "Ann" } } }]);
  } finally {
    await root.collections.update("example", { listRule: "" });
  }
});

test("a client subscribes again by itself when the server comes back", async () => {
  const own = await furnished();
  try {
    const heard = [];
    let connects = 0;
    const pb = own.client();
    await pb.collection("example").subscribe("*", (event) => heard.push(event.record));
    await pb.realtime.subscribe("PB_CONNECT", () => (connects += 1));
    const known = connects;
    await own.kill();
    await own.start();
    await waitFor(() => connects > known, "the reconnect");
    await own.root.collection("example").create({ title: "after the restart" });
    await expectPrinted(heard, ["after the restart"]);
  } finally {
    await own.close();
  }
});

test("text of any script arrives intact", async () => {
  const title = "héllo Å \u0085 \u2028 \u2029 <b>& 😀 \"quoted\" back\\slash\nnew line";
  const heard = [];
  const pb = server.client();
  await pb.collection("example").subscribe("*", (event) => heard.push(event.record));
  await root.collection("example").create({ title });
  await expectPrinted(heard, [title]);
});

test("a superuser publishes on a custom topic", { skip: TARGET === "pocketbase" }, async () => {
  const heard = [];
  const pb = server.client();
  await pb.realtime.subscribe("jobs/finished", (event) => heard.push(event.job));
  const body = { topic: "jobs/finished", data: { job: "built" } };
  await assert.rejects(pb.send("/api/pubsub/publish", { method: "POST", body }), (error) => error.status === 401);
  await root.send("/api/pubsub/publish", { method: "POST", body });
  await waitFor(() => heard.length, "the message");
  assert.deepEqual(heard, ["built"]);
});

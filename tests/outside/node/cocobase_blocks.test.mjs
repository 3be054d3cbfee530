// The code blocks of CocoBase's realtime page, unchanged but for address and key: in node with npm ws, and in Chromium.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { launch } from "./browser.mjs";
import { KEY, Project } from "./cocobase.mjs";
import { NodeRealm, PageRealm } from "./realm.mjs";
import { TARGET } from "./server.mjs";

const skip = TARGET === "pocketbase";

let project;
let browser;
let shop;

before(async () => {
  if (skip) return;
  project = await new Project().start();
  ({ shop } = project);
  await shop.createDocument("users", { name: "first", status: "draft" });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await project?.close();
});

function block(name) {
  const text = readFileSync(new URL(`../blocks/cocobase/${name}.js`, import.meta.url), "utf8");
  const host = project.url.replace("http://", "");
  return text.replaceAll("wss://api.cocobase.buzz", `ws://${host}`).replaceAll("https://api.cocobase.buzz", project.url).replaceAll("your-api-key", KEY);
}

// A block up to a line and from it on.
function halves(name, line) {
  const text = block(name);
  return [text.slice(0, text.indexOf(line)), text.slice(text.indexOf(line))];
}

// Another member that says, hears and leaves; written plainly, in the same realm.
function member(name, path, more = {}) {
  const first = JSON.stringify({ api_key: KEY, user_id: name, user_name: name, ...more });
  return `var ${name} = new WebSocket("${project.url.replace("http", "ws")}/realtime/${path}"); ${name}.onopen = () => ${name}.send(${JSON.stringify(first)}); ${name}.heard = []; ${name}.addEventListener("message", (event) => ${name}.heard.push(JSON.parse(event.data)))`;
}

const HELD = "var timers = []; setTimeout = (work, wait) => timers.push({ work, wait }); setInterval = (work, wait) => timers.push({ work, wait });";

const realms = { node: () => new NodeRealm(), Chromium: () => new PageRealm(browser, project.url) };

for (const [name, make] of Object.entries(realms)) {
  describe(name, { skip }, () => {
    // Runs a test in a realm of its own.
    const inside = (what, work) =>
      test(what, async () => {
        const realm = await make().open();
        try {
          await work(realm);
        } finally {
          await realm.close();
        }
      });

    inside("watch a collection", async (realm) => {
      await realm.run(block("watch"));
      assert.deepEqual(await realm.expect(["connected"]), ["Connected to collection: users"]);
      const { id } = await shop.createDocument("users", { name: "Ann" });
      await shop.updateDocument("users", id, { name: "Anne" });
      await shop.deleteDocument("users", id);
      const wanted = ["New document: Ann", "Updated document: Anne", "Deleted document:"];
      const told = ([text, data]) => (/^Deleted/.test(text) ? text : `${text} ${data.name}`);
      assert.deepEqual(await realm.expect(wanted, told), wanted);
      const [connected, created, updated, deleted] = JSON.parse(await realm.run("JSON.stringify(frames)"));
      assert.equal(connected.event, "connected");
      assert.deepEqual([created.collection_id, created.data.name, created.data.id], ["users", "Ann", id]);
      assert.deepEqual(updated.old_data, { name: "Ann" });
      assert.equal(deleted.data.id, id);
    });

    inside("watch with filters", async (realm) => {
      await realm.run(block("watch_filters"));
      assert.match((await realm.expect(["connected"]))[0], /^Connected with filters: /);
      await shop.createDocument("users", { name: "too young", status: "active", age: 17, role: "admin" });
      await shop.createDocument("users", { name: "no role", status: "active", age: 20, role: "guest" });
      await shop.createDocument("users", { name: "Ann", status: "active", age: 20, role: "moderator" });
      assert.deepEqual(await realm.expect(["Ann"], ([, event, data]) => `${event} ${data.name}`), ["create Ann"]);
    });

    inside("the complete class of a watcher", async (realm) => {
      await realm.run(HELD + block("watch_class"));
      assert.match((await realm.expect(["connected"]))[0], /^Connected: /);
      const { id } = await shop.createDocument("users", { name: "Ann", status: "active", age: 18 });
      await shop.updateDocument("users", id, { name: "Anne" });
      await shop.deleteDocument("users", id);
      const wanted = ["New user: Ann", "User updated: Anne", `User deleted: ${id}`];
      assert.deepEqual(await realm.expect(wanted, ([text, data]) => `${text} ${data.name ?? data}`), wanted);
      // it connects again by itself
      await realm.run("watcher.disconnect()");
      await realm.until("timers.length === 1 && timers[0].wait === 5000");
      await realm.run("printed.length = 0; timers[0].work()");
      assert.match((await realm.expect(["again"]))[0], /^Connected: /);
      await realm.run("watcher.ws.onclose = null");
    });

    inside("broadcast, with ping and a filter of one's own", async (realm) => {
      const [before, send] = halves("broadcast", "sendMessage('Hello everyone!')");
      await realm.run(HELD + before);
      assert.deepEqual(await realm.expect(["connected"]), ["Connected as: user_123"]);
      await realm.run(member("bob", "broadcast"));
      await realm.until("bob.heard.length === 1");
      await realm.run(send);
      const [own] = await realm.expect(["own"]);
      assert.match(own, /^John Doe: {"text":"Hello everyone!","timestamp":"/);
      await realm.until("bob.heard.length === 2 && bob.heard[1].data.text === 'Hello everyone!'");
      await realm.run(block("ping"));
      assert.deepEqual(await realm.expect(["pong"]), ["Connection alive"]);
      await realm.run("timers[0].work()");
      assert.equal(await realm.run("timers[0].wait"), 30000);
      assert.deepEqual(await realm.expect(["pong"]), ["Connection alive"]);
      await realm.run(block("own_filter"));
      await realm.run(`for (const user_role of ["guest", "admin"]) bob.send(JSON.stringify({ type: "message", data: { user_role, text: user_role } }))`);
      assert.deepEqual(await realm.expect(["admin"]), ["Admin message: admin"]);
    });

    inside("the complete class of a broadcast", async (realm) => {
      await realm.run(HELD + member("bob", "broadcast"));
      await realm.until("bob.heard.length === 1");
      const [usage, sends] = halves("broadcast_class", "// Send messages");
      // what is sent before the socket is open is dropped by the class
      await realm.run(usage + sends);
      assert.deepEqual(await realm.expect(["connected"]), ["Connected to broadcast"]);
      await realm.run(sends);
      const wanted = ["Hello everyone!", "New feature released!"];
      assert.deepEqual(await realm.expect(wanted, ([, data]) => data.text ?? data.title), wanted);
      await realm.until("bob.heard.length === 3");
      await realm.run("broadcast.ping()");
      await realm.until("frames.some((frame) => frame.type === 'pong')");
      await realm.run("broadcast.ws.onclose = null; broadcast.disconnect()");
    });

    inside("rooms: create, join, speak, leave, list", async (realm) => {
      await realm.run(`{ ${block("room_create")} globalThis.creator = ws; }`);
      assert.deepEqual(await realm.expect(["created", "one"]), ["Room created: General Chat", "Participants: 1"]);
      const [before, send] = halves("room_join", "sendMessage('Hello room!')");
      await realm.run(before);
      assert.deepEqual((await realm.expect(["joined"]))[0], "Joined room: General Chat");
      await realm.until("frames.some((frame) => frame.type === 'user_joined' && frame.user_id === 'user_456' && frame.room_info.participants === 2)");
      await realm.run("printed.length = 0");
      await realm.run(send);
      assert.deepEqual(await realm.expect(["own"]), ["Jane Smith: Hello room!"]);
      await realm.run(`void (async () => { ${block("list_rooms")} })()`);
      assert.deepEqual(await realm.expect(["total", "room"]), ["Total rooms: 1", "General Chat - 2 participants"]);
      await realm.run("creator.close()");
      assert.deepEqual(await realm.expect(["left"]), ["John Doe left the room"]);
    });

    inside("the complete class of a room", async (realm) => {
      await realm.run(HELD + block("room_class"));
      assert.deepEqual((await realm.expect(["joined", "one"])).slice(0, 2), ["Joined room: General Chat", "Participants: 1"]);
      await realm.run(member("bob", "rooms/general-chat", { action: "join" }));
      await realm.until("bob.heard.some((frame) => frame.event === 'joined')");
      await realm.until("printed.some(([text]) => text === 'bob joined')");
      await realm.run("printed.length = 0; timers.filter(({ wait }) => wait === 1000).forEach(({ work }) => work())");
      assert.deepEqual(await realm.expect(["own"]), ["John Doe: Hello everyone!"]);
      await realm.until("bob.heard.some((frame) => frame.content === 'Hello everyone!')");
      await realm.run("bob.close()");
      assert.deepEqual(await realm.expect(["left"]), ["bob left"]);
      await realm.run("room.leave()");
      assert.deepEqual(await realm.expect(["closed"]), ["Left room"]);
    });

    inside("reconnecting, and pings for health", async (realm) => {
      await realm.run(HELD + block("reconnect"));
      const address = `${project.url.replace("http", "ws")}/realtime/collections/users`;
      await realm.run(`var client = new ReconnectingWebSocket("${address}", { api_key: "${KEY}" }); var ws = client.ws`);
      await realm.until("frames.some((frame) => frame.event === 'connected')");
      await realm.run("client.ws.close()");
      assert.deepEqual(await realm.expect(["in", "out"]), ["Connected", "Reconnecting in 1000ms..."]);
      await realm.run("timers.shift().work()");
      await realm.until("frames.filter((frame) => frame.event === 'connected').length === 2");
      await realm.run("client.ws.onclose = null; client.ws.close()");

      await realm.run(`ws = new WebSocket("${address}"); ${block("health")}`);
      await realm.until("timers.length === 1 && timers[0].wait === 30000");
      await realm.run(`ws.send('{"api_key":"${KEY}"}'); timers[0].work()`);
      await realm.until("frames.some((frame) => frame.type === 'pong')");
    });
  });
}

test("a page that closes takes leave of its room", { skip }, async () => {
  const watched = await new PageRealm(browser, project.url).open();
  const leaving = await new PageRealm(browser, project.url).open();
  try {
    await watched.run(member("bob", "rooms/left", { action: "create" }));
    await watched.until("bob.heard.length === 1");
    await leaving.run(`${member("ws", "rooms/left", { action: "join" })}; ${block("clean_up")}`);
    await watched.until("bob.heard.some((frame) => frame.type === 'user_joined')");
    await leaving.page.goto("about:blank");
    await watched.until("bob.heard.some((frame) => frame.type === 'user_left' && frame.user_id === 'ws')");
  } finally {
    await leaving.close();
    await watched.close();
  }
});

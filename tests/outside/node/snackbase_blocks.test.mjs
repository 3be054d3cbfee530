// The code blocks of SnackBase's realtime page, unchanged but for address and token: in node with npm ws and eventsource, and in
// Chromium with the browser's own classes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { launch } from "./browser.mjs";
import { NodeRealm, PageRealm } from "./realm.mjs";
import { TARGET } from "./server.mjs";
import { SnackBase, tokenOf } from "./snackbase.mjs";

const skip = TARGET === "pocketbase";

let base;
let browser;
let token;

before(async () => {
  if (skip) return;
  base = await new SnackBase({ TIDEWIRE_SNACKBASE_HEARTBEAT: "1", TIDEWIRE_RATE_LIMIT: "off" }).start();
  token = tokenOf(base.ann);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await base?.close();
});

function block(name, url = base.url) {
  const text = readFileSync(new URL(`../blocks/snackbase/${name}.js`, import.meta.url), "utf8");
  return text.replaceAll("localhost:8000", url.replace("http://", "")).replaceAll("your_jwt_access_token", token);
}

// A class and the lines that use it.
function parts(name, url) {
  const [definition, usage] = block(name, url).split("// Usage\n");
  return { definition, usage };
}

// Creates, updates and deletes a post as somebody else.
async function write(title) {
  const { id } = await base.uma.records.create("posts", { title });
  await base.uma.records.patch("posts", id, { title: `${title}!` });
  await base.uma.records.delete("posts", id);
  return id;
}

const line = ([text, data]) => (data?.title ? `${text} ${data.title}` : data?.id ? `${text} ${data.id}` : text);

const realms = { node: () => new NodeRealm(), Chromium: () => new PageRealm(browser, base.url) };

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

    inside("WebSocket: connect, subscribe, receive, operations, ping, unsubscribe, close", async (realm) => {
      await realm.run(block("connect"));
      assert.deepEqual(await realm.expect(["Connected"]), ["Connected to SnackBase realtime"]);
      await realm.run(block("receive"));
      await realm.until("printed.some((words) => words[0] === 'Heartbeat received at')");
      await realm.run("void (printed.push = function (words) { if (!/^Heartbeat/.test(words[0])) this[this.length] = words; }, printed.length = 0)");

      await realm.run(block("subscribe"));
      await realm.until("frames.some((frame) => frame.status === 'subscribed' && frame.collection === 'posts')");
      const id = await write("first");
      const three = ["New post created: first", "Post updated: first!", `Post deleted: ${id}`];
      assert.deepEqual(await realm.expect(three, line), three);

      await realm.run(`frames.length = 0; ${block("operations")}`);
      await realm.until("frames.some((frame) => frame.type === 'subscribed')");
      await write("second");
      await write("third");
      const two = ["New post created: second", "New post created: third"];
      assert.deepEqual(await realm.expect(two, line), two);

      await realm.run(block("ping"));
      await realm.until("frames.some((frame) => frame.type === 'pong')");
      await realm.run(block("unsubscribe"));
      await realm.until("frames.some((frame) => frame.status === 'unsubscribed')");
      await write("unheard");
      await realm.run(`ws.send('{"action":"subscribe","collection":"comments"}')`);
      await base.uma.records.create("comments", { text: "witness" });
      await realm.until("frames.some((frame) => frame.type === 'comments.create')");
      assert.equal(await realm.run("JSON.stringify(frames).includes('unheard')"), false);
      await realm.run("ws.close()");
      assert.deepEqual(await realm.expect(["closed"]), ["Disconnected from SnackBase realtime"]);
    });

    inside("WebSocket: the complete class", async (realm) => {
      const { definition, usage } = parts("websocket_class");
      await realm.run(`const token = "${token}"; ${definition}`);
      await realm.run(`void (async () => { ${usage} globalThis.realtime = realtime; })()`);
      await realm.until("frames.some((frame) => frame.type === 'subscribed')");
      assert.deepEqual(await realm.expect(["connected"]), ["Connected to SnackBase realtime"]);
      await write("first");
      assert.deepEqual(await realm.expect(["create", "update"], line), ["Post event: first", "Post event: first!"]);
      await realm.run("realtime.unsubscribe('posts')");
      await realm.until("frames.some((frame) => frame.type === 'unsubscribed')");
      await realm.run("void (async () => { for (let at = 0; at < 101; at++) await realtime.subscribe(`c${at}`, [], () => {}); })().catch((error) => printed.push([error.message]))");
      assert.deepEqual(await realm.expect(["full"]), ["Maximum subscriptions reached (100)"]);
      await realm.until("frames.filter((frame) => frame.type === 'subscribed').length === 101");
      await realm.run("realtime.disconnect()");
      assert.deepEqual(await realm.expect(["closed"]), ["Disconnected from SnackBase realtime"]);
    });

    inside("SSE: connect, receive, close", async (realm) => {
      await realm.run(block("stream_connect") + block("stream_receive"));
      assert.deepEqual(await realm.expect(["connected"]), ["Connected to SnackBase SSE"]);
      const beats = "var beats = 0; eventSource.addEventListener('heartbeat', (event) => { beats += JSON.parse(event.data).event === 'heartbeat'; })";
      await realm.run(beats);
      const id = await write("first");
      const told = ([text, event]) => `${text} ${event.type} ${event.data.title ?? event.data.id}`;
      const events = ["create first", "update first!", `delete ${id}`].map((event) => `Event received: posts.${event}`);
      assert.deepEqual(await realm.expect(events, told), events);
      await realm.until("beats > 0");
      await realm.run(block("stream_close"));
      assert.equal(await realm.run("eventSource.readyState"), 2);
      assert.deepEqual(await realm.expect([]), []);
    });

    inside("SSE: the complete class", async (realm) => {
      const { definition, usage } = parts("stream_class");
      await realm.run(`const token = "${token}"; ${definition} ${usage}`);
      await realm.until("streams[0].readyState === 1");
      await write("first");
      assert.deepEqual(await realm.expect(["create"], line), ["New post: first"]);
      await realm.run("sse.on('comments.create', (data) => console.log('New comment:', data.text))");
      await base.uma.records.create("comments", { text: "hello" });
      assert.deepEqual(await realm.expect(["comment"]), ["New comment: hello"]);
      await realm.run("sse.disconnect()");
      assert.equal(await realm.run("streams[0].readyState"), 2);
    });

    inside("tokens: by subprotocol, and refused", async (realm) => {
      const address = base.url.replace("http", "ws");
      await realm.run(`new WebSocket("${address}/api/v1/realtime/ws", "${token}")`);
      await realm.until("sockets[0].readyState === 1");
      assert.equal(await realm.run("sockets[0].protocol"), token);
      const refused = `${address}/api/v1/realtime/ws?token=bad`;
      await realm.run(`new WebSocket("${refused}").onclose = (event) => console.log(event.code, event.reason)`);
      assert.deepEqual(await realm.expect(["refused"]), ["1008 Authentication failed"]);
    });

    inside("staleness is found by missing heartbeats", async (realm) => {
      await realm.run(block("connect"));
      await realm.until("ws.readyState === 1");
      await realm.run("var now = 0, ticks = []; Date = { now: () => now }; setInterval = (tick, period) => ticks.push({ tick, period }); connect = () => console.log('again')");
      await realm.run(block("health"));
      await realm.run("now = 100000");
      await realm.until("lastHeartbeat === 100000");
      await realm.run("printed.length = 0; ticks[0].tick(); ws.onmessage = null; now = 170000; ticks[0].tick()");
      const lines = ["No heartbeat received, connection may be stale", "again", "Disconnected from SnackBase realtime"];
      assert.deepEqual(await realm.expect(lines), lines);
      assert.equal(await realm.run("ticks[0].period"), 60000);
    });

    inside("no more than 100 subscriptions", async (realm) => {
      await realm.run(block("connect"));
      await realm.until("ws.readyState === 1");
      await realm.run(`${block("limit")}; printed.length = 0; for (let at = 0; at < 101; at++) subscribe(\`c\${at}\`)`);
      assert.deepEqual(await realm.expect(["full"]), ["Maximum subscriptions reached"]);
      await realm.until("frames.filter((frame) => frame.type === 'subscribed').length === 100");
      await realm.run(`ws.send('{"action":"subscribe","collection":"more"}')`);
      await realm.until("frames.some((frame) => frame.error === 'Max subscriptions reached (100)')");
    });

    inside("reconnecting after a restart", async (realm) => {
      const own = await new SnackBase().start();
      const known = token;
      try {
        token = tokenOf(own.ann);
        await realm.run(block("reconnect", own.url));
        await realm.run(`var client = new ReconnectingRealtime("${token}"); client.connect()`);
        await realm.until("client.ws.readyState === 1");
        await own.server.kill();
        await own.server.start();
        await realm.until("client.ws !== sockets[0] && client.ws.readyState === 1");
        assert.equal(await realm.run("client.reconnectDelay"), 1000);
        await realm.run(`client.ws.send('{"action":"ping"}')`);
        await realm.until("frames.some((frame) => frame.type === 'pong')");
        await realm.run("client.ws.onclose = null; client.ws.close()");
      } finally {
        token = known;
        await own.close();
      }
    });
  });
}

test("addresses without a host, as a page has them", { skip }, async () => {
  const realm = await new PageRealm(browser, base.url).open();
  try {
    await realm.run(`const token = "${token}"; ${block("stream_queries")}`);
    await realm.until("streams.length === 2 && streams.every((stream) => stream.readyState === 1)");
    await base.uma.records.create("comments", { text: "for the second" });
    await base.uma.records.create("posts", { title: "for both" });
    await realm.until("frames.length === 3");
    assert.equal(await realm.run("frames.map((frame) => frame.type).sort().join()"), "comments.create,posts.create,posts.create");
  } finally {
    await realm.close();
  }
});

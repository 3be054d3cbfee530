// What else npm cocobase can do: its calls one by one, and its sockets led here by their `url` instead of by the globals.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { ForbiddenError, NotFoundError, ServerError, UnauthorizedError } from "cocobase";

import { KEY, Project, redirect } from "./cocobase.mjs";
import { TARGET, waitFor } from "./server.mjs";

const skip = TARGET === "pocketbase";

let project;
let shop;

before(async () => {
  if (skip) return;
  project = await new Project().start();
  ({ shop } = project);
});
after(() => project?.close());

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function expectHeard(heard, wanted) {
  const what = () => `${JSON.stringify(wanted)}; heard: ${JSON.stringify(heard)}`;
  return waitFor(() => heard.length >= wanted.length, what).then(() => {
    assert.deepEqual(heard, wanted);
    heard.length = 0;
  });
}

describe("calls", { skip }, () => {
  test("a document has all that its type promises", async () => {
    const made = await shop.createDocument("shapes", { title: "x", collection: "own", id: "own" });
    assert.match(made.id, UUID);
    const { collection } = made;
    assert.deepEqual(made, {
      id: made.id,
      collection_id: collection.id,
      data: { title: "x", collection: "own", id: "own" },
      created_at: made.created_at,
      updated_at: made.created_at,
      collection,
    });
    assert.equal(collection.name, "shapes");
    assert.deepEqual(collection.permissions, { create: [], read: [], update: [], delete: [] });
    assert.ok(Math.abs(Date.now() - new Date(made.created_at)) < 600_000);
  });

  test("replaceDocument merges, like updateDocument: both are one request", async () => {
    const { id } = await shop.createDocument("merged", { a: 1, b: { c: 2 } });
    assert.deepEqual((await shop.replaceDocument("merged", id, { b: 3 })).data, { a: 1, b: 3 });
    assert.deepEqual((await shop.updateDocument("merged", id, { a: null })).data, { a: null, b: 3 });
  });

  test("queries: groups, fields in one, populate, select", async () => {
    const author = await shop.createDocument("authors", { name: "Ann", role: "admin" });
    const other = await shop.createDocument("authors", { name: "Bob", role: "guest" });
    await shop.createDocuments("books", [
      { title: "One", kind: "novel", pages: 100, author_id: author.id },
      { title: "Two", kind: "essay", pages: 200, author_id: other.id },
      { title: "Three", kind: "essay", pages: 300, author_id: author.id },
    ]);
    const titles = async (filters) => {
      const found = await shop.listDocuments("books", { filters, sort: "pages", order: "asc" });
      const { count } = await shop.countDocuments("books", { filters });
      assert.equal(count, found.length);
      return found.map(({ data }) => data.title);
    };
    for (const [filters, wanted] of [
      [{ "[or]kind": "novel", "[or]pages_gte": 300 }, ["One", "Three"]],
      [{ "[or:a]kind": "novel", "[or:a]pages": 200, "[or:b]title": "Two", "[or:b]title_startswith": "th" }, ["Two"]],
      [{ title__or__kind_contains: "o" }, ["One", "Two"]],
      [{ kind: "essay", pages_lt: 300, nothing: undefined, none: null }, ["Two"]],
      [{ "author.role": "admin" }, ["One", "Three"]],
    ]) {
      assert.deepEqual(await titles(filters), wanted, JSON.stringify(filters));
    }
    const [shown] = await shop.listDocuments("books", { filters: { title: "Two" }, populate: "author", select: ["title", "author.name"] });
    assert.deepEqual([shown.title, shown.author.name, shown.pages], ["Two", "Bob", undefined]);
    const params = { field: "pages", operation: "avg", query: { filters: { kind: "essay" } } };
    assert.equal((await shop.aggregateDocuments("books", params)).result, 250);
  });

  test("deleteDocument and its answer", async () => {
    const { id } = await shop.createDocument("gone", { a: 1 });
    const answer = await shop.deleteDocument("gone", id);
    assert.deepEqual([answer.success, answer.id], [true, id]);
    await assert.rejects(shop.deleteDocument("gone", id), NotFoundError);
    await assert.rejects(shop.updateDocument("gone", id, { a: 2 }), NotFoundError);
    assert.deepEqual(await shop.listDocuments("never"), []);
  });

  test("users: what the server says of them, tokens that are none, lists", async () => {
    const app = project.client();
    const events = [];
    const note = (name) => () => events.push(name);
    app.auth.onAuthEvent({ onRegister: note("register"), onLogin: note("login"), onUserUpdate: note("update") });
    const { user } = await app.auth.register({ email: "eve@example.com", password: "pass-of-eve-123", data: { a: 1 }, roles: ["admin"] });
    // roles are not for the client to give
    assert.deepEqual([user.roles, app.auth.hasRole("admin"), user.data], [[], false, { a: 1 }]);
    assert.deepEqual([app.auth.isTokenExpired(), app.auth.getTokenExpiry() > new Date()], [false, true]);
    await assert.rejects(app.auth.register({ email: "eve@example.com", password: "pass-of-eve-123" }), /already exists/);
    await app.auth.login({ email: "eve@example.com", password: "pass-of-eve-123" });
    assert.deepEqual((await app.auth.updateUser({ data: { b: 2 } })).data, { a: 1, b: 2 });
    assert.equal((await app.auth.getUserById(user.id)).email, "eve@example.com");
    const listed = await app.auth.listUsers({ filters: { email: "eve@example.com" }, limit: 5 });
    assert.deepEqual([listed.data.map(({ id }) => id), listed.total, listed.has_more], [[user.id], 1, false]);
    assert.deepEqual(events, ["register", "login", "update"]);

    const token = app.auth.getToken();
    const restored = project.client();
    restored.logout();
    assert.equal((await restored.auth.initAuth(token)).isAuthenticated, true);
    assert.equal(restored.auth.getUser().id, user.id);
    const foreign = project.client("key-of-the-project-other");
    foreign.logout();
    for (const [client, wrong] of [[restored, `${token}x`], [foreign, token]]) {
      client.logout();
      assert.equal((await client.auth.initAuth(wrong)).isAuthenticated, false);
    }
    // elsewhere a wrong token is nobody's
    restored.auth.setToken("no.token.atall");
    await restored.createDocument("open", { a: 1 });
    await assert.rejects(restored.getCurrentUser(), UnauthorizedError);
    await app.auth.updateUser({ password: "another-pass-123" });
    await assert.rejects(app.auth.login({ email: "eve@example.com", password: "pass-of-eve-123" }), UnauthorizedError);
    await app.auth.login({ email: "eve@example.com", password: "another-pass-123" });
  });

  test("roles of a collection", async () => {
    await shop.createDocument("private", { a: 1 });
    const headers = { "x-api-key": KEY, "content-type": "application/json" };
    const permissions = { permissions: { read: ["member"] } };
    const send = (path, body) => fetch(project.url + path, { method: "PATCH", headers, body: JSON.stringify(body) });
    assert.equal((await send("/collections/private", permissions)).status, 200);
    const app = project.client();
    const { user } = await app.auth.register({ email: "mia@example.com", password: "pass-of-mia-123" });
    await assert.rejects(app.listDocuments("private"), ForbiddenError);
    assert.equal((await send(`/auth-collections/users/${user.id}`, { roles: ["member"] })).status, 200);
    assert.equal((await app.listDocuments("private")).length, 1);
    app.logout();
  });

  test("what is not served is said", async () => {
    const app = project.client();
    // more than the server holds of a connection: it must have read all of it before it answers
    const file = new Blob(["x".repeat(4 << 20)]);
    await assert.rejects(app.auth.requestPasswordReset("eve@example.com"), ServerError);
    await assert.rejects(app.auth.enable2FA(), ServerError);
    const { id } = await app.createDocument("plain", { a: 1 });
    for (const call of [
      () => app.createDocumentWithFiles("filed", { a: 1 }, { file }),
      () => app.updateDocumentWithFiles("plain", id, { a: 2 }, { file }),
      () => app.auth.registerWithFiles({ email: "f@example.com", password: "pass-of-f-1234", files: { file } }),
    ]) {
      await assert.rejects(call, /not supported/);
    }
    assert.deepEqual((await app.getDocument("plain", id)).data, { a: 1 });
    assert.deepEqual(await app.listDocuments("filed"), []);
  });
});

// Before connect(), the property holds the vendor's host.
function here(made) {
  made.url = made.url.replace("wss://api.cocobase.cc", project.url.replace("http", "ws"));
  return made;
}

describe("sockets led here by their url", { skip }, () => {
  test("watcher", async () => {
    await shop.createDocument("a b", { at: 0 });
    const watcher = here(shop.realtime.collection("a b", { at_gte: 1 }));
    const heard = [];
    watcher.onConnected((frame) => heard.push(frame));
    watcher.onCreate(({ data }) => heard.push(data.data));
    watcher.connect();
    await expectHeard(heard, [{ event: "connected", collection_id: "a b", filters: { at_gte: 1 } }]);
    await shop.createDocuments("a b", [{ at: 0 }, { at: 1 }]);
    await expectHeard(heard, [{ at: 1 }]);
    watcher.disconnect();
  });

  test("broadcast without names, and its ping", async () => {
    const intervals = [];
    const known = globalThis.setInterval;
    globalThis.setInterval = (work, wait) => intervals.push({ work, wait });
    const heard = [];
    const speaker = here(shop.realtime.broadcast());
    try {
      speaker.connect();
      // the SDK sends its first frame, then sets the timer
      await waitFor(() => intervals.length, "the connection");
    } finally {
      globalThis.setInterval = known;
    }
    const frames = [];
    speaker.reconnecting.ws.addEventListener("message", ({ data }) => frames.push(JSON.parse(data)));
    speaker.onMessage((message) => heard.push([message.user_id, message.user_name, message.data]));
    assert.equal(intervals[0].wait, 30000);
    intervals[0].work();
    speaker.send({ text: "hi" });
    await expectHeard(heard, [["anonymous", "Anonymous", { text: "hi" }]]);
    assert.deepEqual(frames.at(-2), { type: "pong" });
    speaker.disconnect();
  });

  test("a room with a name that needs encoding, and one that is not there", async () => {
    const host = here(shop.realtime.room("r 1", "ann", "Ann"));
    const heard = [];
    host.on("joined", (event) => heard.push([event.room_id, event.room_title, event.participants]));
    host.create();
    await expectHeard(heard, [["r 1", "r 1", 1]]);
    const lost = here(shop.realtime.room("nowhere", "bob", "Bob"));
    // an error frame has neither event nor type
    lost.on("undefined", (event) => heard.push(event));
    lost.join();
    await waitFor(() => heard.length, "the refusal");
    assert.deepEqual(heard.splice(0)[0], { error: "Room not found", room_id: "nowhere" });
    // the SDK tries again by itself, until somebody has made the room
    const maker = here(shop.realtime.room("nowhere", "cat", "Cat"));
    maker.create("There");
    lost.on("joined", (event) => heard.push([event.room_title, event.participants]));
    await waitFor(() => heard.some(([title]) => title === "There"), "the room");
    for (const room of [host, lost, maker]) room.leave();
    const rooms = async () => (await fetch(`${project.url}/realtime/rooms`, { headers: { "X-API-Key": KEY } })).json();
    await waitFor(async () => (await rooms()).total === 0, "the end of the rooms");
  });
});

test("after a restart creators make their rooms anew, and those who had joined come back", { skip }, async () => {
  const own = await new Project().start();
  const undo = redirect(own.url);
  try {
    const heard = { host: [], guest: [] };
    const [host, guest] = ["host", "guest"].map((name) => {
      const room = own.shop.realtime.room("den", name, name);
      room.on("joined", ({ room_title }) => heard[name].push(room_title));
      room.on("message", ({ content }) => heard[name].push(content));
      return room;
    });
    host.create("The den");
    await expectHeard(heard.host, ["The den"]);
    guest.join();
    await expectHeard(heard.guest, ["The den"]);
    await own.server.kill();
    await own.server.start();
    await expectHeard(heard.host, ["The den"]);
    await expectHeard(heard.guest, ["The den"]);
    guest.sendMessage("back");
    await expectHeard(heard.host, ["back"]);
    guest.leave();
    host.leave();
  } finally {
    undo();
    await own.close();
  }
});

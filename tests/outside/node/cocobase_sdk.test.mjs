// npm cocobase, unmodified, led to our server as the documentation says: documents, users, and its three kinds of sockets.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { ForbiddenError, NotFoundError, UnauthorizedError } from "cocobase";

import { KEY, Project, redirect } from "./cocobase.mjs";
import { TARGET, waitFor } from "./server.mjs";

const skip = TARGET === "pocketbase";

let project;
let shop;
let restore;

before(async () => {
  if (skip) return;
  project = await new Project().start();
  ({ shop } = project);
  restore = redirect(project.url);
});
after(async () => {
  restore?.();
  await project?.close();
});

async function expectHeard(heard, wanted) {
  await waitFor(() => heard.length >= wanted.length, () => `${JSON.stringify(wanted)}; heard: ${JSON.stringify(heard)}`);
  assert.deepEqual(heard, wanted);
  heard.length = 0;
}

// A watcher that has been confirmed, with what it hears.
async function watch(collection, filters, client = shop) {
  const watcher = client.realtime.collection(collection, filters);
  const heard = [];
  let connects = 0;
  watcher.onConnected(() => (connects += 1));
  watcher.onCreate(({ data }) => heard.push(`create ${data.title}`));
  watcher.onUpdate(({ data, old_data }) => heard.push(`update ${data.title} ${JSON.stringify(old_data)}`));
  watcher.onDelete(({ data }) => heard.push(`delete ${data.id}`));
  watcher.connect();
  await waitFor(() => connects, "the confirmation");
  return { watcher, heard, connects: () => connects };
}

describe("documents", { skip }, () => {
  before(async () => {
    const rows = [
      { title: "a", views: 1, tags: ["x", "y"], open: true },
      { title: "b", views: 20, tags: ["y"], open: false },
      { title: "Bcd", views: 3, note: null },
    ];
    await shop.createDocuments("posts", rows);
  });

  const titles = (documents) => documents.map((document) => document.data.title).sort();

  for (const [what, query, wanted] of [
    ["all", undefined, ["Bcd", "a", "b"]],
    ["equal", { filters: { title: "b" } }, ["b"]],
    ["a number", { filters: { views: 20 } }, ["b"]],
    ["greater", { filters: { views_gt: 2 } }, ["Bcd", "b"]],
    ["at most", { filters: { views_lte: 3 } }, ["Bcd", "a"]],
    ["contains", { filters: { title_contains: "B" } }, ["Bcd", "b"]],
    ["starts with", { filters: { title_startswith: "bc" } }, ["Bcd"]],
    ["in", { filters: { title_in: "a,b" } }, ["a", "b"]],
    ["not in", { filters: { title_notin: "a,b" } }, ["Bcd"]],
    ["a boolean", { filters: { open: true } }, ["a"]],
    ["missing", { filters: { note_isnull: true, views_gt: 0 } }, ["Bcd", "a", "b"]],
    ["one of two", { filters: { "[or]title": "a", "[or]views_gte": 20 } }, ["a", "b"]],
    ["sorted and cut", { sort: "views", order: "desc", limit: 1 }, ["b"]],
    ["skipped", { sort: "views", order: "asc", limit: 1, offset: 1 }, ["Bcd"]],
  ]) {
    test(`list: ${what}`, async () => assert.deepEqual(titles(await shop.listDocuments("posts", query)), wanted));
  }

  test("create, get, update, count, aggregate, delete", async () => {
    const made = await shop.createDocument("notes", { title: "one", size: 2 });
    assert.deepEqual((await shop.getDocument("notes", made.id)).data, { title: "one", size: 2 });
    assert.deepEqual((await shop.updateDocument("notes", made.id, { size: 3 })).data, { title: "one", size: 3 });
    assert.equal((await shop.countDocuments("notes", { filters: { size: 3 } })).count, 1);
    const sum = await shop.aggregateDocuments("posts", { field: "views", operation: "sum" });
    assert.equal(sum.result, 24);
    await shop.deleteDocument("notes", made.id);
    await assert.rejects(shop.getDocument("notes", made.id), NotFoundError);
  });

  test("batches and pages", async () => {
    const made = await shop.createDocuments("many", [1, 2, 3, 4, 5].map((at) => ({ at })));
    const changes = Object.fromEntries(made.slice(0, 2).map(({ id }) => [id, { at: 9 }]));
    assert.deepEqual((await shop.updateDocuments("many", changes)).map(({ data }) => data.at), [9, 9]);
    const pages = shop.paginate("many", { sort: "created_at" }, 2);
    assert.equal((await pages.nextPage()).data.length, 2);
    await pages.nextPage();
    assert.deepEqual([(await pages.nextPage()).data.length, pages.hasMore], [1, false]);
    await shop.deleteDocuments("many", made.map(({ id }) => id));
    assert.equal((await shop.countDocuments("many")).count, 0);
  });

  test("another project, and no key", async () => {
    assert.deepEqual(await project.other.listDocuments("posts"), []);
    const refused = (error) => error instanceof UnauthorizedError || error instanceof ForbiddenError;
    await assert.rejects(project.client("not-a-key-of-anybody").listDocuments("posts"), refused);
  });

  test("users: sign up, sign in, change, list", async () => {
    const app = project.client();
    const signed = await app.auth.register({ email: "ann@example.com", password: "pass-of-ann-123", data: { nick: "Ann" } });
    assert.deepEqual([signed.user.email, app.auth.isAuthenticated()], ["ann@example.com", true]);
    app.auth.logout();
    await assert.rejects(app.auth.login({ email: "ann@example.com", password: "wrong" }));
    await app.auth.login({ email: "ann@example.com", password: "pass-of-ann-123" });
    assert.equal((await app.auth.getCurrentUser()).data.nick, "Ann");
    assert.equal((await app.auth.updateUser({ data: { nick: "Anne" } })).data.nick, "Anne");
    app.auth.logout();
  });
});

describe("watchers", { skip }, () => {
  before(() => shop.createDocument("tasks", { title: "first" }));

  test("create, update, delete, batches", async () => {
    const { watcher, heard } = await watch("tasks");
    const { id } = await shop.createDocument("tasks", { title: "a", done: false });
    await shop.updateDocument("tasks", id, { done: true });
    await shop.deleteDocument("tasks", id);
    await expectHeard(heard, ["create a", 'update a {"done":false}', `delete ${id}`]);
    const made = await shop.createDocuments("tasks", [{ title: "b" }, { title: "c" }]);
    await shop.deleteDocuments("tasks", made.map((task) => task.id));
    await expectHeard(heard, ["create b", "create c", ...made.map((task) => `delete ${task.id}`)]);
    watcher.disconnect();
  });

  test("filters of every type that the SDK sends", async () => {
    const { watcher, heard } = await watch("tasks", { status: "open", age_gte: 18, active: true });
    for (const change of [{ status: "shut" }, { age: 17 }, { active: false }, {}]) {
      await shop.createDocument("tasks", { title: JSON.stringify(change), status: "open", age: 20, active: true, ...change });
    }
    await expectHeard(heard, ["create {}"]);
    watcher.disconnect();
  });

  test("onSnapshot fetches again at each change", async () => {
    const sizes = [];
    const stop = shop.onSnapshot("snapshots", (documents) => sizes.push(documents.length));
    const size = async (wanted) => waitFor(() => sizes.at(-1) === wanted, () => `${wanted}; ${sizes}`);
    await shop.createDocument("snapshots", { at: 1 });
    await waitFor(async () => {
      await shop.createDocument("snapshots", { at: 2 });
      return sizes.at(-1) > 1;
    }, "the first snapshot");
    const { count } = await shop.countDocuments("snapshots");
    await size(count);
    stop();
  });

  test("another project's watcher hears nothing", async () => {
    await project.other.createDocument("tasks", { title: "theirs" });
    const { watcher, heard } = await watch("tasks", undefined, project.other);
    await shop.createDocument("tasks", { title: "ours" });
    await project.other.createDocument("tasks", { title: "theirs too" });
    await expectHeard(heard, ["create theirs too"]);
    watcher.disconnect();
  });

  test("the other dialects: a superuser's write in the project is heard", async () => {
    const { watcher, heard } = await watch("tasks");
    const pb = project.server.root;
    const headers = { "X-Account-ID": "shop" };
    const made = await pb.collection("tasks").create({ title: "from PocketBase" }, { headers });
    await pb.collection("tasks").update(made.id, { title: "changed" }, { headers });
    await expectHeard(heard, ["create from PocketBase", 'update changed {"title":"from PocketBase"}']);
    assert.equal((await shop.getDocument("tasks", made.id)).data.title, "changed");
    watcher.disconnect();
  });

  test("comes back after a restart", async () => {
    const own = await new Project().start();
    const undo = redirect(own.url);
    try {
      await own.shop.createDocument("tasks", { title: "first" });
      const { watcher, heard, connects } = await watch("tasks", undefined, own.shop);
      await own.server.kill();
      await own.server.start();
      await waitFor(() => connects() === 2, "the reconnect");
      await own.shop.createDocument("tasks", { title: "after the restart" });
      await expectHeard(heard, ["create after the restart"]);
      watcher.disconnect();
    } finally {
      undo();
      await own.close();
    }
  });
});

describe("messages", { skip }, () => {
  test("broadcast", async () => {
    const [ann, bob] = ["ann", "bob"].map((name) => shop.realtime.broadcast(name, name.toUpperCase()));
    const heard = { ann: [], bob: [] };
    ann.onMessage((message) => heard.ann.push([message.user_id, message.user_name, message.data]));
    bob.onMessage((message) => heard.bob.push([message.user_id, message.user_name, message.data]));
    for (const member of [ann, bob]) member.connect();
    // the class has no event for the confirmation
    await waitFor(() => {
      ann.send("are you there?");
      bob.send("are you there?");
      return [heard.ann, heard.bob].every((all) => ["ann", "bob"].every((name) => all.some(([id]) => id === name)));
    }, "both to hear both");
    ann.send({ text: "héllo 😀", list: [1, null] });
    // bob's last question, on a socket of its own, may be heard after it
    const found = (all) => all.find(([, , data]) => typeof data === "object");
    for (const all of [heard.ann, heard.bob]) {
      await waitFor(() => found(all), "the message");
      assert.deepEqual(found(all), ["ann", "ANN", { text: "héllo 😀", list: [1, null] }]);
    }
    for (const member of [ann, bob]) member.disconnect();
  });

  test("rooms", async () => {
    const host = shop.realtime.room("den", "ann", "Ann");
    const heard = [];
    host.on("joined", (event) => heard.push(`joined ${event.room_title} ${event.participants}`));
    host.on("user_joined", (event) => heard.push(`in ${event.user_name} ${event.room_info.participants}`));
    host.on("user_left", (event) => heard.push(`out ${event.user_name} ${event.room_info.participants}`));
    host.on("message", (event) => heard.push(`${event.user_name}: ${event.content}`));
    host.create("The den");
    await expectHeard(heard, ["joined The den 1"]);
    const guest = shop.realtime.room("den", "bob", "Bob");
    let inside = false;
    guest.on("joined", () => (inside = true));
    guest.join();
    await waitFor(() => inside, "the guest");
    guest.sendMessage("hello");
    await expectHeard(heard, ["in Bob 2", "Bob: hello"]);
    const { rooms, total } = await shop.realtime.listRooms();
    assert.deepEqual([total, rooms[0].id, rooms[0].title, rooms[0].participants, rooms[0].created_by], [1, "den", "The den", 2, "ann"]);
    assert.deepEqual(rooms[0].participant_list.map(({ id }) => id).sort(), ["ann", "bob"]);
    assert.equal((await project.other.realtime.listRooms()).total, 0);
    guest.leave();
    await expectHeard(heard, ["out Bob 1"]);
    host.leave();
    await waitFor(async () => (await shop.realtime.listRooms()).total === 0, "the end of the room");
  });
});

// npm @snackbase/sdk, unmodified: realtime over both wires, records, collections, accounts, and its errors.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import {
  ApiKeyRestrictedError,
  AuthenticationError,
  AuthorizationError,
  ConflictError,
  EmailVerificationRequiredError,
  NotFoundError,
  ValidationError,
} from "@snackbase/sdk";
import PocketBase from "pocketbase";

import { TARGET, waitFor } from "./server.mjs";
import { OPEN, SECRET, SnackBase, connected, withGlobal } from "./snackbase.mjs";

const skip = TARGET === "pocketbase";

let base;
let ann;
let bob;
let uma;
let root;

before(async () => {
  if (skip) return;
  base = await new SnackBase({ TIDEWIRE_RATE_LIMIT: "off" }).start();
  ({ ann, bob, uma, root } = base);
});
after(() => base?.close());

// A fresh client of a user of acme, with what it hears of posts: names of events and titles.
async function listener(email = "uma@example.com") {
  const client = await base.signIn("acme", email);
  const heard = [];
  for (const name of ["posts.create", "posts.update", "posts.delete"]) {
    client.realtime.on(name, (data) => heard.push(`${name} ${data.title ?? data.id}`));
  }
  return { client, heard };
}

async function expectHeard(heard, wanted) {
  await waitFor(() => heard.length >= wanted.length, () => `${wanted}; heard: ${heard}`);
  assert.deepEqual(heard, wanted);
  heard.length = 0;
}

// Creates, updates and deletes a post as somebody, and returns what that is heard as.
async function write(title, who = ann) {
  const { id } = await who.records.create("posts", { title });
  await who.records.patch("posts", id, { title: `${title}!` });
  await who.records.delete("posts", id);
  return [`posts.create ${title}`, `posts.update ${title}!`, `posts.delete ${id}`];
}

describe("realtime", { skip }, () => {
  test("connect, subscribe, events of every kind of name, unsubscribe", async () => {
    const { client, heard } = await listener();
    const names = { "posts.*": 0, "*": 0, message: 0 };
    for (const name of Object.keys(names)) client.realtime.on(name, () => (names[name] += 1));
    await client.realtime.connect();
    assert.equal(client.realtime.getState(), "connected");
    await client.realtime.subscribe("posts");
    await expectHeard(heard, await write("first"));
    assert.deepEqual(names, { "posts.*": 3, "*": 3, message: 3 });
    await client.realtime.subscribe("posts", ["delete"]);
    await expectHeard(heard, (await write("second")).slice(2));
    await client.realtime.unsubscribe("posts");
    await client.realtime.subscribe("comments");
    let witnessed = false;
    client.realtime.on("comments.create", () => (witnessed = true));
    await write("third");
    await ann.records.create("comments", { text: "witness" });
    await waitFor(() => witnessed, "the witness");
    assert.deepEqual(heard, []);
    client.realtime.disconnect();
    assert.equal(client.realtime.getState(), "disconnected");
  });

  test("another account hears nothing", async () => {
    const { client, heard } = await listener();
    await client.realtime.connect();
    await client.realtime.subscribe("posts");
    await write("not for acme", bob);
    await expectHeard(heard, await write("for acme"));
    client.realtime.disconnect();
  });

  test("subscriptions made before connecting", async () => {
    const { client, heard } = await listener();
    await client.realtime.subscribe("posts");
    await client.realtime.connect();
    // messages of one connection are answered in order
    await client.realtime.subscribe("comments");
    await expectHeard(heard, await write("early"));
    client.realtime.disconnect();
  });

  test("event streams, where there are no WebSockets", async () => {
    await withGlobal("WebSocket", undefined, async () => {
      const { client, heard } = await listener();
      await client.realtime.subscribe("posts", ["create", "update"]);
      await client.realtime.subscribe("comments");
      await client.realtime.connect();
      const told = (await write("by stream")).slice(0, 2);
      await ann.records.create("comments", { text: "x" });
      await expectHeard(heard, told);
      client.realtime.disconnect();
    });
  });

  test("event streams, where WebSockets do not get through", async () => {
    class Blocked {
      constructor() {
        setImmediate(() => this.onerror(new Error("blocked")));
      }
      close() {}
    }
    await withGlobal("WebSocket", Blocked, async () => {
      const { client, heard } = await listener();
      await client.realtime.subscribe("posts");
      await client.realtime.connect();
      await expectHeard(heard, await write("fallen back"));
      client.realtime.disconnect();
    });
  });

  for (const [what, renew] of [
    ["a refreshed token", (client) => client.refreshToken()],
    ["getCurrentUser", (client) => client.getCurrentUser()],
  ]) {
    test(`${what} reconnects once and keeps the subscriptions`, async () => {
      const { client, heard } = await listener();
      await client.realtime.connect();
      await client.realtime.subscribe("posts");
      const states = [];
      for (const state of ["connecting", "connected"]) client.realtime.on(state, () => states.push(state));
      const { refreshToken } = client.authManager;
      await renew(client);
      await waitFor(() => states.length >= 2, () => `a reconnect; ${states}`);
      await client.realtime.subscribe("comments");
      await expectHeard(heard, await write(what));
      assert.deepEqual(states, ["connecting", "connected"]);
      if (what !== "getCurrentUser") assert.notEqual(client.authManager.refreshToken, refreshToken);
      client.realtime.disconnect();
    });
  }

  test("a restart of the server", async () => {
    const own = await new SnackBase().start();
    try {
      const client = await own.signIn("acme", "uma@example.com");
      const heard = [];
      client.realtime.on("posts.create", (data) => heard.push(data.title));
      await client.realtime.connect();
      await client.realtime.subscribe("posts");
      const states = [];
      client.realtime.on("connecting", () => states.push("connecting"));
      await own.server.kill();
      await waitFor(() => states.length, "the loss");
      await own.server.start();
      await connected(client);
      await client.realtime.subscribe("comments");
      await own.ann.records.create("posts", { title: "after the restart" });
      await expectHeard(heard, ["after the restart"]);
    } finally {
      await own.close();
    }
  });

  test("without a token, and with one that was revoked", async () => {
    const faults = [];
    const guest = base.client();
    guest.realtime.on("auth_error", (error) => faults.push(error.message));
    await guest.realtime.connect();
    assert.deepEqual(faults, ["Authentication token is required for real-time connection"]);
    assert.equal(guest.realtime.getState(), "error");
  });

  test("text of any script arrives intact", async () => {
    const { client } = await listener();
    const titles = [];
    client.realtime.on("posts.create", (data) => titles.push(data.title));
    await client.realtime.connect();
    await client.realtime.subscribe("posts");
    const title = "héllo Å \u0085 \u2028 \u2029 <b>& 😀 \"quoted\" back\\slash\nnew line";
    await ann.records.create("posts", { title });
    await expectHeard(titles, [title]);
    client.realtime.disconnect();
  });
});

describe("the other dialect", { skip }, () => {
  // npm pocketbase as superuser, in an account.
  function pocketbase() {
    const pb = new PocketBase(base.url);
    pb.autoCancellation(false);
    pb.authStore.save(base.server.root.authStore.token, base.server.root.authStore.record);
    pb.beforeSend = (url, options) => ({ url, options: { ...options, headers: { ...options.headers, "X-Account-ID": "acme" } } });
    return pb;
  }

  test("what PocketBase's SDK writes into an account, SnackBase's hears", async () => {
    const { client, heard } = await listener();
    await client.realtime.connect();
    await client.realtime.subscribe("posts");
    const posts = pocketbase().collection("posts");
    const { id } = await posts.create({ title: "from PocketBase" });
    await posts.update(id, { title: "changed" });
    assert.equal((await uma.records.get("posts", id)).title, "changed");
    await posts.delete(id);
    const named = ["posts.create from PocketBase", "posts.update changed", `posts.delete ${id}`];
    await expectHeard(heard, named);
    client.realtime.disconnect();
  });

  test("what SnackBase's SDK writes, PocketBase's hears", async () => {
    const heard = [];
    const pb = pocketbase();
    await pb.collection("posts").subscribe("*", (event) => heard.push(`posts.${event.action} ${event.record.title}`));
    await write("not for acme", bob);
    await write("from SnackBase");
    await expectHeard(heard, ["posts.create from SnackBase", "posts.update from SnackBase!", "posts.delete from SnackBase!"]);
    await pb.collection("posts").unsubscribe();
  });

  test("a user who signs in here is PocketBase's user of that account", async () => {
    const users = await pocketbase().collection("users").getFullList();
    const emails = users.map((user) => user.email);
    assert.ok(emails.includes("uma@example.com") && !emails.includes("bob@example.com"), emails.join());
  });
});

describe("records", { skip }, () => {
  before(async () => {
    await root.collections.create({
      name: "books",
      fields: [
        { name: "title", type: "text", required: true },
        { name: "pages", type: "number" },
        { name: "genre", type: "text", default: "none" },
        { name: "lent", type: "boolean" },
        { name: "sequel", type: "reference", collection: "books", on_delete: "set_null" },
      ],
      ...OPEN,
    });
    const rows = [
      { title: "Dune", pages: 600, genre: "sf" },
      { title: "Emma", pages: 400, genre: "novel", lent: true },
      { title: "It's", pages: -1, genre: "sf" },
    ];
    const { created } = await ann.records.batchCreate("books", rows);
    await ann.records.create("books", { title: "Ulysses", sequel: created[1].id });
  });

  const titles = ({ items }) => items.map((item) => item.title);
  const query = () => uma.records.query("books");

  for (const [what, ask, wanted] of [
    ["all, newest first", () => query(), ["Ulysses", "It's", "Emma", "Dune"]],
    ["sorted", () => query().sort("title"), ["Dune", "Emma", "It's", "Ulysses"]],
    ["sorted by two", () => query().sort("genre").sort("pages", "desc"), ["Ulysses", "Emma", "Dune", "It's"]],
    ["equal", () => query().filter("genre", "=", "sf").sort("title"), ["Dune", "It's"]],
    ["a quote", () => query().filter("title", "=", "It's"), ["It's"]],
    ["greater", () => query().filter("pages", ">", 400), ["Dune"]],
    ["negative", () => query().filter("pages", "<=", -1), ["It's"]],
    ["like", () => query().filter("title", "~", "%M%"), ["Emma"]],
    ["in", () => query().filter("title", "IN", ["Emma", "Dune"]).sort("title"), ["Dune", "Emma"]],
    ["null", () => query().filter("pages", "IS NULL"), ["Ulysses"]],
    ["not null", () => query().filter("pages", "IS NOT NULL").filter("lent", "=", true), ["Emma"]],
    ["raw", () => query().filter("pages > 100 && (genre = 'sf' || lent = true)").sort("title"), ["Dune", "Emma"]],
    ["raw and more", () => query().filterRaw("pages * 2 = 1200").filter("genre", "!=", "novel"), ["Dune"]],
    ["a page", () => query().sort("title").page(2, 3), ["Ulysses"]],
    ["skip and limit", () => query().sort("title").skip(1).limit(2), ["Emma", "It's"]],
  ]) {
    test(`query builder: ${what}`, async () => assert.deepEqual(titles(await ask().get()), wanted));
  }

  test("fields, expand, first", async () => {
    const found = await query().select(["title", "sequel"]).expand("sequel").filter("title", "=", "Ulysses").first();
    assert.equal(found.sequel.title, "Emma");
    assert.equal("pages" in found, false);
    assert.equal(await query().filter("title", "=", "nothing").first(), null);
    const one = await uma.records.get("books", found.id, { expand: ["sequel"], fields: ["title"] });
    assert.equal(one.sequel.pages, 400);
  });

  test("cursors forth and back", async () => {
    const list = (params) => uma.records.list("books", { sort: "+title", limit: 3, ...params });
    const first = await list({ cursor: "", include_count: true });
    assert.deepEqual([titles(first), first.has_more, first.total], [["Dune", "Emma", "It's"], true, 4]);
    const second = await list({ cursor: first.next_cursor });
    assert.deepEqual([titles(second), second.has_more], [["Ulysses"], false]);
    assert.deepEqual(titles(await list({ cursor_before: second.prev_cursor })), ["Dune", "Emma", "It's"]);
    assert.deepEqual(titles(await query().sort("title").limit(3).cursor(first.next_cursor).get()), ["Ulysses"]);
  });

  test("create, get, update, patch, delete", async () => {
    const made = await uma.records.create("books", { title: "New" });
    assert.deepEqual([made.genre, made.created_by], ["none", uma.user.id]);
    assert.equal((await uma.records.patch("books", made.id, { genre: "sf", pages: 7 })).genre, "sf");
    const put = await uma.records.update("books", made.id, { title: "Newer" });
    assert.deepEqual([put.title, put.genre, put.pages], ["Newer", "none", 7]);
    assert.deepEqual(await uma.records.delete("books", made.id), { success: true });
    await assert.rejects(uma.records.get("books", made.id), NotFoundError);
  });

  test("batches and aggregates", async () => {
    const { created, count } = await uma.records.batchCreate("books", [{ title: "one", genre: "b" }, { title: "two", genre: "b" }]);
    assert.equal(count, 2);
    const ids = created.map((book) => book.id);
    const items = ids.map((id, at) => ({ id, data: { pages: (at + 1) * 10 } }));
    assert.deepEqual((await uma.records.batchUpdate("books", items)).updated.map((book) => book.pages), [10, 20]);
    const sums = await uma.records.aggregate("books", { functions: "count(),sum(pages),avg(pages)", group_by: "genre", filter: "genre = 'b'" });
    assert.deepEqual(sums, { results: [{ count: 2, sum_pages: 30, avg_pages: 15, genre: "b" }], total_groups: 1 });
    assert.deepEqual(await uma.records.batchDelete("books", ids), { deleted: ids, count: 2 });
  });
});

describe("collections", { skip }, () => {
  test("create, read, change, rules, export, import, delete", async () => {
    const made = await root.collections.create({ name: "notes", fields: [{ name: "text", type: "text" }] });
    assert.deepEqual(made.fields.map((field) => field.name), ["text"]);
    assert.deepEqual((await root.collections.get(made.id)).fields, made.fields);
    await assert.rejects(ann.records.list("notes"), AuthorizationError);
    await root.collectionRules.update("notes", { list_rule: "", create_rule: "", view_rule: "@is_creator()" });
    const rules = await root.collectionRules.get("notes");
    assert.deepEqual([rules.list_rule, rules.view_rule, rules.update_rule], ["", "@is_creator()", null]);
    const note = await ann.records.create("notes", { text: "mine" });
    assert.equal((await ann.records.get("notes", note.id)).text, "mine");
    await assert.rejects(uma.records.get("notes", note.id), NotFoundError);
    const fields = [...made.fields, { name: "done", type: "boolean" }];
    assert.equal((await root.collections.update(made.id, { fields, schema: fields })).fields.length, 2);
    assert.ok((await root.collections.listNames()).includes("notes"));
    assert.ok((await root.collections.list()).some((collection) => collection.id === made.id));
    assert.equal((await root.collections.listPaginated({ search: "note" })).total, 1);
    const data = await root.collections.export({ collection_ids: [made.id] });
    assert.deepEqual(await root.collections.delete(made.id), { success: true });
    await root.collections.import({ data, strategy: "error" });
    assert.equal((await root.collectionRules.get("notes")).view_rule, "@is_creator()");
    await root.collections.import({ data, strategy: "skip" });
    await assert.rejects(root.collections.import({ data, strategy: "error" }), ConflictError);
  });

  test("errors", async () => {
    await assert.rejects(ann.collections.list(), (error) => error.message === "Superadmin access required");
    const taken = { name: "posts", fields: [{ name: "a", type: "text" }] };
    await assert.rejects(root.collections.create(taken), ConflictError);
  });
});

describe("accounts", { skip }, () => {
  test("register, sign in, who am I, refresh, sign out", async () => {
    const client = base.client();
    const seen = [];
    client.on("auth:login", () => seen.push("in"));
    client.on("auth:logout", () => seen.push("out"));
    await client.register({ email: "eve@example.com", password: SECRET, account_name: "Gamma", account_slug: "gamma" });
    const answer = await client.login({ account: "gamma", email: "eve@example.com", password: SECRET });
    assert.deepEqual([answer.account.slug, answer.user.role, client.isAuthenticated], ["gamma", "admin", true]);
    const me = await client.getCurrentUser();
    assert.deepEqual([me.user_id, me.email, me.role], [answer.user.id, "eve@example.com", "admin"]);
    const first = client.authManager.refreshToken;
    await client.refreshToken();
    const spent = client.authManager.refreshToken;
    assert.notEqual(spent, first);
    await client.logout();
    assert.equal(client.isAuthenticated, false);
    assert.deepEqual(seen, ["in", "in", "in", "out"]);
    await client.authManager.setState({ refreshToken: spent });
    await assert.rejects(client.refreshToken(), AuthenticationError);
  });

  test("the superadmin knows who it is", async () => {
    await root.getCurrentUser();
    assert.equal(root.isSuperadmin, true);
    assert.equal(ann.isSuperadmin, false);
  });

  test("refused sign-ins", async () => {
    const login = (account, email, password) => base.client().login({ account, email, password });
    for (const words of [["acme", "ann@example.com", "wrong"], ["nowhere", "ann@example.com", SECRET], ["beta", "ann@example.com", SECRET]]) {
      await assert.rejects(login(...words), (error) => error instanceof AuthenticationError && error.message === "Invalid credentials");
    }
    const register = base.client().register({ email: "x@example.com", password: SECRET, account_name: "Acme", account_slug: "acme" });
    await assert.rejects(register, (error) => error instanceof ConflictError && error.message === "An account with this slug already exists");
  });

  test("a user whose address is not verified", async () => {
    const account_id = ann.account.id;
    const { id } = await root.users.create({ email: "new@example.com", password: SECRET, account_id, role_id: 2, is_active: true });
    const sign = () => base.client().login({ account: "acme", email: "new@example.com", password: SECRET });
    assert.equal((await root.users.get(id)).email_verified, false);
    await assert.rejects(sign(), (error) => {
      // the SDK's classes lose their prototype, and keep their name
      assert.equal(error.name, EmailVerificationRequiredError.name);
      assert.equal(error.message, "Email not verified. Please check your email inbox.");
      return true;
    });
    await root.users.verifyEmail(id);
    assert.equal((await sign()).user.email, "new@example.com");
  });

  test("users: list, get, update, set a password, deactivate", async () => {
    const account_id = bob.account.id;
    const made = await root.users.create({ email: "dan@example.com", password: SECRET, account_id, role_id: 2 });
    await root.users.verifyEmail(made.id);
    const dan = await base.signIn("beta", "dan@example.com");
    assert.ok((await root.users.list({ account_id })).items.some((user) => user.id === made.id));
    assert.equal((await root.users.get(made.id)).email, "dan@example.com");
    assert.equal((await root.users.update(made.id, { role_id: 1 })).role_name, "admin");
    await root.users.setPassword(made.id, `${SECRET}!`);
    await base.signIn("beta", "dan@example.com", `${SECRET}!`);
    await dan.realtime.connect().catch(() => {});
    await root.users.delete(made.id);
    await assert.rejects(base.signIn("beta", "dan@example.com", `${SECRET}!`), AuthenticationError);
    await assert.rejects(dan.records.list("posts"), AuthenticationError);
    dan.realtime.disconnect();
  });

  test("accounts and roles, by the superadmin", async () => {
    const made = await root.accounts.create({ name: "Delta", slug: "delta" });
    assert.equal((await root.accounts.get(made.id)).slug, "delta");
    assert.equal((await root.accounts.update(made.id, { name: "Delta Ltd" })).name, "Delta Ltd");
    assert.ok((await root.accounts.list({ page: 1, page_size: 50 })).items.some((account) => account.id === made.id));
    assert.ok((await root.accounts.getUsers(ann.account.id)).items.length >= 2);
    // an account is not deleted by a request
    await assert.rejects(root.accounts.delete(made.id), /Method Not Allowed/);
    const role = await root.roles.create({ name: "editor", description: "edits" });
    assert.equal((await root.roles.get(role.id)).name, "editor");
    assert.equal((await root.roles.update(role.id, { name: "writer", description: "writes" })).name, "writer");
    assert.ok((await root.roles.list()).items.some((found) => found.name === "writer"));
    assert.deepEqual(await root.roles.delete(role.id), { success: true });
  });

  test("groups", async () => {
    const made = await ann.groups.create({ name: "editors" });
    await ann.groups.addMember(made.id, uma.user.id);
    assert.equal((await ann.groups.get(made.id)).member_count, 1);
    assert.equal((await ann.groups.update(made.id, { description: "edit" })).description, "edit");
    await assert.rejects(bob.groups.get(made.id), NotFoundError);
    assert.ok((await ann.groups.list()).items.some((group) => group.name === "editors"));
    await ann.groups.removeMember(made.id, uma.user.id);
    assert.deepEqual(await ann.groups.delete(made.id), { success: true });
  });

  test("invitations", async () => {
    const made = await ann.invitations.create({ email: "guest@example.com" });
    assert.equal((await base.client().invitations.getPublic(made.token)).email, "guest@example.com");
    assert.ok((await ann.invitations.list()).total >= 1);
    const answer = await base.client().invitations.accept(made.token, SECRET);
    assert.deepEqual([answer.account.slug, answer.user.role], ["acme", "user"]);
    await base.signIn("acme", "guest@example.com");
    const other = await ann.invitations.create({ email: "other@example.com" });
    await ann.invitations.cancel(other.id);
    await assert.rejects(base.client().invitations.accept(other.token, SECRET));
  });

  test("API keys, as header and for the stream", async () => {
    const made = await ann.apiKeys.create({ name: "robot" });
    const robot = base.client({ apiKey: made.key });
    await robot.records.create("posts", { title: "by a robot" });
    const heard = [];
    const stream = base.client({ getAccessToken: () => made.key });
    stream.realtime.on("posts.create", (data) => heard.push(data.title));
    await stream.realtime.connect();
    await stream.realtime.subscribe("posts");
    await robot.records.create("posts", { title: "heard by a robot" });
    await expectHeard(heard, ["heard by a robot"]);
    assert.ok((await ann.apiKeys.list()).items.every((key) => !key.key.includes(made.key)));
    await ann.apiKeys.revoke(made.id);
    await assert.rejects(robot.records.list("posts"), AuthenticationError);
    stream.realtime.disconnect();
  });

  test("guests name their account", async () => {
    const guest = base.client({ accountId: "acme" });
    const { id } = await guest.records.create("posts", { title: "by a guest" });
    assert.equal((await uma.records.get("posts", id)).created_by, "anonymous");
    await assert.rejects(base.client({ accountId: "beta" }).records.get("posts", id), NotFoundError);
    await assert.rejects(base.client().records.list("posts"), /X-Account-ID header is required/);
  });

  test("errors have the SDK's own classes", async () => {
    await assert.rejects(ann.users.list(), (error) => error instanceof AuthorizationError || error instanceof ApiKeyRestrictedError);
    await assert.rejects(ann.records.create("posts", { title: "x", id: "mine" }), ValidationError);
    await assert.rejects(ann.records.list("posts", { filter: "title =" }), (error) => error.status === 400 && /Unexpected token: EOF/.test(error.message));
    await assert.rejects(ann.records.get("posts", "nowhere"), NotFoundError);
    await assert.rejects(base.client().getCurrentUser(), AuthenticationError);
  });
});

// A tour of the REST calls through npm pocketbase.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PASSWORDS, PUBLIC, Server } from "./server.mjs";

let server;
let root;
let pb;

before(async () => {
  server = await new Server().start();
  root = server.root;
  pb = server.client();
  const authors = await root.collections.create({
    name: "authors",
    type: "base",
    ...PUBLIC,
    fields: [{ name: "name", type: "text", required: true }],
  });
  const times = [{ name: "created", type: "autodate", onCreate: true }];
  await root.collections.create({
    name: "books",
    type: "base",
    ...PUBLIC,
    fields: [
      { name: "title", type: "text", required: true, max: 40 },
      { name: "pages", type: "number" },
      { name: "tags", type: "select", values: ["sea", "land", "air"], maxSelect: 3 },
      { name: "author", type: "relation", collectionId: authors.id, maxSelect: 1 },
      { name: "meta", type: "json" },
      ...times,
    ],
    indexes: ["CREATE UNIQUE INDEX idx_title ON books (title)"],
  });
});
after(() => server.close());

function refused(status, data) {
  return (error) => {
    assert.equal(error.name, `ClientResponseError ${status}`);
    assert.equal(error.status, status);
    if (data) assert.deepEqual(Object.keys(error.response.data), data);
    return true;
  };
}

test("health", async () => {
  const answer = await pb.health.check();
  assert.equal(answer.code, 200);
  assert.equal(answer.message, "API is healthy.");
});

test("sign in, refresh, own record, sign out", async () => {
  const made = await pb.collection("users").create({ email: "ann@example.com", name: "Ann", ...PASSWORDS });
  await assert.rejects(pb.collection("users").authWithPassword("ann@example.com", "wrong"), refused(400, []));
  const answer = await pb.collection("users").authWithPassword("ann@example.com", PASSWORDS.password);
  assert.equal(answer.record.id, made.id);
  assert.equal(answer.record.email, "ann@example.com");
  assert.ok(pb.authStore.isValid && !pb.authStore.isSuperuser && root.authStore.isSuperuser);
  await pb.collection("users").authRefresh();
  assert.ok(pb.authStore.isValid);
  assert.equal((await pb.collection("users").update(made.id, { name: "Anna" })).name, "Anna");
  const methods = await pb.collection("users").listAuthMethods();
  assert.ok(methods.password.enabled);
  pb.authStore.clear();
  await assert.rejects(pb.collection("users").authRefresh(), refused(401));
  await assert.rejects(pb.collection("users").getOne(made.id), refused(404));
});

test("create, view, update, delete", async () => {
  const author = await pb.collection("authors").create({ name: "Jules" });
  const meta = { list: [1, 2.5, null], text: "é" };
  const made = await pb
    .collection("books")
    .create({ title: "20000", pages: 300, tags: ["sea"], author: author.id, meta }, { expand: "author" });
  assert.equal(made.expand.author.name, "Jules");
  assert.deepEqual(made.meta, meta);
  assert.equal(made.collectionName, "books");
  assert.match(made.created, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z$/);
  const changed = await pb.collection("books").update(made.id, { "pages+": 5, "tags+": "air" });
  assert.deepEqual([changed.pages, changed.tags], [305, ["sea", "air"]]);
  const shown = await pb.collection("books").getOne(made.id, { fields: "title,expand.author.name", expand: "author" });
  assert.deepEqual(shown, { title: "20000", expand: { author: { name: "Jules" } } });
  const withBooks = await pb.collection("authors").getOne(author.id, { expand: "books_via_author" });
  assert.deepEqual(withBooks.expand.books_via_author.map((book) => book.id), [made.id]);
  assert.equal(await pb.collection("books").delete(made.id), true);
  await assert.rejects(pb.collection("books").getOne(made.id), refused(404));
});

test("errors name the fields", async () => {
  await assert.rejects(pb.collection("books").create({ pages: 1 }), refused(400, ["title"]));
  await assert.rejects(pb.collection("books").create({ title: "x".repeat(41), tags: ["fire"] }), (error) => {
    assert.equal(error.response.data.title.code, "validation_max_text_constraint");
    assert.equal(error.response.data.tags.code, "validation_invalid_value");
    return true;
  });
  await pb.collection("books").create({ title: "twice" });
  await assert.rejects(pb.collection("books").create({ title: "twice" }), (error) => {
    assert.equal(error.response.data.title.code, "validation_not_unique");
    return true;
  });
  await assert.rejects(pb.collection("nowhere").getList(), refused(404));
  await assert.rejects(pb.collection("books").getList(1, 10, { filter: "nosuch = 1" }), refused(400));
  await assert.rejects(pb.collections.getList(), refused(401));
});

test("list: pages, sort, filter, all, first", async () => {
  for (let at = 0; at < 25; at += 1) {
    await pb.collection("books").create({ title: `list ${at}`, pages: 1000 + at });
  }
  const filter = pb.filter("pages >= {:least} && title ~ {:text}", { least: 1000, text: "list" });
  const page = await pb.collection("books").getList(2, 10, { filter, sort: "-pages" });
  assert.deepEqual([page.page, page.perPage, page.totalItems, page.totalPages], [2, 10, 25, 3]);
  assert.deepEqual(page.items.map((book) => book.pages), [1014, 1013, 1012, 1011, 1010, 1009, 1008, 1007, 1006, 1005]);
  const all = await pb.collection("books").getFullList({ filter, sort: "pages", batch: 10 });
  assert.deepEqual(all.map((book) => book.pages), Array.from({ length: 25 }, (_, at) => 1000 + at));
  const first = await pb.collection("books").getFirstListItem("pages > 1020", { sort: "pages" });
  assert.equal(first.pages, 1021);
  await assert.rejects(pb.collection("books").getFirstListItem("pages = -1"), refused(404));
});

test("batch: all or nothing", async () => {
  await root.settings.update({ batch: { enabled: true, maxRequests: 50, timeout: 3 } });
  const good = pb.createBatch();
  good.collection("books").create({ id: "batchbatchbatc1", title: "batch 1" });
  good.collection("books").upsert({ id: "batchbatchbatc2", title: "batch 2" });
  good.collection("books").update("batchbatchbatc1", { pages: 7 });
  good.collection("books").delete("batchbatchbatc2");
  const answers = await good.send();
  assert.deepEqual(answers.map((answer) => answer.status), [200, 200, 200, 204]);
  assert.equal(answers[2].body.pages, 7);
  const bad = pb.createBatch();
  bad.collection("books").update("batchbatchbatc1", { pages: 8 });
  bad.collection("books").create({ pages: 1 });
  await assert.rejects(bad.send(), (error) => {
    assert.equal(error.status, 400);
    assert.equal(error.response.data.requests[1].response.data.title.code, "validation_required");
    return true;
  });
  assert.equal((await pb.collection("books").getOne("batchbatchbatc1")).pages, 7);
});

test("impersonate and collections", async () => {
  const made = await root.collection("users").create({ email: "bob@example.com", ...PASSWORDS });
  const bob = await root.collection("users").impersonate(made.id, 60);
  assert.equal((await bob.collection("users").getOne(made.id)).email, "bob@example.com");
  const names = (await root.collections.getFullList()).map((collection) => collection.name);
  for (const name of ["_superusers", "users", "authors", "books"]) assert.ok(names.includes(name), name);
  await root.collections.truncate("books");
  assert.equal((await pb.collection("books").getList(1, 1)).totalItems, 0);
  await root.collections.delete("books");
  await assert.rejects(root.collections.getOne("books"), refused(404));
});

// One collection in one account, written and heard by the SDKs of PocketBase, SnackBase and CocoBase: all directions.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { Cocobase } from "cocobase";

import { redirect } from "./cocobase.mjs";
import { TARGET, waitFor } from "./server.mjs";
import { SnackBase } from "./snackbase.mjs";

const skip = TARGET === "pocketbase";
const KEY = "key-of-the-account-acme";

let base;
let restore;
let sides;

before(async () => {
  if (skip) return;
  base = await new SnackBase({ TIDEWIRE_RATE_LIMIT: "off" }).start();
  const words = ["key", "create", "acme", `--key=${KEY}`, `--dir=${base.server.folder}/data`];
  await promisify(execFile)(base.server.binary, words);
  restore = redirect(base.url);
  sides = { PocketBase: pocketbase(), SnackBase: snackbase(), CocoBase: cocobase() };
});
after(async () => {
  restore?.();
  await base?.close();
});

// Each side writes a post's title, and hears changes as [operation, id, title]; deletes tell no title everywhere.
function pocketbase() {
  const pb = base.server.client();
  pb.authStore.save(base.server.root.authStore.token, null);
  pb.beforeSend = (url, options) => ({ url, options: { ...options, headers: { ...options.headers, "X-Account-ID": "acme" } } });
  const posts = pb.collection("posts");
  return {
    create: (title) => posts.create({ title }),
    update: (id, title) => posts.update(id, { title }),
    remove: (id) => posts.delete(id),
    title: async (id) => (await posts.getOne(id)).title,
    listen: (heard) => posts.subscribe("*", ({ action, record }) => heard(action, record.id, record.title)),
  };
}

function snackbase() {
  const { records, realtime } = base.ann;
  return {
    create: (title) => records.create("posts", { title }),
    update: (id, title) => records.patch("posts", id, { title }),
    remove: (id) => records.delete("posts", id),
    title: async (id) => (await records.get("posts", id)).title,
    async listen(heard) {
      for (const name of ["create", "update", "delete"]) realtime.on(`posts.${name}`, (data) => heard(name, data.id, data.title));
      await realtime.connect();
      await realtime.subscribe("posts");
      return () => realtime.unsubscribe("posts");
    },
  };
}

function cocobase() {
  const client = new Cocobase({ apiKey: KEY, baseURL: base.url });
  return {
    create: (title) => client.createDocument("posts", { title }),
    update: (id, title) => client.updateDocument("posts", id, { title }),
    remove: (id) => client.deleteDocument("posts", id),
    title: async (id) => (await client.getDocument("posts", id)).data.title,
    async listen(heard) {
      const watcher = client.realtime.collection("posts");
      let connected = false;
      watcher.onConnected(() => (connected = true));
      watcher.onCreate(({ data }) => heard("create", data.id, data.title));
      watcher.onUpdate(({ data }) => heard("update", data.id, data.title));
      watcher.onDelete(({ data }) => heard("delete", data.id));
      watcher.connect();
      await waitFor(() => connected, "the confirmation");
      return () => watcher.disconnect();
    },
  };
}

for (const writer of ["PocketBase", "SnackBase", "CocoBase"]) {
  test(`what ${writer} writes, all read and hear`, { skip }, async () => {
    const heard = {};
    const stops = [];
    for (const [name, side] of Object.entries(sides)) {
      heard[name] = [];
      const hear = (operation, id, title) => heard[name].push([operation, id, operation === "delete" ? undefined : title]);
      stops.push(await side.listen(hear));
    }
    // of another account: heard by nobody here
    await base.bob.records.create("posts", { title: "not of acme" });
    const { id } = await sides[writer].create("first");
    for (const [name, side] of Object.entries(sides)) assert.equal(await side.title(id), "first", name);
    await sides[writer].update(id, "second");
    await sides[writer].remove(id);
    const wanted = [["create", id, "first"], ["update", id, "second"], ["delete", id, undefined]];
    for (const name of Object.keys(sides)) {
      await waitFor(() => heard[name].length >= 3, () => `three changes at ${name}: ${JSON.stringify(heard[name])}`);
      assert.deepEqual(heard[name], wanted, name);
    }
    for (const stop of stops) await stop();
  });
}

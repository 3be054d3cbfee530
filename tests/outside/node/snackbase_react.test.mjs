// npm @snackbase/react in jsdom: its data hooks, and subscriptions that components share.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { SnackBaseProvider, useAuth, useMutation, useQuery, useRealtime, useRecord, useSubscription } from "@snackbase/react";
import { JSDOM } from "jsdom";

import { TARGET, waitFor } from "./server.mjs";
import { SECRET, SnackBase } from "./snackbase.mjs";

const skip = TARGET === "pocketbase";

let base;
let react;
let createRoot;
let mounted;

before(async () => {
  if (skip) return;
  base = await new SnackBase({ TIDEWIRE_RATE_LIMIT: "off" }).start();
  const { window } = new JSDOM("<!doctype html><body></body>", { url: base.url });
  globalThis.document = window.document;
  // set last: the SDK keeps tokens in a window's storage, which these clients would share
  react = await import("react");
  ({ createRoot } = await import("react-dom/client"));
  globalThis.window = window;
});
after(async () => {
  delete globalThis.window;
  await base?.close();
});

// A tree under a client's provider; `show` replaces it.
function mount(client) {
  const root = createRoot(document.body.appendChild(document.createElement("div")));
  const show = (...children) => root.render(react.createElement(SnackBaseProvider, { client }, ...children));
  mounted = { show, close: () => root.unmount() };
  return mounted;
}

// A component that stores what its hook returns in `seen.now`.
function probe(hook) {
  const seen = {};
  const Probe = () => {
    seen.now = hook();
    return null;
  };
  return { seen, element: react.createElement(Probe, { key: Math.random() }) };
}

async function signedIn() {
  const client = base.client({ storageBackend: "memory" });
  await client.login({ account: "acme", email: "uma@example.com", password: SECRET });
  return client;
}

test("useAuth, useQuery, useRecord, useMutation", { skip }, async () => {
  const client = base.client({ storageBackend: "memory" });
  const tree = mount(client);
  const auth = probe(() => useAuth());
  tree.show(auth.element);
  await waitFor(() => auth.seen.now, "the first render");
  assert.equal(auth.seen.now.isAuthenticated, false);
  await assert.rejects(auth.seen.now.login({ account: "acme", email: "uma@example.com", password: "wrong" }));
  await waitFor(() => auth.seen.now.error?.message === "Invalid credentials", "the fault");
  await auth.seen.now.login({ account: "acme", email: "uma@example.com", password: SECRET });
  await waitFor(() => auth.seen.now.isAuthenticated, "the user");

  const list = probe(() => useQuery("posts", (query) => query.filter("status", "=", "react").sort("title")));
  const mutation = probe(() => useMutation("posts", { invalidateOnSuccess: true }));
  tree.show(list.element, mutation.element);
  await waitFor(() => list.seen.now?.data, "the list");
  assert.equal(list.seen.now.data.total, 0);
  const made = await mutation.seen.now.create({ title: "by a hook", status: "react" });
  await waitFor(() => list.seen.now.data.total === 1, "the list after the create");
  const one = probe(() => useRecord("posts", made.id));
  tree.show(list.element, mutation.element, one.element);
  await waitFor(() => one.seen.now?.data, "the record");
  assert.equal(one.seen.now.data.title, "by a hook");
  await mutation.seen.now.patch(made.id, { title: "patched" });
  await waitFor(() => one.seen.now.data.title === "patched", "the record after the patch");
  await mutation.seen.now.batchCreate([{ title: "b1", status: "react" }, { title: "b2", status: "react" }]);
  await waitFor(() => list.seen.now.data.total === 3, "the list after the batch");
  const sums = await mutation.seen.now.aggregate({ functions: "count()", filter: "status = 'react'" });
  assert.equal(sums.results[0].count, 3);
  await mutation.seen.now.del(made.id);
  await waitFor(() => list.seen.now.data.total === 2, "the list after the delete");
  await assert.rejects(mutation.seen.now.create({}));
  await waitFor(() => mutation.seen.now.error, "the fault of a mutation");
  tree.close();
});

test("components share a subscription: operations are merged and given up", { skip }, async () => {
  const client = await signedIn();
  const tree = mount(client);
  const heard = [];
  const sent = [];
  const send = client.realtime.send.bind(client.realtime);
  client.realtime.send = (message) => (sent.push(message), send(message));
  const hear = (name) => (data) => heard.push(`${name} ${data.title ?? "gone"}`);
  const creates = probe(() => useSubscription("posts", "create", hear("creates")));
  const deletes = probe(() => useSubscription("posts", ["delete"], { delete: hear("deletes") }));
  const comments = probe(() => useSubscription("comments", "*", (data) => heard.push(`comment ${data.text}`)));
  const state = probe(() => useRealtime());
  // what was confirmed last for a collection holds
  const holds = (operations) =>
    waitFor(
      () => sent.findLast((message) => message.collection === "posts")?.operations?.join() === operations && !client.realtime.pendingSubscriptions.size,
      () => `${operations}; sent: ${JSON.stringify(sent)}`,
    );
  const write = async (title) => {
    const { id } = await base.ann.records.create("posts", { title });
    await base.ann.records.patch("posts", id, { title: `${title}!` });
    await base.ann.records.delete("posts", id);
    await base.ann.records.create("comments", { text: `after ${title}` });
    await waitFor(() => heard.includes(`comment after ${title}`), () => `the witness; heard: ${heard}`);
    return heard.splice(0);
  };

  tree.show(creates.element, comments.element, state.element);
  await waitFor(() => creates.seen.now?.connected && comments.seen.now?.connected, "the subscriptions");
  await holds("create");
  assert.deepEqual(await write("one"), ["creates one", "comment after one"]);
  tree.show(creates.element, deletes.element, comments.element, state.element);
  await holds("create,delete");
  assert.deepEqual(await write("two"), ["creates two", "deletes gone", "comment after two"]);
  assert.deepEqual(state.seen.now.state, "connected");
  tree.show(deletes.element, comments.element, state.element);
  await holds("delete");
  assert.deepEqual(await write("three"), ["deletes gone", "comment after three"]);
  tree.show(comments.element, state.element);
  await waitFor(() => sent.at(-1).action === "unsubscribe" && !client.realtime.pendingSubscriptions.size, "the end of the subscription");
  assert.deepEqual(await write("four"), ["comment after four"]);
  tree.close();
});

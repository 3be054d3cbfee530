// The blocks of docs/hooks.md and docs/hooks-javascript.md, as files in a folder of hooks.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { PUBLIC, ROOT, Server, waitFor } from "./server.mjs";

function blocks(page) {
  const text = readFileSync(join(ROOT, "docs", page), "utf8");
  return [...text.matchAll(/```js\n([^]*?)```/g)].map(([, block]) => block);
}

// A server with these files among its hooks.
async function serve(t, files) {
  const server = new Server();
  t.after(() => server.close());
  const folder = join(server.folder, "data", "hooks");
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  await server.start();
  return { server, folder };
}

const text = (name) => ({ name, type: "text" });

test("every block of the documentation registers what it names", async (t) => {
  const all = [...blocks("hooks.md"), ...blocks("hooks-javascript.md")];
  const files = Object.fromEntries(all.map((block, place) => [`${place}.js`, block]));
  const { server } = await serve(t, files);
  const count = all.join("").match(/^(on[A-Z]\w+|cron)\(/gm).length;
  assert.ok(count >= 8, `${count}`);
  assert.match(server.output(), new RegExp(`hooks have been read.*count=${count}\\b`));
});

test("what the documentation says of posts comes true", async (t) => {
  const files = Object.fromEntries(blocks("hooks-javascript.md").map((block, place) => [`${place}.js`, block]));
  const { server } = await serve(t, { ...files, "title.js": blocks("hooks.md")[0] });
  const fields = [text("title"), text("status"), text("author")];
  await server.root.collections.create({ name: "posts", type: "base", ...PUBLIC, fields });
  const posts = server.client().collection("posts");
  await assert.rejects(posts.create({ title: "" }), { status: 400, message: "A post needs a title." });
  const heard = [];
  await server.client().realtime.subscribe("news/posts", (event) => heard.push(event));
  const post = await posts.create({ title: "a" });
  await waitFor(() => heard.length > 0, "the message of the after-hook");
  assert.deepEqual(heard, [{ last: post.id }]);
  assert.equal((await posts.update(post.id, { title: "  b " })).title, "b");
  await server.root.collection("posts").update(post.id, { status: "closed" });
  await assert.rejects(posts.update(post.id, { title: "c" }), { status: 403, message: "This post is closed." });
  assert.match(server.output(), /new post/);
});

test("files that change take effect at once, and broken ones not at all", async (t) => {
  const hook = (status) => `onRecordBeforeCreate((e) => e.abort("no", ${status}), { collection: "posts" });\n`;
  const { server, folder } = await serve(t, { "a.js": hook(401) });
  await server.root.collections.create({ name: "posts", type: "base", ...PUBLIC, fields: [text("title")] });
  const posts = server.client().collection("posts");
  const refused = () => posts.create({ title: "x" }).then(() => 200, (error) => error.status);
  assert.equal(await refused(), 401);
  writeFileSync(join(folder, "a.js"), hook(418));
  await waitFor(async () => (await refused()) === 418, "the new file");
  writeFileSync(join(folder, "a.js"), `\n\n${hook(410)}}`);
  await waitFor(() => /a\.js:4/.test(server.output()), () => `file and line in\n${server.output()}`);
  assert.equal(await refused(), 418);
});

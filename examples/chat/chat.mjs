// A chat in the terminal: node chat.mjs URL EMAIL PASSWORD NAME
// What you type is said, what others say is printed. Whoever is new is registered first.

import { createInterface } from "node:readline";

import { EventSource } from "eventsource";
import PocketBase from "pocketbase";

globalThis.EventSource ??= EventSource;

const [url, email, password, name] = process.argv.slice(2);
const pb = new PocketBase(url);
const users = pb.collection("users");
const messages = pb.collection("messages");

async function enter() {
  try {
    await users.authWithPassword(email, password);
  } catch {
    await users.create({ email, password, passwordConfirm: password, name });
    await users.authWithPassword(email, password);
  }
}

await enter();
await messages.subscribe("*", ({ action, record }) => {
  if (action === "create") console.log(`${record.name}: ${record.text}`);
});
await pb.realtime.subscribe("chat/latest", ({ from }) => console.log(`(latest: ${from})`));
console.log(`You are in, ${name}.`);

for await (const text of createInterface({ input: process.stdin })) {
  try {
    await messages.create({ text });
  } catch (error) {
    console.log(`not said: ${error.message}`);
  }
}
process.exit(0);

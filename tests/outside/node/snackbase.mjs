// Accounts and collections of SnackBase, made and reached by npm @snackbase/sdk.

import { SnackBaseClient } from "@snackbase/sdk";
import { EventSource } from "eventsource";
import { WebSocket } from "ws";

import { EMAIL, PASSWORD, Server, waitFor } from "./server.mjs";

globalThis.EventSource ??= EventSource;

export const SECRET = "Str0ng!Passw0rd#1";
export const OPEN = { list_rule: "", view_rule: "", create_rule: "", update_rule: "", delete_rule: "" };

export const POSTS = [
  { name: "title", type: "text", required: true },
  { name: "status", type: "text", default: "draft" },
  { name: "views", type: "number" },
  { name: "public", type: "boolean" },
  { name: "author", type: "user" },
];

const REALTIME = { realTimeReconnectionDelay: 20, maxRealTimeRetries: 1000 };

// A server with account acme (`ann` its admin, `uma` a user), account beta (`bob`), and open collections.
export class SnackBase {
  constructor(settings = {}) {
    this.server = new Server({ settings });
    this.clients = [];
  }

  async start() {
    await this.server.start();
    this.url = this.server.url;
    this.root = await this.signIn("system", EMAIL, PASSWORD);
    this.ann = await this.register("acme", "ann@example.com");
    this.bob = await this.register("beta", "bob@example.com");
    const account_id = this.ann.account.id;
    const made = await this.root.users.create({ email: "uma@example.com", password: SECRET, account_id, role_id: 2 });
    await this.root.users.verifyEmail(made.id);
    this.uma = await this.signIn("acme", "uma@example.com");
    await this.root.collections.create({ name: "posts", fields: POSTS, ...OPEN });
    const post = { name: "post", type: "reference", collection: "posts", on_delete: "cascade" };
    await this.root.collections.create({ name: "comments", fields: [{ name: "text", type: "text" }, post], ...OPEN });
    return this;
  }

  client(config = {}) {
    const made = new SnackBaseClient({ baseUrl: this.url, maxRetries: 0, ...REALTIME, ...config });
    this.clients.push(made);
    return made;
  }

  async register(slug, email) {
    const made = this.client();
    await made.register({ email, password: SECRET, account_name: slug, account_slug: slug });
    await made.login({ account: slug, email, password: SECRET });
    return made;
  }

  async signIn(account, email, password = SECRET) {
    const made = this.client();
    await made.login({ account, email, password });
    return made;
  }

  async close() {
    for (const client of this.clients) client.realtime.disconnect();
    await this.server.close();
  }
}

export function tokenOf(client) {
  return client.authManager.token;
}

// A global as the SDK finds it while `work` runs.
export async function withGlobal(name, value, work) {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  try {
    return await work();
  } finally {
    if (before) Object.defineProperty(globalThis, name, before);
    else delete globalThis[name];
  }
}

// A client's connection is open.
export function connected(client) {
  return waitFor(() => client.realtime.getState() === "connected", () => `a connection; ${client.realtime.getState()}`);
}

// The browser's class, as node has none.
globalThis.WebSocket = WebSocket;

// A CocoBase project, reached by npm cocobase as the documentation says.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

import { Cocobase } from "cocobase";
import { WebSocket } from "ws";

import { ROOT, Server } from "./server.mjs";

globalThis.WebSocket ??= WebSocket;

export const KEY = "key-of-the-project-shop";

// A server with the projects shop and other, and an SDK client of each.
export class Project {
  constructor() {
    this.server = new Server({ settings: { TIDEWIRE_RATE_LIMIT: "off" } });
  }

  async start() {
    await this.server.start();
    this.url = this.server.url;
    this.shop = await this.make("shop", KEY);
    this.other = await this.make("other", "key-of-the-project-other");
    return this;
  }

  async make(slug, key) {
    const words = ["account", "create", slug, `--name=${slug}`, `--api-key=${key}`, `--dir=${this.server.folder}/data`];
    await promisify(execFile)(this.server.binary, words);
    return this.client(key);
  }

  client(apiKey = KEY) {
    return new Cocobase({ apiKey, baseURL: this.url });
  }

  close() {
    return this.server.close();
  }
}

// Runs the lines of the documentation that lead the SDK's sockets to our server; returns what undoes that.
export function redirect(url) {
  const [, lines] = readFileSync(`${ROOT}/docs/cocobase.md`, "utf8").match(/```js\n([^]*?)```/);
  const known = { WebSocket: globalThis.WebSocket, fetch: globalThis.fetch };
  new Function(lines.replace("localhost:8090", url.replace("http://", "")))();
  return () => Object.assign(globalThis, known);
}

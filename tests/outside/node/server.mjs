// A server in a process of its own, on a free loopback port and a temporary folder.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { EventSource } from "eventsource";
import PocketBase from "pocketbase";

globalThis.EventSource ??= EventSource;

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
export const EMAIL = "root@example.com";
export const PASSWORD = "root-password";

// TARGET=pocketbase runs what both must do against the real one.
export const TARGET = process.env.TARGET ?? "tidewire";

function binary() {
  if (process.env.SERVER_BINARY) return process.env.SERVER_BINARY;
  return TARGET === "pocketbase" ? join(ROOT, ".cache/python/bin/pocketbase") : join(ROOT, "target/release/tidewire");
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

// The first truthy result of `condition`, asked again until the time is over.
export async function waitFor(condition, what, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${typeof what === "function" ? what() : what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// Start, restart and end the program; `root` is an SDK client signed in as superuser.
export class Server {
  constructor({ options = [], settings = {} } = {}) {
    this.options = options;
    this.settings = settings;
    this.folder = mkdtempSync(join(tmpdir(), "outside-"));
    this.clients = [];
    this.binary = binary();
  }

  async start() {
    // The program takes a port that is free, which nobody can take in between; a restart asks for the same again.
    if (TARGET === "pocketbase") this.port ??= await freePort();
    this.spawn();
    await waitFor(() => this.up(), () => `a healthy server; its output:\n${this.output()}`);
    if (!this.root) {
      await promisify(execFile)(this.binary, ["superuser", "upsert", EMAIL, PASSWORD, `--dir=${this.folder}/data`]);
      this.root = this.client();
      await this.root.collection("_superusers").authWithPassword(EMAIL, PASSWORD);
    }
    return this;
  }

  spawn() {
    const words = ["serve", `--http=127.0.0.1:${this.port ?? 0}`, `--dir=${this.folder}/data`, ...this.options];
    const env = { ...process.env, ...this.settings };
    this.process = spawn(this.binary, words, { stdio: ["ignore", "pipe", "pipe"], env });
    this.ended = once(this.process, "exit");
    this.said = "";
    const log = createWriteStream(join(this.folder, "server.log"), { flags: "a" });
    for (const output of [this.process.stdout, this.process.stderr]) {
      output.pipe(log, { end: false });
      output.on("data", (chunk) => (this.said += chunk));
    }
  }

  async up() {
    if (this.process.exitCode !== null && this.said.includes("cannot listen") && this.said.includes("in use")) {
      // between two lives somebody else had the port for a moment
      this.spawn();
      return false;
    }
    this.port ??= this.said.match(/Tidewire listens on http:\/\/127\.0\.0\.1:(\d+)/)?.[1];
    this.url = `http://127.0.0.1:${this.port}`;
    return this.healthy();
  }

  async healthy() {
    if (this.process.exitCode !== null) throw new Error(`the server ended by itself:\n${this.output()}`);
    return fetch(`${this.url}/api/health`).then((answer) => answer.ok, () => false);
  }

  output() {
    return readFileSync(join(this.folder, "server.log"), "utf8").slice(-4000);
  }

  // An SDK client whose streams end with the server.
  client() {
    const made = new PocketBase(this.url);
    made.autoCancellation(false);
    this.clients.push(made);
    return made;
  }

  // End the process as a power cut would.
  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }

  async close() {
    for (const client of this.clients) await client.realtime.unsubscribe().catch(() => {});
    this.process?.kill("SIGTERM");
    const late = setTimeout(() => this.process.kill("SIGKILL"), 20000);
    await this.ended;
    clearTimeout(late);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const PUBLIC = { listRule: "", viewRule: "", createRule: "", updateRule: "", deleteRule: "" };
export const PASSWORDS = { password: "1234567890", passwordConfirm: "1234567890" };

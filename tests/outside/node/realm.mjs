// Where code blocks run: in a context of node with npm's classes, or in a page with the browser's own.

import { createContext, runInContext } from "node:vm";

import { EventSource } from "eventsource";
import { WebSocket } from "ws";

import { waitFor } from "./server.mjs";

// What a block prints, and what it constructs; its timers may be driven by the test.
const PRELUDE = `
var printed = [], sockets = [], streams = [], frames = [];
for (const level of ["log", "warn", "error"]) {
  console[level] = (...words) => printed.push(words.map((word) => (word instanceof Object && "isTrusted" in word ? "event" : word)));
}
WebSocket = class extends WebSocket {
  constructor(...words) {
    super(...words);
    sockets.push(this);
    this.addEventListener("message", (event) => frames.push(JSON.parse(event.data)));
  }
};
EventSource = class extends EventSource {
  constructor(...words) {
    super(...words);
    streams.push(this);
    this.addEventListener("message", (event) => frames.push(JSON.parse(event.data)));
  }
};
`;

class Realm {
  // Waits until an expression is true.
  until(expression, what = expression) {
    return waitFor(() => this.run(`Boolean(${expression})`), what);
  }

  // Waits for exactly these printed lines, and forgets them; `line` makes texts of their words.
  async expect(wanted, line = (words) => words.join(" ")) {
    let shown = [];
    await waitFor(
      async () => (shown = JSON.parse(await this.run("JSON.stringify(printed)")).map(line)).length >= wanted.length,
      () => `${JSON.stringify(wanted)}; printed: ${JSON.stringify(shown)}`,
    );
    await this.run("void (printed.length = 0)");
    return shown;
  }
}

export class NodeRealm extends Realm {
  async open() {
    const globals = { console: {}, WebSocket, EventSource, URLSearchParams, fetch, setTimeout, setInterval, clearInterval };
    this.context = createContext(globals);
    this.run(PRELUDE);
    return this;
  }

  run(code) {
    return runInContext(code, this.context);
  }

  async close() {
    this.run("sockets.forEach((socket) => ((socket.onclose = null), socket.terminate())); streams.forEach((stream) => stream.close())");
  }
}

export class PageRealm extends Realm {
  constructor(browser, url) {
    super();
    this.browser = browser;
    this.url = url;
  }

  // A page of the server's own origin without scripts.
  async open() {
    this.page = await this.browser.newPage({ bypassCSP: true });
    await this.page.goto(`${this.url}/api/health`);
    await this.run(PRELUDE);
    return this;
  }

  // Declarations of a script hold in the next one.
  async run(code) {
    const session = (this.session ??= await this.page.context().newCDPSession(this.page));
    const words = { expression: code, replMode: true, awaitPromise: true, returnByValue: true };
    const answer = await session.send("Runtime.evaluate", words);
    if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.exception?.description ?? "a fault in the page");
    return answer.result.value;
  }

  close() {
    return this.page.close();
  }
}

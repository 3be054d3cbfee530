// A small OpenID Connect provider: whoever is sent here is signed in at once, or refuses.

import { createHash, createSign, generateKeyPairSync, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

const base64 = (value) => Buffer.from(value).toString("base64url");

export const CLIENT = { id: "the-client", secret: "the-secret" };

export class Provider {
  constructor() {
    this.keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
    this.codes = new Map();
    // what the next sign-ins are about
    this.user = { sub: "user-1", name: "Ann", email: "ann@example.com", email_verified: true };
    this.denies = false;
    this.forges = false;
    this.mixes = false;
  }

  async start() {
    this.server = createServer((request, response) => this.answer(request, response)).listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  async close() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }

  // As superusers configure it; without `userInfo` the ID token tells who it is.
  options(name, { userInfo = true } = {}) {
    return {
      name,
      clientId: CLIENT.id,
      clientSecret: CLIENT.secret,
      authURL: `${this.url}/authorize`,
      tokenURL: `${this.url}/token`,
      userInfoURL: userInfo ? `${this.url}/userinfo` : "",
      extra: { jwksURL: `${this.url}/keys`, issuers: [this.url] },
    };
  }

  async answer(request, response) {
    const url = new URL(request.url, this.url);
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const json = (status, value) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (url.pathname === "/authorize") return this.authorize(url.searchParams, response);
    if (url.pathname === "/token") return this.token(request, new URLSearchParams(Buffer.concat(chunks).toString()), json);
    if (url.pathname === "/keys") return json(200, { keys: [{ ...this.keys.publicKey.export({ format: "jwk" }), kid: "key-1", use: "sig", alg: "RS256" }] });
    const token = [...this.codes.values()].find((code) => request.headers.authorization === `Bearer ${code.access}`);
    if (url.pathname === "/userinfo" && token) return json(200, token.user);
    return json(401, { error: "invalid_token" });
  }

  authorize(query, response) {
    const back = new URL(query.get("redirect_uri"));
    back.searchParams.set("state", query.get("state"));
    if (this.denies || query.get("client_id") !== CLIENT.id || query.get("response_type") !== "code") {
      back.searchParams.set("error", "access_denied");
    } else {
      const code = randomUUID();
      const challenge = query.get("code_challenge_method") === "S256" ? query.get("code_challenge") : null;
      this.codes.set(code, { challenge, redirect: query.get("redirect_uri"), user: this.user, nonce: query.get("nonce") ?? undefined, access: randomUUID() });
      back.searchParams.set("code", code);
    }
    response.writeHead(302, { location: back.href }).end();
  }

  token(request, form, json) {
    const known = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString("base64")}`;
    if (request.headers.authorization !== known) return json(401, { error: "invalid_client" });
    const code = this.codes.get(form.get("code"));
    const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    const fits = code && !code.spent && code.challenge === challenge && code.redirect === form.get("redirect_uri");
    if (form.get("grant_type") !== "authorization_code" || !fits) return json(400, { error: "invalid_grant" });
    code.spent = true;
    return json(200, { access_token: code.access, token_type: "Bearer", expires_in: 300, id_token: this.idToken({ ...code.user, nonce: this.mixes ? randomUUID() : code.nonce }) });
  }

  idToken(user) {
    const now = Math.floor(Date.now() / 1000);
    const header = base64(JSON.stringify({ alg: "RS256", kid: "key-1" }));
    const claims = base64(JSON.stringify({ ...user, iss: this.url, aud: CLIENT.id, iat: now, exp: now + 300 }));
    const key = this.forges ? generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey : this.keys.privateKey;
    return `${header}.${claims}.${createSign("RSA-SHA256").update(`${header}.${claims}`).sign(key, "base64url")}`;
  }
}

// Runs once in every runtime, before the hooks. `native` holds the functions of Rust; texts of JSON go in and out.
(function (native, limits, events) {
  "use strict";
  const { parse, stringify } = JSON;
  const STATE = Symbol("state");
  const handlers = [];
  const declared = [];
  const rejected = new Map();
  let loading = true;

  class ApiError extends Error {
    constructor(status = 400, message = "", data = undefined) {
      super(message || "Something went wrong while processing your request.");
      this.name = new.target.name;
      this.status = status;
      this.data = data;
    }
  }
  const refusal = (name, status, text) =>
    ({ [name]: class extends ApiError { constructor(message, data) { super(status, message || text, data); } } })[name];
  const errors = {
    ApiError,
    BadRequestError: refusal("BadRequestError", 400, "Something went wrong while processing your request."),
    UnauthorizedError: refusal("UnauthorizedError", 401, "Missing or invalid authentication."),
    ForbiddenError: refusal("ForbiddenError", 403, "You are not allowed to perform this request."),
    NotFoundError: refusal("NotFoundError", 404, "The requested resource wasn't found."),
    TooManyRequestsError: refusal("TooManyRequestsError", 429, "Too Many Requests."),
    InternalServerError: refusal("InternalServerError", 500, "Something went wrong while processing your request."),
    // thrown by what a hook asks for; it refuses nothing by itself
    ActError: class ActError extends Error {
      constructor(status, message, data) {
        super(message);
        this.name = "ActError";
        this.status = status;
        this.data = data;
      }
    },
  };

  // What a hook is given. Its methods are not enumerable, so that a copy of `e` holds its fields alone.
  class Occasion {
    abort(message = "", status = 400) {
      const error = new ApiError(status, String(message));
      this[STATE].refusal = { status: Number(status) || 400, message: error.message };
      throw error;
    }
    reply(value) { this[STATE].reply = { value }; }
  }

  // Large fields are parsed when they are first looked at.
  function lazily(e, slots, name, text) {
    const slot = { text, value: undefined, before: undefined };
    slots[name] = slot;
    slot.get = () => {
      if (slot.text !== undefined) {
        slot.value = parse(slot.text);
        slot.before = stringify(slot.value);
        slot.text = undefined;
      }
      return slot.value;
    };
    const set = (value) => {
      slot.text = undefined;
      slot.before = undefined;
      slot.value = value;
    };
    Object.defineProperty(e, name, { enumerable: true, configurable: true, get: slot.get, set });
  }

  function dispatch(index, event, head, ...large) {
    const e = new Occasion();
    const original = parse(head);
    const state = { original, slots: undefined, refusal: undefined, reply: undefined };
    Object.defineProperty(e, STATE, { value: state });
    for (const name in original) e[name] = original[name];
    if (large.length > 0) {
      state.slots = Object.create(null);
      for (let i = 0; i < large.length; i += 2) lazily(e, state.slots, large[i], large[i + 1]);
    }
    e.event = event;
    try {
      const result = handlers[index](e);
      if (typeof result === "object" && result !== null && typeof result.then === "function") {
        return Promise.resolve(result).then((value) => ending(e, state, value), (error) => failing(state, error));
      }
      return ending(e, state, result);
    } catch (error) {
      return failing(state, error);
    }
  }

  // `undefined` if there is nothing to tell, else a text.
  function ending(e, state, result) {
    try {
      if (state.refusal !== undefined) return stringify({ abort: state.refusal });
      if (typeof result === "object" && result !== null && "reply" in result) state.reply = { value: result.reply };
      const answer = changes(e, state);
      if (answer === undefined) return undefined;
      const text = stringify(answer);
      if (text.length > limits.answer) throw new RangeError(`its answer is larger than ${limits.answer} bytes`);
      return text;
    } catch (error) {
      return failing(state, error);
    }
  }

  function changes(e, state) {
    const { original, slots, reply } = state;
    let set, gone;
    for (const name of Object.keys(e)) {
      if (name === "event") continue;
      const slot = slots !== undefined ? slots[name] : undefined;
      if (slot !== undefined) {
        // not looked at, and not deleted and set anew
        if (slot.text !== undefined && Object.getOwnPropertyDescriptor(e, name).get === slot.get) continue;
        const value = e[name];
        if (slot.before === undefined || value !== slot.value || stringify(value) !== slot.before) (set ??= {})[name] = value;
      } else if (e[name] === undefined) {
        delete e[name];
      } else if (e[name] !== original[name]) {
        (set ??= {})[name] = e[name];
      }
    }
    for (const name in original) if (!Object.hasOwn(e, name)) (gone ??= []).push(name);
    if (slots !== undefined) for (const name in slots) if (!Object.hasOwn(e, name)) (gone ??= []).push(name);
    if (set === undefined && gone === undefined && reply === undefined) return undefined;
    return { set, gone, reply: reply === undefined ? undefined : { value: reply.value === undefined ? null : reply.value } };
  }

  function failing(state, error) {
    if (state.refusal !== undefined) return stringify({ abort: state.refusal });
    if (error instanceof ApiError) {
      return stringify({ abort: { status: Number(error.status) || 400, message: String(error.message) } });
    }
    return stringify({ failed: describe(error), limit: isLimit(error) });
  }

  // What is beyond memory or stack may have left anything half done. Without memory for an error the engine throws null.
  function isLimit(error) {
    return error === null ||
      (error instanceof InternalError && error.message === "out of memory") ||
      (error instanceof RangeError && error.message === "Maximum call stack size exceeded");
  }

  // Message, file and line of an exception, whatever was thrown.
  function describe(error) {
    try {
      if (error === null) return "null was thrown: by a script, or by the engine because it is out of memory";
      if (!(error instanceof Error)) return cut(show(error));
      const at = place(error.stack);
      const data = error.data === undefined || error.data === null ? "" : ` ${stringify(error.data)}`;
      return cut(`${error.name}: ${error.message}${data}${at === "" ? "" : ` (${at})`}`);
    } catch {
      return "an exception that cannot be shown";
    }
  }

  // The innermost place in a file of the hooks: `posts.js:12:5`.
  function place(stack) {
    for (const line of String(stack).split("\n")) {
      const found = /\(?([^\s():]+):(\d+)(?::(\d+))?\)?$/.exec(line);
      if (found !== null && found[1] !== "tidewire") return found.slice(1).filter((part) => part !== undefined).join(":");
    }
    return "";
  }

  function show(value) {
    if (typeof value === "string") return value;
    if (value instanceof Error) return describe(value);
    if (typeof value === "function" || typeof value === "symbol" || typeof value === "bigint") return String(value);
    try {
      const text = stringify(value);
      return text === undefined ? String(value) : text;
    } catch {
      return String(value);
    }
  }

  const cut = (text) => (text.length > limits.line ? `${text.slice(0, limits.line)}…` : text);
  const logger = (level) => (...parts) => native.log(level, cut(parts.map(show).join(" ")));

  function ask(act) {
    const text = stringify(act);
    if (text.length > limits.answer) throw new RangeError(`what it asks for is larger than ${limits.answer} bytes`);
    const answer = parse(native.act(text));
    if (answer.error !== undefined) throw new errors.ActError(answer.error.status, answer.error.message, answer.error.data);
    return answer.done;
  }

  function records(collection, { rules = false } = {}) {
    const about = { collection: String(collection), rules: Boolean(rules) };
    return Object.freeze({
      get: (id) => ask({ act: "get", ...about, id: String(id) }),
      list: ({ filter = "", sort = "", page = 1, perPage = 30 } = {}) =>
        ask({ act: "list", ...about, filter: String(filter), sort: String(sort), page, per_page: perPage }),
      create: (data) => ask({ act: "create", ...about, data }),
      update: (id, data) => ask({ act: "update", ...about, id: String(id), data }),
      delete: (id) => ask({ act: "delete", ...about, id: String(id) }),
    });
  }

  // A response at once, which may also be awaited.
  function fetch(url, { method = "GET", headers = {}, body = "", timeout } = {}) {
    if (typeof body !== "string") throw new TypeError("fetch: body must be a string");
    const request = { method: String(method), url: String(url), headers: Object.entries(headers), body, timeout };
    const answer = parse(native.fetch(stringify(request)));
    if (answer.error !== undefined) throw new Error(`fetch: ${answer.error}`);
    const { status, headers: heads, body: text } = answer.done;
    const response = {
      status,
      ok: status >= 200 && status < 300,
      headers: Object.fromEntries(heads),
      text: () => text,
      json: () => parse(text),
    };
    Object.defineProperty(response.headers, "get", { value: (name) => response.headers[String(name).toLowerCase()] ?? null });
    // `then` belongs to a second object: what it resolves to must not be awaited again
    return Object.create(response, {
      then: { value: (done, failed) => Promise.resolve(response).then(done, failed) },
    });
  }

  const KINDS = { collection: "string", priority: "number", stopOnError: "boolean", timeout: "number", instructions: "number", name: "string" };

  function declare(event, called, handler, options, more) {
    if (!loading) throw new Error(`${called} can be called only while the file is read`);
    if (typeof handler !== "function") throw new TypeError(`${called} needs a function`);
    for (const [key, value] of Object.entries(options)) {
      const kind = Object.hasOwn(KINDS, key) ? KINDS[key] : undefined;
      if (kind === undefined || (key === "name") !== (event === "cron") && (key === "name" || key === "collection")) {
        throw new TypeError(`${called} has no option "${key}"`);
      }
      if (typeof value !== kind) throw new TypeError(`${called}: "${key}" must be a ${kind}`);
    }
    const { collection, priority = 0, stopOnError = false, timeout, instructions, name } = options;
    if (!Number.isSafeInteger(priority)) throw new TypeError(`${called}: "priority" must be a whole number`);
    if (timeout !== undefined && !(timeout > 0 && timeout <= limits.timeout)) {
      throw new RangeError(`${called}: "timeout" must be above 0 and at most ${limits.timeout} seconds`);
    }
    if (instructions !== undefined && !(Number.isSafeInteger(instructions) && instructions > 0 && instructions <= limits.instructions)) {
      throw new RangeError(`${called}: "instructions" must be a whole number above 0 and at most ${limits.instructions}`);
    }
    const at = place(new Error().stack).replace(/:\d+$/, "");
    declared.push({ event, at, collection, priority, stop_on_error: stopOnError, timeout, instructions, name: name ?? at, ...more });
    handlers.push(handler);
  }

  const globals = {
    ...errors,
    records,
    fetch,
    log: logger("info"),
    publish: (topic, data = null) => void ask({ act: "publish", topic: String(topic), data }),
    say: (room, data = null) => void ask({ act: "say", room: String(room), data }),
    broadcast: (event, data = null) => void ask({ act: "broadcast", event: String(event), data }),
    setting: (path) => ask({ act: "setting", path: String(path) }),
    console: Object.freeze({
      log: logger("info"), info: logger("info"), debug: logger("debug"), warn: logger("warn"), error: logger("error"),
    }),
    cron: (schedule, handler, options = {}) => {
      const fault = native.schedule(String(schedule));
      if (fault !== "") throw new SyntaxError(`cron: ${fault}`);
      declare("cron", "cron", handler, options, { schedule: String(schedule) });
    },
  };
  for (const [called, event] of events) {
    globals[called] = (handler, options = {}) => declare(event, called, handler, options);
  }
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, enumerable: false, writable: false, configurable: false });
  }

  return {
    dispatch,
    describe,
    declared: () => {
      loading = false;
      return stringify(declared);
    },
    rejected: (promise, reason, handled) => {
      if (handled) rejected.delete(promise);
      else rejected.set(promise, reason);
    },
    // The first rejection that nobody handled; "" if all were.
    unhandled: () => {
      let text = "";
      for (const reason of rejected.values()) {
        text = `unhandled rejection: ${describe(reason)}`;
        break;
      }
      rejected.clear();
      return text;
    },
  };
})

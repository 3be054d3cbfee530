// What the server adds to a chat: who speaks is not up to the client, and nobody listens without having signed in.

onRecordBeforeCreate((e) => {
  const text = e.record.text.trim();
  if (text === "") throw new BadRequestError("Say something.");
  const user = records("users").get(e.user_id);
  e.record.text = text;
  e.record.author = user.id;
  e.record.name = user.name || "somebody";
}, { collection: "messages", stopOnError: true });

onRealtimeSubscribe((e) => {
  if (!e.user_id) e.abort("Sign in to listen.", 403);
}, { collection: "messages", stopOnError: true });

// for those who want to know that something happens, not what
onRecordAfterCreate((e) => {
  publish("chat/latest", { from: e.record.name });
}, { collection: "messages" });

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

// comes after the message itself, and also to those who look at nothing but the number
onRecordAfterCreate((e) => {
  const { totalItems } = records("messages").list({ perPage: 1 });
  publish("chat/count", { messages: totalItems, last: e.record.id });
}, { collection: "messages" });

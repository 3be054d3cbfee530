// Only listen for create events
ws.send(JSON.stringify({
  action: "subscribe",
  collection: "posts",
  operations: ["create"]
}));

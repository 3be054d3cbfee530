ws.send(JSON.stringify({
  action: "unsubscribe",
  collection: "posts"
}));

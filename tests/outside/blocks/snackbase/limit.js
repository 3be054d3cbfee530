const subscriptions = [];

function subscribe(collection) {
  if (subscriptions.length >= 100) {
    console.error("Maximum subscriptions reached");
    return;
  }

  ws.send(JSON.stringify({
    action: "subscribe",
    collection
  }));

  subscriptions.push(collection);
}

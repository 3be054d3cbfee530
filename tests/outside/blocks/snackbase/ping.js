ws.send(JSON.stringify({ action: "ping" }));
// Response: { "type": "pong" }

class SnackBaseRealtime {
  constructor(token) {
    this.token = token;
    this.ws = null;
    this.subscriptions = new Set();
    this.handlers = {};
  }

  connect() {
    return new Promise((resolve, reject) => {
      this.ws = new WebSocket(`ws://localhost:8000/api/v1/realtime/ws?token=${this.token}`);

      this.ws.onopen = () => {
        console.log("Connected to SnackBase realtime");
        resolve();
      };

      this.ws.onerror = (error) => {
        console.error("WebSocket error:", error);
        reject(error);
      };

      this.ws.onclose = () => {
        console.log("Disconnected from SnackBase realtime");
      };

      this.ws.onmessage = (event) => {
        const message = JSON.parse(event.data);

        if (message.type === "heartbeat" || message.type === "pong") {
          return; // Ignore system messages
        }

        // Call registered handlers
        const [collection, operation] = message.type.split(".");
        const eventType = `${collection}.${operation}`;
        if (this.handlers[eventType]) {
          this.handlers[eventType](message.data);
        }
      };
    });
  }

  subscribe(collection, operations = ["create", "update", "delete"], handler) {
    return new Promise((resolve, reject) => {
      if (this.subscriptions.size >= 100) {
        reject(new Error("Maximum subscriptions reached (100)"));
        return;
      }

      this.ws.send(JSON.stringify({
        action: "subscribe",
        collection,
        operations
      }));

      // Register handler
      operations.forEach(op => {
        this.handlers[`${collection}.${op}`] = handler;
      });

      this.subscriptions.add(collection);
      resolve();
    });
  }

  unsubscribe(collection) {
    this.ws.send(JSON.stringify({
      action: "unsubscribe",
      collection
    }));

    // Remove handlers
    ["create", "update", "delete"].forEach(op => {
      delete this.handlers[`${collection}.${op}`];
    });

    this.subscriptions.delete(collection);
  }

  disconnect() {
    this.ws.close();
  }
}

// Usage
const realtime = new SnackBaseRealtime(token);
await realtime.connect();

await realtime.subscribe("posts", ["create", "update"], (data) => {
  console.log("Post event:", data);
  // Update your UI
});

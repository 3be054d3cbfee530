class SnackBaseSSE {
  constructor(token) {
    this.token = token;
    this.eventSource = null;
    this.handlers = {};
  }

  connect(collections) {
    const params = new URLSearchParams({
      token: this.token,
      ...collections.reduce((acc, col) => ({
        ...acc,
        collection: col
      }), {})
    });

    // Build query string with multiple collections
    const url = `http://localhost:8000/api/v1/realtime/subscribe?${collections.map(c => `collection=${encodeURIComponent(c)}`).join("&")}`;

    this.eventSource = new EventSource(url + `&token=${this.token}`);

    this.eventSource.addEventListener("message", (event) => {
      const message = JSON.parse(event.data);

      if (message.event === "heartbeat") {
        return;
      }

      const [collection, operation] = message.type.split(".");
      const eventType = `${collection}.${operation}`;

      if (this.handlers[eventType]) {
        this.handlers[eventType](message.data);
      }
    });

    this.eventSource.onerror = (error) => {
      console.error("SSE error:", error);
    };
  }

  on(eventType, handler) {
    this.handlers[eventType] = handler;
  }

  disconnect() {
    if (this.eventSource) {
      this.eventSource.close();
    }
  }
}

// Usage
const sse = new SnackBaseSSE(token);
sse.connect(["posts", "comments"]);
sse.on("posts.create", (data) => {
  console.log("New post:", data);
});

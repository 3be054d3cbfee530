class CollectionWatcher {
  constructor(collectionName, apiKey, filters = {}) {
    this.collectionName = collectionName;
    this.apiKey = apiKey;
    this.filters = filters;
    this.ws = null;
    this.listeners = {
      create: [],
      update: [],
      delete: [],
      connected: []
    };
  }

  connect() {
    this.ws = new WebSocket(
      `wss://api.cocobase.buzz/realtime/collections/${this.collectionName}`
    );

    this.ws.onopen = () => {
      this.ws.send(JSON.stringify({
        api_key: this.apiKey,
        filters: this.filters
      }));
    };

    this.ws.onmessage = (event) => {
      const data = JSON.parse(event.data);

      // Trigger listeners
      if (this.listeners[data.event]) {
        this.listeners[data.event].forEach(callback => callback(data));
      }
    };

    this.ws.onerror = (error) => {
      console.error('WebSocket error:', error);
    };

    this.ws.onclose = () => {
      console.log('WebSocket closed');
      // Optionally reconnect
      setTimeout(() => this.connect(), 5000);
    };
  }

  on(event, callback) {
    if (this.listeners[event]) {
      this.listeners[event].push(callback);
    }
  }

  disconnect() {
    if (this.ws) {
      this.ws.close();
    }
  }
}

// Usage
const watcher = new CollectionWatcher('users', 'your-api-key', {
  status: 'active',
  age_gte: '18'
});

watcher.on('connected', (data) => {
  console.log('Connected:', data);
});

watcher.on('create', (data) => {
  console.log('New user:', data.data);
  // Update UI
});

watcher.on('update', (data) => {
  console.log('User updated:', data.data);
  // Update UI
});

watcher.on('delete', (data) => {
  console.log('User deleted:', data.data.id);
  // Update UI
});

watcher.connect();

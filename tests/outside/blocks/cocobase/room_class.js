class RoomChat {
  constructor(roomId, apiKey, userId, userName) {
    this.roomId = roomId;
    this.apiKey = apiKey;
    this.userId = userId;
    this.userName = userName;
    this.ws = null;
    this.listeners = {
      joined: [],
      user_joined: [],
      user_left: [],
      message: []
    };
  }

  create(roomTitle) {
    this._connect('create', roomTitle);
  }

  join() {
    this._connect('join');
  }

  _connect(action, roomTitle = this.roomId) {
    this.ws = new WebSocket(
      `wss://api.cocobase.buzz/realtime/rooms/${this.roomId}`
    );

    this.ws.onopen = () => {
      this.ws.send(JSON.stringify({
        api_key: this.apiKey,
        user_id: this.userId,
        user_name: this.userName,
        action: action,
        room_title: roomTitle
      }));
    };

    this.ws.onmessage = (event) => {
      const data = JSON.parse(event.data);

      // Trigger listeners
      const eventType = data.event || data.type;
      if (this.listeners[eventType]) {
        this.listeners[eventType].forEach(cb => cb(data));
      }
    };

    this.ws.onerror = (error) => {
      console.error('WebSocket error:', error);
    };

    this.ws.onclose = () => {
      console.log('Left room');
    };
  }

  sendMessage(content) {
    if (this.ws && this.ws.readyState === WebSocket.OPEN) {
      this.ws.send(JSON.stringify({
        type: "message",
        content: content
      }));
    }
  }

  on(event, callback) {
    if (this.listeners[event]) {
      this.listeners[event].push(callback);
    }
  }

  leave() {
    if (this.ws) {
      this.ws.close();
    }
  }
}

// Usage - Create a room
const room = new RoomChat('general-chat', 'your-api-key', 'user_123', 'John Doe');

room.on('joined', (data) => {
  console.log('Joined room:', data.room_title);
  console.log('Participants:', data.participants);
});

room.on('user_joined', (data) => {
  console.log(`${data.user_name} joined`);
});

room.on('user_left', (data) => {
  console.log(`${data.user_name} left`);
});

room.on('message', (data) => {
  console.log(`${data.user_name}: ${data.content}`);
});

room.create('General Chat');

// Send messages
setTimeout(() => {
  room.sendMessage('Hello everyone!');
}, 1000);

const ws = new WebSocket('wss://api.cocobase.buzz/realtime/broadcast');

// Step 1: Authenticate with user info
ws.onopen = () => {
  ws.send(JSON.stringify({
    api_key: "your-api-key",
    user_id: "user_123",
    user_name: "John Doe"
  }));
};

// Step 2: Receive confirmation
// Step 3: Send and receive messages
ws.onmessage = (event) => {
  const data = JSON.parse(event.data);

  if (data.event === 'connected') {
    console.log('Connected as:', data.user_id);
  } else if (data.type === 'message') {
    console.log(`${data.user_name}: ${JSON.stringify(data.data)}`);
  }
};

// Send a message
function sendMessage(content) {
  ws.send(JSON.stringify({
    type: "message",
    data: {
      text: content,
      timestamp: new Date().toISOString()
    }
  }));
}

sendMessage('Hello everyone!');

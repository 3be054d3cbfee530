const roomId = 'general-chat';
const ws = new WebSocket(`wss://api.cocobase.buzz/realtime/rooms/${roomId}`);

ws.onopen = () => {
  ws.send(JSON.stringify({
    api_key: "your-api-key",
    user_id: "user_456",
    user_name: "Jane Smith",
    action: "join"
  }));
};

ws.onmessage = (event) => {
  const data = JSON.parse(event.data);

  if (data.event === 'joined') {
    console.log('Joined room:', data.room_title);
  } else if (data.type === 'user_joined') {
    console.log(`${data.user_name} joined the room`);
  } else if (data.type === 'user_left') {
    console.log(`${data.user_name} left the room`);
  } else if (data.type === 'message') {
    console.log(`${data.user_name}: ${data.content}`);
  }
};

// Send a message
function sendMessage(content) {
  ws.send(JSON.stringify({
    type: "message",
    content: content
  }));
}

sendMessage('Hello room!');

const roomId = 'general-chat'; // or use UUID for unique rooms
const ws = new WebSocket(`wss://api.cocobase.buzz/realtime/rooms/${roomId}`);

ws.onopen = () => {
  ws.send(JSON.stringify({
    api_key: "your-api-key",
    user_id: "user_123",
    user_name: "John Doe",
    action: "create",
    room_title: "General Chat"
  }));
};

ws.onmessage = (event) => {
  const data = JSON.parse(event.data);

  if (data.event === 'joined') {
    console.log('Room created:', data.room_title);
    console.log('Participants:', data.participants);
  }
};

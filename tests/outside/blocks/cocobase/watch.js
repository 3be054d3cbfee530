const ws = new WebSocket('wss://api.cocobase.buzz/realtime/collections/users');

// Step 1: Send authentication
ws.onopen = () => {
  ws.send(JSON.stringify({
    api_key: "your-api-key"
  }));
};

// Step 2: Receive connection confirmation
// Step 3: Receive real-time events
ws.onmessage = (event) => {
  const data = JSON.parse(event.data);

  if (data.event === 'connected') {
    console.log('Connected to collection:', data.collection_id);
  } else if (data.event === 'create') {
    console.log('New document:', data.data);
  } else if (data.event === 'update') {
    console.log('Updated document:', data.data);
  } else if (data.event === 'delete') {
    console.log('Deleted document:', data.data);
  }
};

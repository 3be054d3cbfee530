const ws = new WebSocket('wss://api.cocobase.buzz/realtime/collections/users');

ws.onopen = () => {
  ws.send(JSON.stringify({
    api_key: "your-api-key",
    filters: {
      "status": "active",           // Only active users
      "age_gte": "18",              // Age >= 18
      "role_in": "admin,moderator"  // Admins or moderators
    }
  }));
};

ws.onmessage = (event) => {
  const data = JSON.parse(event.data);

  if (data.event === 'connected') {
    console.log('Connected with filters:', data.filters);
  } else {
    // Only events matching your filters will be received
    console.log('Event:', data.event, data.data);
  }
};

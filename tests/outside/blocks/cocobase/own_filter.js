// Only show messages from specific users
ws.onmessage = (event) => {
  const data = JSON.parse(event.data);

  if (data.type === 'message') {
    // Filter by user role
    if (data.data.user_role === 'admin') {
      console.log('Admin message:', data.data.text);
    }
  }
};

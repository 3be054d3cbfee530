ws.onmessage = (event) => {
  const message = JSON.parse(event.data);

  // Handle heartbeat messages
  if (message.type === "heartbeat") {
    console.log("Heartbeat received at", message.timestamp);
    return;
  }

  // Handle data events
  if (message.type === "posts.create") {
    console.log("New post created:", message.data);
    // Update your UI
  }

  if (message.type === "posts.update") {
    console.log("Post updated:", message.data);
    // Update your UI
  }

  if (message.type === "posts.delete") {
    console.log("Post deleted:", message.data);
    // Remove from your UI
  }
};

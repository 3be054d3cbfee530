// Single collection
new EventSource(`/api/v1/realtime/subscribe?token=${token}&collection=posts`);

// Multiple collections
new EventSource(`/api/v1/realtime/subscribe?token=${token}&collection=posts&collection=comments`);

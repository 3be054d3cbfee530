const token = "your_jwt_access_token";
const eventSource = new EventSource(
  `http://localhost:8000/api/v1/realtime/subscribe?token=${token}&collection=posts`
);

eventSource.onopen = () => {
  console.log("Connected to SnackBase SSE");
};

eventSource.onerror = (error) => {
  console.error("SSE error:", error);
};

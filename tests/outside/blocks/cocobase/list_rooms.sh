curl https://api.cocobase.buzz/realtime/rooms \
  -H "X-API-Key: your-api-key"

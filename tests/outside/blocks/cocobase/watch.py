import websocket
import json
import threading

def on_message(ws, message):
    data = json.loads(message)
    print(f"Event: {data.get('event')}")
    print(f"Data: {data.get('data')}")

def on_open(ws):
    auth = {
        "api_key": "your-api-key",
        "filters": {
            "status": "active"
        }
    }
    ws.send(json.dumps(auth))

ws = websocket.WebSocketApp(
    "wss://api.cocobase.buzz/realtime/collections/users",
    on_message=on_message,
    on_open=on_open
)

ws.run_forever()

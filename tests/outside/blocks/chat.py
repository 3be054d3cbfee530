from bosbase import BosBase

pb = BosBase("http://127.0.0.1:8090")

def setup_chat_room(room_id: str):
    """Subscribe to messages in a chat room."""
    def on_message(event):
        # Filter for this room only
        if event["record"].get("roomId") == room_id:
            if event["action"] == "create":
                display_message(event["record"])
            elif event["action"] == "delete":
                remove_message(event["record"]["id"])
    
    unsubscribe = pb.collection("messages").subscribe(
        "*",
        on_message,
        query={"filter": f'roomId = "{room_id}"'}
    )
    
    return unsubscribe

def display_message(record):
    """Display a message in the UI."""
    print(f"New message: {record.get('content')}")

def remove_message(message_id: str):
    """Remove a message from the UI."""
    print(f"Message deleted: {message_id}")

# Usage
unsubscribe_chat = setup_chat_room("ROOM_ID")

# Cleanup
# unsubscribe_chat()

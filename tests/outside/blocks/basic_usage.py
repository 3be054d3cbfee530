def on_post_update(event):
    print(event["action"], event["record"]["title"])

unsubscribe = pb.collection("posts").subscribe("*", on_post_update)

# Later
unsubscribe()

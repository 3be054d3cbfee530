pb.collection("posts").unsubscribe("RECORD_ID")
pb.realtime.unsubscribe()  # remove every topic

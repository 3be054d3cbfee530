def on_job(event):
    print(event)

pb.realtime.subscribe("jobs/finished", on_job)

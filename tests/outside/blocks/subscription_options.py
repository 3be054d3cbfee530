unsubscribe = pb.collection("posts").subscribe(
    "*",
    on_post_update,
    query={
        "filter": pb.filter("status = {:status}", {"status": "published"}),
        "expand": "author",
    },
    headers={"X-App-Instance": "cli"},
)

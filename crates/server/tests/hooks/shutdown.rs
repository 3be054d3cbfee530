//! A stop ends within its bound, whatever user code does.

use crate::server::Server;
use serde_json::json;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tidewire_hooks::{Event, Hands, HookError, Hooks, Limits, Occasion, Registration};

/// Handlers that say when they are called and return when the sender is dropped.
fn hanging(hooks: &Hooks, event: Event) -> (std::sync::mpsc::Receiver<()>, std::sync::mpsc::Sender<()>) {
    let ((called, calls), (release, held)) = (channel(), channel::<()>());
    let (called, held) = (Mutex::new(called), Mutex::new(held));
    let handler = move |_: &mut Occasion, _: &mut dyn Hands| -> Result<(), HookError> {
        called.lock().unwrap().send(()).ok();
        let _ = held.lock().unwrap().recv();
        Ok(())
    };
    hooks.register(Registration::new(event, "hangs", Arc::new(handler)));
    (calls, release)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_though_a_hook_never_returns() {
    for event in [
        Event::Start,
        Event::Stop,
        Event::SignIn,
        Event::RealtimeDisconnect,
        Event::RecordAfterCreate,
        Event::RecordAfterUpdate,
    ] {
        // the handler's own time is no help
        let hooks = Hooks::with_limits(Limits { time: Duration::from_secs(3600), ..Limits::default() });
        let (calls, release) = hanging(&hooks, event);
        let mut server = Server::start_with(|config| {
            config.hooks = hooks.clone();
            config.grace = Duration::from_millis(50);
        })
        .await;
        server.collection("posts", &["title"], json!({})).await;
        server.user("ann").await;
        let made = server.create("posts", json!({ "title": "a" })).await;
        server.update("posts", made["id"].as_str().unwrap(), json!({ "title": "b" })).await;
        drop(server.connect().await);
        let waiting = async {
            if event != Event::Stop {
                tokio::task::spawn_blocking(move || calls.recv().unwrap()).await.unwrap();
            }
        };
        waiting.await;
        server.stop().await;
        drop(release);
    }
}

/// A hook that hung in the stop goes on after the next start.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stop_left_is_told_after_the_next_start() {
    let hooks = Hooks::default();
    let (calls, release) = hanging(&hooks, Event::RecordAfterCreate);
    let mut server = Server::start_with(|config| {
        config.hooks = hooks.clone();
        config.grace = Duration::from_millis(50);
    })
    .await;
    server.collection("posts", &["title"], json!({})).await;
    for _ in 0..3 {
        server.create("posts", json!({ "title": "a" })).await;
    }
    // the first call hangs
    let called = move || {
        calls.recv().unwrap();
        calls
    };
    let calls = tokio::task::spawn_blocking(called).await.unwrap();
    server.stop().await;
    drop(release);
    server.config.hooks = hooks;
    server.restart_stopped().await;
    tokio::task::spawn_blocking(move || calls.recv().unwrap()).await.unwrap();
}

//! Commands while the server runs.

use crate::server::Server;
use serde_json::{Value as Json, json};
use std::os::unix::fs::PermissionsExt as _;
use tidewire_server::command::Command;
use tidewire_server::serve::Running;

#[tokio::test]
async fn commands_reach_a_running_server() {
    let server = Server::start().await;
    let (email, password) = ("second@example.com".to_owned(), "another-password".to_owned());
    let create = Command::SuperuserCreate { email: email.clone(), password: password.clone() };
    let weak = Command::SuperuserUpsert { email: email.clone(), password: "x".to_owned() };
    let delete = Command::SuperuserDelete { email };
    let account = |slug: &str, key: Option<&str>| Command::AccountCreate {
        slug: slug.to_owned(),
        name: "Acme".to_owned(),
        api_key: key.map(str::to_owned),
    };
    let publish = |topic: &str| Command::Publish { topic: topic.to_owned(), data: json!(1), account: None };
    for (command, works) in [
        (create.clone(), true),
        (create, false),
        (weak, false),
        (delete.clone(), true),
        (delete, true),
        (account("acme", None), true),
        (account("acme", None), false),
        (account("Bad Slug", None), false),
        (account("other", Some("short")), false),
        (publish("jobs"), true),
        (publish("a\nb"), false),
        (publish("users/*"), false),
    ] {
        let outcome = server.command(command.clone()).await;
        assert_eq!(outcome.is_ok(), works, "{command:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_new_account_is_printed_as_one_line() {
    let server = Server::start().await;
    let command = Command::AccountCreate { slug: "acme".into(), name: "Acme".into(), api_key: None };
    let line = server.command(command).await.unwrap();
    let account: Json = serde_json::from_str(&line).unwrap();
    assert!(!line.contains('\n') && account["id"].as_str().unwrap().len() == 36, "{line}");
    assert_eq!((&account["slug"], &account["name"]), (&json!("acme"), &json!("Acme")));
    assert!(account["api_key"].as_str().unwrap().len() >= 32 && account["code"].as_str().unwrap().len() == 6);
}

#[tokio::test]
async fn messages_from_the_command_line_reach_subscribers() {
    let server = Server::start().await;
    let mut stream = server.listen("", &["jobs/finished"]).await;
    let data = json!({ "text": "ahoy" });
    server
        .command(Command::Publish { topic: "jobs/finished".into(), data: data.clone(), account: None })
        .await
        .unwrap();
    let event = stream.event().await;
    assert_eq!((event.topic.as_str(), event.data), ("jobs/finished", data));
}

#[tokio::test]
async fn only_the_owner_may_open_the_control_socket() {
    let server = Server::start().await;
    let metadata = std::fs::metadata(server.config.dir.join("control.sock")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_second_server_on_the_folder_is_refused() {
    let server = Server::start().await;
    let Err(error) = Running::start(server.config.clone()).await else { panic!("it started") };
    assert!(format!("{error:#}").contains("in use by another server"), "{error:#}");
    assert_eq!(server.request("GET", "/api/health", "", String::new()).await.status, 200);
}

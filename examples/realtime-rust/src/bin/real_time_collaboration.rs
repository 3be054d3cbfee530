//! Who edits a document: `real_time_collaboration URL DOCUMENT_ID`

use serde::Deserialize;
use tidewire_client::Client;
use tidewire_client::realtime::{Action, Event};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    last_editor: String,
    updated: String,
    #[serde(default)]
    expand: Expand,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expand {
    last_editor: Option<Editor>,
}

#[derive(Deserialize)]
struct Editor {
    name: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let (Some(url), Some(document_id)) = (words.next(), words.next()) else {
        anyhow::bail!("usage: real_time_collaboration URL DOCUMENT_ID");
    };
    track_document_edits(&Client::new(url)?, &document_id).await
}

async fn track_document_edits(client: &Client, document_id: &str) -> anyhow::Result<()> {
    let documents = client.collection("documents");
    let mut edits = documents.subscribe::<Document>(document_id).expand("lastEditor").await?;
    println!("Watching {document_id}.");
    while let Some(event) = edits.next().await {
        if let Event::Record { action: Action::Update, record, .. } = event? {
            let editor = record.expand.last_editor.map_or(record.last_editor, |editor| editor.name);
            show_editor_indicator(&editor, &record.updated);
        }
    }
    Ok(())
}

fn show_editor_indicator(editor: &str, updated_at: &str) {
    println!("Document edited by {editor} at {updated_at}");
}

use super::door::{Door, enter};
use crate::Failure;
use std::time::Duration;
use tidewire_client::rooms::RoomEvent;

/// In which the server passes on what it was told, or says that it does not.
const PATIENCE: Duration = Duration::from_secs(30);

pub async fn run(room: &str, text: &str, door: &Door) -> Result<(), Failure> {
    let mut room = enter(door.to(room)?).await?;
    room.say(text).await?;
    let user = room.user().to_owned();
    let heard = async {
        loop {
            match room.next().await {
                Some(Ok(RoomEvent::Message(message))) if message.from.id == user && message.data == text => {
                    return Ok(());
                }
                Some(Ok(RoomEvent::Gap { .. } | RoomEvent::Resumed { .. })) | None => {
                    return Err(Failure::Failed("the connection was lost: maybe it was said".to_owned()));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    };
    let late = |_| Err(Failure::Failed("the server passed it on to nobody in time".to_owned()));
    let heard = tokio::time::timeout(PATIENCE, heard).await.unwrap_or_else(late);
    room.leave().await;
    heard
}

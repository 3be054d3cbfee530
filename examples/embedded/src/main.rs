#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let server = embedded::guest_book().dir("guest_book_data").build().start().await?;
    println!("The guest book is at http://{}", server.address());
    server.until_signal().await?;
    println!("{} entries", embedded::entries(&server).await);
    server.stop().await;
    Ok(())
}

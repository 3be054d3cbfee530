use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Takes all mails that are sent.
pub struct Mails {
    pub port: u16,
    taken: mpsc::UnboundedReceiver<String>,
}

impl Mails {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (told, taken) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // who breaks off has sent none
                if let Ok(mail) = take(stream).await {
                    told.send(mail).unwrap();
                }
            }
        });
        Self { port, taken }
    }

    /// What follows this path in the next mail that has it.
    pub async fn token(&mut self, path: &str) -> String {
        loop {
            let mail = self.taken.recv().await.unwrap();
            if let Some((_, rest)) = mail.split_once(&format!("{path}/")) {
                let end = |letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter));
                return rest.split(end).next().unwrap().to_owned();
            }
        }
    }

    /// The password in the next mail that has one.
    pub async fn otp(&mut self) -> String {
        loop {
            let mail = self.taken.recv().await.unwrap();
            if let Some((_, rest)) = mail.split_once("one-time password is: ") {
                let digits: String = rest.chars().skip_while(|letter| !letter.is_ascii_digit()).collect();
                return digits.split(|letter: char| !letter.is_ascii_digit()).next().unwrap().to_owned();
            }
        }
    }
}

/// One mail, its soft line breaks and its escaped signs undone.
async fn take(stream: TcpStream) -> std::io::Result<String> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 test\r\n").await?;
    let (mut mail, mut is_data) = (String::new(), false);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let word = line.trim_end();
        if is_data && word != "." {
            mail.push_str(&line);
        } else {
            let answer = match word {
                "DATA" => "354 go on\r\n",
                "QUIT" => "221 bye\r\n",
                _ => "250 fine\r\n",
            };
            is_data = word == "DATA";
            stream.write_all(answer.as_bytes()).await?;
        }
        line.clear();
    }
    Ok(mail.replace("=\r\n", "").replace("=3D", "="))
}

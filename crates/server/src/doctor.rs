//! `tidewire doctor`: what can be seen on the machine of the server; the rest is seen by the client.

use crate::files;
use rustix::fs::{Access, access, statvfs};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tidewire_outbound::{Client, Policy};
use tidewire_scripts::{Options, Scripts};
use tidewire_terminal::doctor::{self, Check, DoctorArgs};
use tidewire_terminal::{Failure, Output};
use tokio::runtime::Handle;

/// Bytes that a data folder should have left: the log of changes alone may take a GiB.
const ROOM: (u64, u64) = (64 << 20, 1 << 30);

/// Makes all checks and reports them.
pub async fn run(dir: &Path, args: DoctorArgs, mut out: Output) -> Result<(), Failure> {
    let (folder, asked) = (dir.to_owned(), args.clone());
    let local = tokio::task::spawn_blocking(move || local(&folder, &asked, Handle::current()));
    let mut checks = local.await.map_err(|error| Failure::Failed(error.to_string()))?;
    if let Some(url) = &args.url {
        checks.extend(doctor::remote(url).await?);
    }
    doctor::report(&checks, args.json, &mut out)
}

fn local(dir: &Path, args: &DoctorArgs, tokio: Handle) -> Vec<Check> {
    let mut checks = vec![Check::ok("version", concat!("tidewire ", env!("CARGO_PKG_VERSION")))];
    checks.push(judge_files(files::raise_limit() as u64, args.connections));
    checks.extend(folder(dir));
    let is_running = dir.join(crate::control::FILE).exists();
    checks.push(port(&args.http, is_running));
    let hooks = args.hooks_dir.clone().unwrap_or_else(|| dir.join("hooks"));
    checks.push(scripts(&hooks, tokio));
    checks
}

fn judge_files(sockets: u64, wanted: u64) -> Check {
    if sockets >= wanted {
        return Check::ok("files", format!("{wanted} sockets fit into the limit of open files"));
    }
    Check::warn(
        "files",
        format!("{sockets} sockets fit into the limit of open files, {wanted} are wanted"),
        "raise the hard limit (ulimit -Hn, LimitNOFILE= of systemd), or lower TIDEWIRE_CONNECTIONS",
    )
}

fn folder(dir: &Path) -> Vec<Check> {
    let shown = dir.display();
    let about = match fs::metadata(dir) {
        Ok(about) if about.is_dir() => about,
        Ok(_) => {
            return vec![Check::fail("folder", format!("{shown} is no folder"), "name another with --dir")];
        }
        Err(error) => {
            let advice = "serve makes it; if there should be one, name it with --dir";
            return vec![Check::warn("folder", format!("{shown}: {error}"), advice)];
        }
    };
    if access(dir, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let advice = "give it to the user that the server runs as";
        return vec![Check::fail("folder", format!("{shown} cannot be written to"), advice)];
    }
    let mut checks = vec![judge_mode(dir, about.permissions().mode())];
    checks.push(match statvfs(dir) {
        Ok(disk) => judge_room(disk.f_bavail.saturating_mul(disk.f_frsize)),
        Err(error) => Check::warn("space", format!("{shown}: {error}"), "see how much space is left"),
    });
    checks.push(database(dir));
    checks
}

fn judge_mode(dir: &Path, mode: u32) -> Check {
    if mode & 0o007 == 0 {
        return Check::ok("folder", format!("{} is there and can be written to", dir.display()));
    }
    Check::warn(
        "folder",
        format!("{} is open to all users of this machine", dir.display()),
        format!("chmod o= {}", dir.display()),
    )
}

fn judge_room(bytes: u64) -> Check {
    let found = format!("{} MiB are free", bytes >> 20);
    let advice = "make room: when the disk is full, writes are refused";
    match bytes {
        bytes if bytes < ROOM.0 => Check::fail("space", found, advice),
        bytes if bytes < ROOM.1 => Check::warn("space", found, advice),
        _ => Check::ok("space", found),
    }
}

fn database(dir: &Path) -> Check {
    if !dir.join("data.db").exists() {
        return Check::warn("database", "there is none yet", "serve makes it");
    }
    let restore = "stop the server and restore a backup";
    match tidewire_store::examine(dir) {
        Err(error) => Check::fail("database", error.to_string(), restore),
        Ok(found) if found.integrity != "ok" => Check::fail("database", found.integrity, restore),
        Ok(found) if found.format > found.known_format => {
            let text = format!("it has format {}, this program knows {}", found.format, found.known_format);
            Check::fail("database", text, "use the newer program that made it")
        }
        Ok(found) => Check::ok("database", format!("SQLite finds no fault; format {}", found.format)),
    }
}

fn port(text: &str, is_running: bool) -> Check {
    let Ok(address) = text.parse::<SocketAddr>() else {
        return Check::fail("port", format!("{text:?} is no address"), "write it as 127.0.0.1:8090");
    };
    match (TcpListener::bind(address), is_running) {
        (Ok(_), _) => Check::ok("port", format!("{address} is free")),
        (Err(_), true) => {
            Check::ok("port", format!("{address} is taken, and a server runs on the data folder"))
        }
        (Err(error), false) => Check::fail(
            "port",
            format!("{address}: {error}"),
            "end what listens there, or choose another with --http",
        ),
    }
}

fn scripts(folder: &Path, tokio: Handle) -> Check {
    // one runtime says as much as many
    let options = Options { runtimes: 1, ..Options::new(folder) };
    match Scripts::examine(&options, Client::new(Policy::default()), tokio) {
        Ok(0) => Check::ok("hooks", format!("there are none in {}", folder.display())),
        Ok(count) => Check::ok("hooks", format!("{count} hooks in {} load", folder.display())),
        Err(error) => {
            Check::fail("hooks", error.to_string(), "mend the file: the server does not start with it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidewire_terminal::doctor::Verdict::{Fail, Ok as Good, Warn};

    #[test]
    fn limits_and_room_are_judged() {
        assert_eq!(judge_files(100, 100).verdict, Good);
        assert_eq!(judge_files(99, 100).verdict, Warn);
        for (bytes, verdict) in [(0, Fail), (ROOM.0, Warn), (ROOM.1, Good)] {
            assert_eq!(judge_room(bytes).verdict, verdict, "{bytes}");
        }
        assert_eq!(judge_mode(Path::new("d"), 0o40700).verdict, Good);
        assert_eq!(judge_mode(Path::new("d"), 0o40755).verdict, Warn);
    }

    #[test]
    fn a_port_is_free_or_of_our_server() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        assert_eq!(port(&address, false).verdict, Fail);
        assert_eq!(port(&address, true).verdict, Good);
        assert_eq!(port("nowhere", false).verdict, Fail);
    }

    #[test]
    fn a_database_that_is_none_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(database(dir.path()).verdict, Warn);
        fs::write(dir.path().join("data.db"), "this is no database, but it is long enough to be read as one")
            .unwrap();
        assert_eq!(database(dir.path()).verdict, Fail);
        assert_eq!(folder(&dir.path().join("missing"))[0].verdict, Warn);
        assert_eq!(folder(&dir.path().join("data.db"))[0].verdict, Fail);
    }
}

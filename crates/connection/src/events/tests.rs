//! The bound of events that nobody waits for.

use super::*;
use parking_lot::Mutex;
use std::io;
use std::sync::mpsc::channel;
use tidewire_hooks::Limits;
use tidewire_store::Options;
use tracing_subscriber::fmt::MakeWriter;

/// Gathers what is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn events(waiting: usize) -> (Events, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let hooks = Hooks::with_limits(Limits { waiting, ..Limits::default() });
    let store =
        Store::open(folder.path(), Options { hooks, ..Options::default() }, Box::new(|_| {})).unwrap();
    (Events::new(store, Passwords::new(1, 1)), folder)
}

#[tokio::test]
async fn what_is_beyond_the_bound_is_lost_logged_and_counted() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let (events, _folder) = events(3);
    let (told, heard) = channel();
    let tell = |number: u32| {
        let told = told.clone();
        events.later(async move { told.send(number).unwrap() });
    };
    // on one thread: none of them is told before this waits
    (0..8).for_each(tell);
    assert_eq!((events.waiting(), events.lost()), (3, 5));
    events.settled().await;
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
    let text = String::from_utf8(log.0.lock().clone()).unwrap();
    let lines: Vec<_> = text.lines().filter_map(|line| line.split_once("too many wait")).collect();
    assert_eq!(
        lines.iter().map(|line| line.1).collect::<Vec<_>>(),
        [" lost=1", " lost=2", " lost=4"],
        "{text}"
    );
    // there is room again
    tell(8);
    events.settled().await;
    assert_eq!((heard.try_iter().collect::<Vec<_>>(), events.waiting(), events.lost()), (vec![8], 0, 5));
}

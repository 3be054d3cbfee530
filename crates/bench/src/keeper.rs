//! Knows the processes that run, so that a row which takes too long can be ended from outside.

use std::process::Child;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What a row gets to end by itself after its processes were killed.
const GRACE: Duration = Duration::from_secs(15);
/// What a process gets to end when it is asked to.
const FAREWELL: Duration = Duration::from_secs(15);

/// A process that ends when dropped.
pub struct Kept(Arc<Process>);

struct Process {
    child: Mutex<Child>,
    pid: u32,
}

impl Kept {
    pub fn pid(&self) -> u32 {
        self.0.pid
    }

    pub fn has_ended(&self) -> Result<bool> {
        let mut child = self.0.child.lock().map_err(|_| anyhow!("the process is not known any more"))?;
        Ok(child.try_wait()?.is_some())
    }

    /// Asks it to end, and waits until it has.
    pub fn end(&self) -> Result<()> {
        kill(Pid::from_raw(i32::try_from(self.pid())?), Signal::SIGTERM)?;
        let begun = Instant::now();
        while !self.has_ended()? {
            if begun.elapsed() > FAREWELL {
                bail!("the server did not end within {FAREWELL:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Process {
    fn kill(&self) {
        if let Ok(mut child) = self.child.lock() {
            // It may have ended already, which is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[derive(Clone, Default)]
pub struct Keeper(Arc<Mutex<Vec<Weak<Process>>>>);

impl Keeper {
    pub fn keep(&self, child: Child) -> Kept {
        let process = Arc::new(Process { pid: child.id(), child: Mutex::new(child) });
        if let Ok(mut all) = self.0.lock() {
            all.retain(|process| process.strong_count() > 0);
            all.push(Arc::downgrade(&process));
        }
        Kept(process)
    }

    fn end_all(&self) {
        let all = self.0.lock().map(|mut all| std::mem::take(&mut *all)).unwrap_or_default();
        all.iter().filter_map(Weak::upgrade).for_each(|process| process.kill());
    }

    /// Runs work on a thread of its own; if it takes too long, all processes are killed, and if it then still
    /// does not end, it is left alone.
    pub fn within<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || tell.send(work()));
        match told.recv_timeout(limit) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Disconnected) => bail!("the row panicked"),
            Err(RecvTimeoutError::Timeout) => {
                self.end_all();
                match told.recv_timeout(GRACE) {
                    Ok(Err(error)) => bail!("not done after {limit:?}: {error:#}"),
                    _ => bail!("not done after {limit:?}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_row_that_hangs_on_a_process_ends_with_it() {
        let keeper = Keeper::default();
        let kept = keeper.keep(Command::new("sleep").arg("600").spawn().unwrap());
        let outcome: Result<()> = keeper.within(Duration::from_millis(10), move || {
            while !kept.has_ended()? {
                std::thread::sleep(Duration::from_millis(1));
            }
            bail!("the process is gone")
        });
        let told = outcome.unwrap_err().to_string();
        assert!(told.contains("not done") && told.contains("the process is gone"), "{told}");
    }

    #[test]
    fn a_row_that_panics_is_a_failed_row() {
        let outcome: Result<()> = Keeper::default().within(GRACE, || panic!("on purpose"));
        assert!(outcome.is_err());
    }
}

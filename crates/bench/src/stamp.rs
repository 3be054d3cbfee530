//! Reads a socket together with the moment at which the kernel received its bytes.

use std::io::{Error, ErrorKind, IoSliceMut, Result};
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;

/// Asks the kernel for stamps on a socket.
pub fn ask(socket: &impl AsFd) -> Result<()> {
    Ok(setsockopt(socket, sockopt::ReceiveTimestampns, &true)?)
}

pub struct Receiver {
    control: Vec<u8>,
}

impl Receiver {
    pub fn new() -> Self {
        Receiver { control: nix::cmsg_space!(TimeSpec) }
    }

    /// Waits as the socket does. Returns how many bytes were there and when, in nanoseconds since 1970, the last of them came.
    pub fn read(&mut self, socket: &impl AsRawFd, buffer: &mut [u8]) -> Result<(usize, Option<u64>)> {
        let mut parts = [IoSliceMut::new(buffer)];
        let received =
            recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut self.control), MsgFlags::empty())
                .map_err(|error| match error {
                    Errno::EAGAIN => Error::from(ErrorKind::WouldBlock),
                    other => Error::from(other),
                })?;
        let stamp = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(time) => {
                Some(time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
            }
            _ => None,
        });
        Ok((received.bytes, stamp))
    }
}

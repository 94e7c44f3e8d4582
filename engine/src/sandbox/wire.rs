//! Wire: what the engine and a launcher say to each other.
//!
//! ```text
//! engine                              launcher (its standard input is the socket)
//!   │──Order + 4 descriptors────────────▶│   folder, stdin, stdout, stderr
//!   │◀───────────Report::Started / Failed│   with the port that is answered for it
//!   │──Request::Terminate───────────────▶│
//!   │──end of stream────────────────────▶│   kill everything; also when the engine dies
//!   │◀──────────────────────Report::Ended│
//! ```
//!
//! A frame is its length, four bytes with the lowest first, and JSON.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::launch::{End, LaunchError, Network};
use super::tool::Identity;
use super::view::View;
use super::wall::Walls;
use crate::model::limits;

/// What to run. The descriptors travel beside it.
#[derive(Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
    /// The values may be secrets.
    pub(super) environment: Vec<(OsString, Vec<u8>)>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) processes: u64,
    pub(super) reserve_bytes: u64,
    pub(super) identity: Option<Identity>,
    pub(super) walls: Walls,
    pub(super) view: View,
    /// Secrets.
    pub(super) secrets: Vec<(String, Vec<u8>)>,
    pub(super) network: Network,
    pub(super) errand: Errand,
}

/// What the tool's process is for.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Errand {
    /// The tool.
    Run,
    /// Finding out whether the walls can be built here, and hold: there is no tool.
    Prove,
}

impl Drop for Order {
    fn drop(&mut self) {
        for (_, value) in &mut self.environment {
            value.zeroize();
        }
        for (_, value) in &mut self.secrets {
            value.zeroize();
        }
    }
}

/// What the engine may ask while the tool runs.
#[derive(Serialize, Deserialize)]
pub(super) enum Request {
    /// To the first process of a namespace: all is ready for it.
    Begin,
    /// Ask it to stop, and kill it after the grace.
    Terminate { grace_ms: u64 },
}

/// What a launcher says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// The tool runs.
    Started,
    /// The tool does not run; the number of the system's error.
    ProgramFailed(i32),
    /// The launcher could not do something; the number of the system's error.
    LauncherFailed { step: String, errno: i32 },
    /// The tool ended, and nothing is left of it.
    Ended(End),
}

impl Report {
    /// Why the tool does not run.
    pub(super) fn of(error: &LaunchError) -> Self {
        let number = |error: &io::Error| error.raw_os_error().unwrap_or(libc::EINVAL);
        match error {
            LaunchError::Program(error) => Self::ProgramFailed(number(error)),
            LaunchError::Launcher { step, error } => Self::LauncherFailed {
                // What is more than a number would be lost on the way.
                step: match error.raw_os_error() {
                    Some(_) => step.clone(),
                    None => format!("{step} ({error})"),
                },
                errno: number(error),
            },
            LaunchError::Lost(reason) => Self::LauncherFailed {
                step: reason.clone(),
                errno: libc::EIO,
            },
        }
    }

    /// Whether the tool runs, as the first word about it says; what came with it.
    pub(super) fn started(
        word: Option<(Self, Vec<OwnedFd>)>,
    ) -> Result<Option<OwnedFd>, LaunchError> {
        let (word, descriptors) = word.unzip();
        match word {
            Some(Self::Started) => Ok(descriptors.and_then(|it| it.into_iter().next())),
            Some(Self::ProgramFailed(errno)) => {
                Err(LaunchError::Program(io::Error::from_raw_os_error(errno)))
            }
            Some(Self::LauncherFailed { step, errno }) => Err(LaunchError::Launcher {
                step,
                error: io::Error::from_raw_os_error(errno),
            }),
            Some(Self::Ended(_)) | None => {
                Err(LaunchError::Lost("before it said anything".to_owned()))
            }
        }
    }
}

/// Descriptors that go with an order: folder, stdin, stdout, stderr.
pub(super) const DESCRIPTORS: usize = 4;

/// Sends a frame, in one piece: a launcher may be stopped at any time by its
/// tool, and half a frame would make the engine wait for the other half.
pub(super) fn send<T: Serialize>(mut socket: &UnixStream, message: &T) -> io::Result<()> {
    let (length, bytes) = frame(message)?;
    let mut whole = Zeroizing::new(Vec::with_capacity(length.len() + bytes.len()));
    whole.extend_from_slice(&length);
    whole.extend_from_slice(&bytes);
    socket.write_all(&whole)
}

/// Sends a frame with descriptors, at most [`DESCRIPTORS`].
pub(super) fn send_with<T: Serialize>(
    mut socket: &UnixStream,
    message: &T,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let (length, bytes) = frame(message)?;
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let slices = [io::IoSlice::new(&length)];
    let sent = sendmsg(socket.as_fd(), &slices, &mut ancillary, SendFlags::NOSIGNAL)?;
    // Four bytes into the empty buffer of a fresh socket are never torn.
    if sent != length.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    socket.write_all(&bytes)
}

/// Receives a frame; none at the end of the stream.
pub(super) fn receive<T: DeserializeOwned>(mut socket: &UnixStream) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match socket.read_exact(&mut length) {
        Ok(()) => body(socket, length).map(Some),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Receives a frame with its descriptors; none at the end of the stream.
pub(super) fn receive_with<T: DeserializeOwned>(
    socket: &UnixStream,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut length = [0; 4];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        socket.as_fd(),
        &mut [io::IoSliceMut::new(&mut length)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let descriptors: Vec<OwnedFd> = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    if received.bytes != length.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some((body(socket, length)?, descriptors)))
}

/// Receives an order, with the folder and the streams.
pub(super) fn receive_order(socket: &UnixStream) -> io::Result<(Order, [OwnedFd; DESCRIPTORS])> {
    let (order, descriptors) = receive_with(socket)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let descriptors = descriptors
        .try_into()
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok((order, descriptors))
}

/// Length and bytes. The bytes may hold secrets.
fn frame<T: Serialize>(message: &T) -> io::Result<([u8; 4], Zeroizing<Vec<u8>>)> {
    let bytes = Zeroizing::new(serde_json::to_vec(message)?);
    let length = u32::try_from(bytes.len())
        .ok()
        .filter(|_| bytes.len() <= limits::FRAME_BYTES)
        .ok_or(io::ErrorKind::ArgumentListTooLong)?;
    Ok((length.to_le_bytes(), bytes))
}

fn body<T: DeserializeOwned>(mut socket: &UnixStream, length: [u8; 4]) -> io::Result<T> {
    let length = u32::from_le_bytes(length) as usize;
    if length > limits::FRAME_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Zeroizing::new(vec![0; length]);
    socket.read_exact(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

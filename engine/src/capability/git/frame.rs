//! Frame: one message on the pipe between the engine and its git child.
//!
//! A JSON document after its length in four bytes, big endian.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::model::limits;

/// A message as it goes over the pipe: its length, then its JSON. The buffer may
/// hold a secret and is wiped when it is dropped.
///
/// # Errors
///
/// The message is longer than [`limits::FRAME_BYTES`].
pub(super) fn encode<T: Serialize>(message: &T) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room from the start: a buffer that grows leaves copies behind.
    let mut frame = Zeroizing::new(Vec::with_capacity(16 * 1024));
    frame.extend_from_slice(&[0; 4]);
    serde_json::to_writer(&mut *frame, message)?;
    let length = frame.len() - 4;
    if length > limits::FRAME_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a message of {length} bytes is too long"),
        ));
    }
    let length = u32::try_from(length).expect("FRAME_BYTES fits into four bytes");
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// The length of the message behind four bytes.
///
/// # Errors
///
/// It is longer than [`limits::FRAME_BYTES`].
pub(super) fn length(header: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_be_bytes(header) as usize;
    if length > limits::FRAME_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a message of {length} bytes is too long"),
        ));
    }
    Ok(length)
}

/// Reads one message; none at the end of the input.
pub(super) fn read<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<Option<T>> {
    let mut header = [0; 4];
    match input.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut body = Zeroizing::new(vec![0; length(header)?]);
    input.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Writes one message.
pub(super) fn write<T: Serialize>(output: &mut impl Write, message: &T) -> io::Result<()> {
    output.write_all(&encode(message)?)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::{encode, io, read};
    use crate::capability::git::protocol::{Answer, Reply};

    #[test]
    fn a_message_comes_back_as_it_was() {
        let message = Reply::Answer(Box::new(Answer::MaybeText(Some("v1".to_owned()))));
        let frame = encode(&message).unwrap();
        let back: Reply = read(&mut frame.as_slice()).unwrap().unwrap();
        assert_eq!(format!("{message:?}"), format!("{back:?}"));
        assert!(read::<Reply>(&mut [].as_slice()).unwrap().is_none());
    }

    #[test]
    fn a_message_that_claims_to_be_huge_is_refused_before_it_is_read() {
        let error = read::<Reply>(&mut [0xff; 4].as_slice()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_message_that_is_cut_off_is_an_error() {
        let frame = encode(&Reply::Answer(Box::new(Answer::Opened))).unwrap();
        assert!(read::<Reply>(&mut &frame[..frame.len() - 1]).is_err());
    }
}

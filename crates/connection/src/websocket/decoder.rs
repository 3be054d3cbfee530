//! Client's bytes to messages, however they are cut.

use super::{Close, Message};

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// What a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Message(Message),
    Ping(Vec<u8>),
    Pong,
    /// without a status if it named none
    Close(Option<Close>),
}

/// Holds what is unfinished, and nothing between messages.
#[derive(Debug)]
pub(super) struct Decoder {
    /// bytes of one message
    limit: usize,
    header: [u8; 14],
    header_length: usize,
    frame: Option<Frame>,
    /// of a control frame
    control: Vec<u8>,
    message: Vec<u8>,
    /// a message has begun
    kind: Option<Kind>,
}

/// A frame whose payload is being read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    end: bool,
    left: usize,
    mask: [u8; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opcode {
    More,
    Data(Kind),
    Close,
    Ping,
    Pong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
}

impl Decoder {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            header: [0; 14],
            header_length: 0,
            frame: None,
            control: Vec::new(),
            message: Vec::new(),
            kind: None,
        }
    }

    /// Takes bytes from `input` up to the end of the next item; `None`: it needs more.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Item>, Close> {
        loop {
            let mut frame = match self.frame {
                Some(frame) => frame,
                None => match self.read_header(input)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            self.read_payload(&mut frame, input);
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            self.frame = None;
            if let Some(item) = self.finish(frame)? {
                return Ok(Some(item));
            }
        }
    }

    fn read_header(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Close> {
        loop {
            let needed = header_length(&self.header[..self.header_length]);
            if self.header_length == needed {
                break;
            }
            let count = input.len().min(needed - self.header_length);
            if count == 0 {
                return Ok(None);
            }
            let end = self.header_length + count;
            self.header[self.header_length..end].copy_from_slice(&input[..count]);
            (self.header_length, *input) = (end, &input[count..]);
            self.check_head()?;
        }
        let length = self.header_length;
        self.header_length = 0;
        self.open(length).map(Some)
    }

    /// Refuses as soon as the first bytes tell.
    fn check_head(&self) -> Result<(), Close> {
        let first = self.header[0];
        if first & RESERVED != 0 {
            return Err(fault("reserved bits must be 0"));
        }
        let opcode = Opcode::of(first & 0xf).ok_or_else(|| fault("invalid opcode"))?;
        if opcode.is_control() && first & FIN == 0 {
            return Err(fault("fragmented control frame"));
        }
        if self.header_length < 2 {
            return Ok(());
        }
        if self.header[1] & MASKED == 0 {
            return Err(fault("incorrect masking"));
        }
        if opcode.is_control() && self.header[1] & !MASKED > 125 {
            return Err(fault("control frame too long"));
        }
        match (opcode, self.kind) {
            (Opcode::More, None) => Err(fault("unexpected continuation frame")),
            (Opcode::Data(_), Some(_)) => Err(fault("expected a continuation frame")),
            _ => Ok(()),
        }
    }

    /// The header of `length` bytes is complete.
    fn open(&mut self, length: usize) -> Result<Frame, Close> {
        let (stated, mask) = self.header[1..length].split_at(length - 5);
        let left = match stated {
            [length] => u64::from(length & !MASKED),
            [_, bytes @ ..] => bytes.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
            [] => 0,
        };
        let opcode = Opcode::of(self.header[0] & 0xf).ok_or_else(|| fault("invalid opcode"))?;
        let held = if opcode.is_control() { 0 } else { self.message.len() };
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if !opcode.is_control() && left > self.limit.saturating_sub(held) {
            return Err(Close::new(Close::TOO_BIG, format!("frame exceeds limit of {} bytes", self.limit)));
        }
        let mut key = [0; 4];
        key.copy_from_slice(mask);
        if let Opcode::Data(kind) = opcode {
            self.kind = Some(kind);
        }
        Ok(Frame { opcode, end: self.header[0] & FIN != 0, left, mask: key })
    }

    fn read_payload(&mut self, frame: &mut Frame, input: &mut &[u8]) {
        let count = input.len().min(frame.left);
        let target = if frame.opcode.is_control() { &mut self.control } else { &mut self.message };
        let mask = frame.mask;
        target.extend(input[..count].iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        frame.mask.rotate_left(count % 4);
        frame.left -= count;
        *input = &input[count..];
    }

    fn finish(&mut self, frame: Frame) -> Result<Option<Item>, Close> {
        match frame.opcode {
            Opcode::Close => close(&std::mem::take(&mut self.control)).map(|close| Some(Item::Close(close))),
            Opcode::Ping => Ok(Some(Item::Ping(std::mem::take(&mut self.control)))),
            Opcode::Pong => {
                self.control = Vec::new();
                Ok(Some(Item::Pong))
            }
            Opcode::More | Opcode::Data(_) if !frame.end => Ok(None),
            Opcode::More | Opcode::Data(_) => {
                let payload = std::mem::take(&mut self.message);
                let message = match self.kind.take() {
                    Some(Kind::Binary) => Message::Binary(payload),
                    _ => Message::Text(String::from_utf8(payload).map_err(|_| no_text())?),
                };
                Ok(Some(Item::Message(message)))
            }
        }
    }
}

impl Opcode {
    fn of(number: u8) -> Option<Self> {
        match number {
            0x0 => Some(Self::More),
            0x1 => Some(Self::Data(Kind::Text)),
            0x2 => Some(Self::Data(Kind::Binary)),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xa => Some(Self::Pong),
            _ => None,
        }
    }

    fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// As far as the bytes at hand tell.
fn header_length(head: &[u8]) -> usize {
    match head.get(1).map(|byte| byte & !MASKED) {
        None => 2,
        Some(126) => 8,
        Some(127) => 14,
        Some(_) => 6,
    }
}

fn close(payload: &[u8]) -> Result<Option<Close>, Close> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        [_] => return Err(fault("close frame too short")),
    };
    if !Close::is_sendable(code) {
        return Err(fault("invalid close code"));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| no_text())?;
    Ok(Some(Close::new(code, reason.to_owned())))
}

fn fault(reason: &'static str) -> Close {
    Close::new(Close::PROTOCOL_ERROR, reason)
}

fn no_text() -> Close {
    Close::new(Close::INVALID_TEXT, "invalid UTF-8")
}

#[cfg(test)]
mod tests;

//! Newline-delimited JSON: one message a line.

use bytes::{Buf, Bytes, BytesMut};
use salient_core::Reason;

use super::{
    inlet::{Inlet, broken},
    problem::Problem,
};

/// The lines of a body, read as they come.
#[derive(Debug)]
pub struct Lines {
    inlet: Inlet,
    buffer: BytesMut,
    /// How much of `buffer` is known to hold no line end.
    searched: usize,
    line: u64,
    limit: usize,
}

impl Lines {
    /// The lines of a body, each at most `limit` bytes long.
    pub fn new(inlet: Inlet, limit: usize) -> Self {
        Self { inlet, buffer: BytesMut::new(), searched: 0, line: 0, limit }
    }

    /// The number of the line that was read last, from 1.
    pub fn number(&self) -> u64 {
        self.line
    }

    /// The next line that is not blank; `None` at the end.
    ///
    /// # Errors
    /// The line is too long, or the body breaks off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let Some(line) = self.any().await.map_err(|mut problem| {
                problem.line = Some(self.line + 1);
                problem
            })?
            else {
                return Ok(None);
            };
            self.line += 1;
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(line));
            }
        }
    }

    async fn any(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let found = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
            if let Some(found) = found {
                let end = self.searched + found;
                let line = self.buffer.split_to(end).freeze();
                self.buffer.advance(1);
                self.searched = 0;
                return self.checked(line).map(Some);
            }
            self.searched = self.buffer.len();
            if self.searched > self.limit {
                return Err(self.too_long());
            }
            match self.inlet.next().await {
                Some(Ok(piece)) => self.buffer.extend_from_slice(&piece),
                Some(Err(error)) => {
                    return Err(broken(&error, &format!("the body breaks off in line {}", self.line + 1)));
                }
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    self.searched = 0;
                    let last = self.buffer.split().freeze();
                    return self.checked(last).map(Some);
                }
            }
        }
    }

    fn checked(&self, line: Bytes) -> Result<Bytes, Problem> {
        if line.len() > self.limit { Err(self.too_long()) } else { Ok(line) }
    }

    fn too_long(&self) -> Problem {
        let (line, limit) = (self.line + 1, self.limit);
        Problem::refuse(Reason::BodyTooLarge, format!("line {line} is longer than {limit} bytes; split it"))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures::stream;
    use http::HeaderMap;

    use super::*;

    fn lines(pieces: &[&'static str]) -> Lines {
        let pieces: Vec<std::io::Result<&'static str>> = pieces.iter().map(|piece| Ok(*piece)).collect();
        Lines::new(Inlet::new(&HeaderMap::new(), Body::from_stream(stream::iter(pieces))), 8)
    }

    async fn read(mut lines: Lines) -> Vec<(u64, Bytes)> {
        let mut out = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            out.push((lines.number(), line));
        }
        out
    }

    #[tokio::test]
    async fn lines_are_cut_wherever_the_pieces_end() {
        let wanted = [(1, "{1}".into()), (3, "{3}\r".into()), (4, "{4}".into())];
        assert_eq!(read(lines(&["{1}\n\n{3}\r\n{4}"])).await, wanted);
        assert_eq!(read(lines(&["{", "1}\n", "\n{3}", "\r\n{4", "}", "\n"])).await, wanted);
        assert_eq!(read(lines(&[])).await, []);
    }

    #[tokio::test]
    async fn a_long_line_is_refused_with_its_number() {
        for pieces in [&["{1}\n123456789\n"][..], &["{1}\n1234", "56789"]] {
            let mut lines = lines(pieces);
            lines.next().await.unwrap();
            let problem = lines.next().await.unwrap_err();
            assert_eq!((problem.line, problem.status.as_u16()), (Some(2), 413));
        }
    }
}

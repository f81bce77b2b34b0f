//! Answers that come line by line for as long as something goes on: logs, and watches.

use super::server::Request;
use super::{Error, Server};
use http_body_util::BodyExt;
use kube::client::Body;
use std::time::Duration;

/// A line of an answer that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its text, without its end.
    pub text: String,
    /// Whether it was longer: the rest is left out.
    pub is_cut: bool,
}

/// The lines of an answer, each as it comes.
pub struct Lines {
    server: Server,
    what: String,
    body: Body,
    splitter: Splitter,
}

impl Lines {
    /// Waits for the next line for so long; none where the answer is at its end.
    ///
    /// # Errors
    /// [`Error::Silent`] where nothing came in time, and what else goes wrong with a connection.
    pub async fn next(&mut self, patience: Duration) -> Result<Option<Line>, Error> {
        loop {
            if let Some(line) = self.splitter.line() {
                return Ok(Some(line));
            }
            let Ok(frame) = tokio::time::timeout(patience, self.body.frame()).await else {
                return Err(Error::Silent { what: self.what.clone(), server: self.server.name(), seconds: patience.as_secs() });
            };
            match frame {
                None => return Ok(self.splitter.rest()),
                Some(Ok(frame)) => frame.data_ref().into_iter().for_each(|data| self.splitter.add(data)),
                Some(Err(error)) => return Err(self.server.unreachable(&self.what, error)),
            }
        }
    }
}

/// Cuts bytes into lines of a bounded length.
struct Splitter {
    most: usize,
    ready: std::collections::VecDeque<Line>,
    begun: Vec<u8>,
    is_cut: bool,
}

impl Splitter {
    fn new(most: usize) -> Self {
        Splitter { most, ready: std::collections::VecDeque::new(), begun: Vec::new(), is_cut: false }
    }

    fn line(&mut self) -> Option<Line> {
        self.ready.pop_front()
    }

    fn add(&mut self, bytes: &[u8]) {
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let room = self.most - self.begun.len();
            self.begun.extend_from_slice(&part[..part.len().min(room)]);
            self.is_cut |= part.len() > room;
            if parts.peek().is_some() {
                let line = self.end();
                self.ready.push_back(line);
            }
        }
    }

    fn end(&mut self) -> Line {
        let mut bytes = std::mem::take(&mut self.begun);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Line { text: String::from_utf8_lossy(&bytes).into_owned(), is_cut: std::mem::take(&mut self.is_cut) }
    }

    /// What stands behind the last end of a line.
    fn rest(&mut self) -> Option<Line> {
        (!self.begun.is_empty()).then(|| self.end())
    }
}

impl Server {
    /// Makes one request whose answer goes on. Its lines have so many bytes at most.
    pub(super) async fn lines(&self, request: Request, most: usize) -> Result<Lines, Error> {
        let (what, body) = self.begun(request).await?;
        Ok(Lines { server: self.clone(), what, body, splitter: Splitter::new(most) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(most: usize, parts: &[&[u8]]) -> Vec<(String, bool)> {
        let mut splitter = Splitter::new(most);
        parts.iter().for_each(|part| splitter.add(part));
        let mut lines: Vec<_> = std::iter::from_fn(|| splitter.line()).collect();
        lines.extend(splitter.rest());
        lines.into_iter().map(|line| (line.text, line.is_cut)).collect()
    }

    #[test]
    fn lines_come_out_however_they_come_in() {
        let whole = |texts: &[&str]| texts.iter().map(|text| ((*text).to_owned(), false)).collect::<Vec<_>>();
        for (parts, lines) in [
            (&[&b"a\nb\n"[..]][..], &["a", "b"][..]),
            (&[b"a", b"b\n", b"c"], &["ab", "c"]),
            (&[b"a\r\n", b"\n"], &["a", ""]),
            (&[b""], &[]),
            (&[b"\xc3", b"\xa9\n"], &["\u{e9}"]),
        ] {
            assert_eq!(split(9, parts), whole(lines), "{parts:?}");
        }
    }

    #[test]
    fn a_line_is_cut_where_it_is_too_long() {
        assert_eq!(split(3, &[b"abcd", b"ef\nabc\n", b"abcd"]), [("abc".into(), true), ("abc".into(), false), ("abc".into(), true)]);
    }
}

//! Lines of a log that come again when it is asked for anew.

/// What of a log has come in, by the times before its lines.
#[derive(Default)]
pub(super) struct Seen {
    last: Option<String>,
    /// How many lines of that time.
    number: usize,
    /// How many lines of that time have come again over a new connection.
    again: usize,
}

impl Seen {
    /// The text of a line, unless it has come before.
    pub(super) fn unseen<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        let (time, text) = line.split_once(' ').unwrap_or((line, ""));
        match self.last.as_deref() {
            Some(last) if time < last => return None,
            Some(last) if time == last => {
                self.again += 1;
                if self.again <= self.number {
                    return None;
                }
                self.number += 1;
            }
            _ => (self.last, self.number, self.again) = (Some(time.to_owned()), 1, 1),
        }
        Some(text)
    }

    /// From now on lines come over a new connection.
    pub(super) fn begin(&mut self) -> Option<&str> {
        self.again = 0;
        self.last.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_comes_again_is_passed_on_once() {
        let mut seen = Seen::default();
        let first: Vec<_> = ["1 a", "2 b", "2 c"].into_iter().filter_map(|line| seen.unseen(line)).collect();
        assert_eq!((first, seen.begin()), (vec!["a", "b", "c"], Some("2")));
        // The API server begins with whole seconds.
        let again: Vec<_> = ["1 a", "2 b", "2 c", "2 d", "3 ", "3"].into_iter().filter_map(|line| seen.unseen(line)).collect();
        assert_eq!(again, ["d", "", ""]);
    }
}

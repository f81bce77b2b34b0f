//! The digest of an image, as buildctl reports it.

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The image's name, where it was pushed.
    pub image: Option<String>,
    /// Its digest.
    pub digest: String,
}

/// The digest in the termination message of a generated step.
pub fn reported_digest(message: &str) -> Option<String> {
    digest(message.trim()).map(str::to_owned)
}

/// Looks for digests in what buildctl prints with `--progress=plain`.
#[derive(Clone, Debug, Default)]
pub struct Digests {
    pushed: Option<Pushed>,
    /// Of all platforms together.
    list: Option<String>,
    manifest: Option<String>,
}

impl Digests {
    /// One more line. A step of a Dockerfile prints what it wants, but never right behind the number of a step.
    pub fn line(&mut self, line: &str) {
        let Some((number, text)) = line.trim_end().strip_prefix('#').and_then(|line| line.split_once(' ')) else { return };
        if number.is_empty() || !number.bytes().all(|c| c.is_ascii_digit()) {
            return;
        }
        if let Some(name) = text.strip_prefix("pushing manifest for ") {
            let (name, _) = name.split_once(' ').unwrap_or((name, ""));
            if let Some((image, digest)) = name.rsplit_once('@').and_then(|(image, text)| Some((image, digest(text)?))) {
                self.pushed = Some(Pushed { image: Some(image.to_owned()), digest: digest.to_owned() });
            }
        }
        let found = |start: &str| text.strip_prefix(start).and_then(digest).map(str::to_owned);
        self.list = found("exporting manifest list ").or_else(|| self.list.take());
        self.manifest = found("exporting manifest ").or_else(|| self.manifest.take());
    }

    /// What was pushed, or else made: the last of it.
    pub fn found(&self) -> Option<Pushed> {
        let made = || self.list.clone().or_else(|| self.manifest.clone()).map(|digest| Pushed { image: None, digest });
        self.pushed.clone().or_else(made)
    }
}

/// The digest that a text begins with, if nothing but a space follows.
fn digest(text: &str) -> Option<&str> {
    let (word, _) = text.split_once(' ').unwrap_or((text, ""));
    let hex = word.strip_prefix("sha256:")?;
    (hex.len() == 64 && hex.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(number: u8) -> String {
        format!("sha256:{}", format!("{number:02x}").repeat(32))
    }

    fn found(lines: &[String]) -> Option<Pushed> {
        let mut digests = Digests::default();
        lines.iter().for_each(|line| digests.line(line));
        digests.found()
    }

    #[test]
    fn what_was_pushed_counts_more_than_what_was_made() {
        let lines = [
            "#8 exporting to image".to_owned(),
            format!("#8 exporting manifest {} 0.0s done", of(1)),
            format!("#8 exporting config {} 0.0s done", of(2)),
            format!("#8 exporting attestation manifest {} done", of(3)),
            format!("#8 exporting manifest list {} 0.1s done", of(4)),
            format!("#8 pushing manifest for r.example:5000/a:1@{}", of(5)),
            format!("#8 pushing manifest for r.example:5000/a:1@{} 0.4s done\r", of(5)),
            "#8 DONE 1.2s".to_owned(),
        ];
        let made = |number| Some(Pushed { image: None, digest: of(number) });
        assert_eq!(found(&lines[..2]), made(1));
        assert_eq!(found(&lines[..5]), made(4));
        assert_eq!(found(&lines), Some(Pushed { image: Some("r.example:5000/a:1".into()), digest: of(5) }));
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn a_step_of_a_dockerfile_forges_nothing() {
        for line in [
            format!("#5 0.123 pushing manifest for evil@{}", of(1)),
            format!("pushing manifest for evil@{}", of(1)),
            format!("#5 pushing manifest for evil@{}0", of(1)),
            format!("#5x pushing manifest for evil@{}", of(1)),
            format!("#5 pushing manifest for evil@{}", of(1).to_uppercase()),
            format!("# pushing manifest for evil@{}", of(1)),
            format!("#5 0.1 exporting manifest {}", of(1)),
        ] {
            assert_eq!(found(std::slice::from_ref(&line)), None, "{line}");
        }
    }

    #[test]
    fn a_termination_message_is_one_digest() {
        assert_eq!(reported_digest(&format!("{}\n", of(7))), Some(of(7)));
        for message in ["", "sha256:0a", "error: no such file", &format!("x{}", of(7))] {
            assert_eq!(reported_digest(message), None, "{message}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_taken(line in "\\PC*|#[0-9]{0,3} (pushing manifest for |exporting manifest (list )?)?\\PC{0,30}") {
            let _ = found(std::slice::from_ref(&line));
            let _ = reported_digest(&line);
        }
    }
}

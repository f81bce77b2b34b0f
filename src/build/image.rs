//! Names of images, by the grammar that registries and BuildKit share.

/// What is wrong with an image's name, if something is: the end of a sentence that begins with the name.
pub(super) fn fault(image: &str) -> Option<&'static str> {
    let (rest, digest) = image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
    let (folder, last) = rest.rsplit_once('/').map_or((None, rest), |(folder, last)| (Some(folder), last));
    let (last, tag) = last.split_once(':').map_or((last, None), |(last, tag)| (last, Some(tag)));
    let mut parts: Vec<_> = folder.into_iter().flat_map(|folder| folder.split('/')).collect();
    if parts.first().is_some_and(|first| is_host(first)) {
        parts.remove(0);
    }
    if image.trim().is_empty() {
        return Some("is not the name of an image");
    }
    match (parts.into_iter().chain([last]).all(is_component), tag.is_none_or(is_tag), digest.is_none_or(is_digest)) {
        (true, true, true) => None,
        (false, ..) if rest != rest.to_lowercase() => Some("has upper case letters, which the name of an image has not"),
        (false, ..) => Some("is not the name of an image: write registry.example/path/name:tag"),
        (_, false, _) => Some("has a bad tag: at most 128 letters, digits, `_`, `.` and `-`"),
        (.., false) => Some("has a bad digest: write sha256: and 64 hexadecimal digits"),
    }
}

/// Whether the first part of a name is a registry.
fn is_host(part: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || ".:-[]".contains(c);
    (part.contains(['.', ':']) || part == "localhost") && part.chars().all(known)
}

fn is_component(part: &str) -> bool {
    let known = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let (first, last) = (part.bytes().next(), part.bytes().last());
    first.is_some_and(known) && last.is_some_and(known) && part.bytes().all(|c| known(c) || b"._-".contains(&c))
}

fn is_tag(tag: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    tag.starts_with(|c: char| known(c) && !".-".contains(c)) && tag.len() <= 128 && tag.chars().all(known)
}

fn is_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty() && hex.len() >= 32 && hex.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_as_registries_take_them() {
        let digest = format!("a@sha256:{}", "0a".repeat(32));
        for (image, is_name) in [
            ("gcr.io/my-project/my-app", true),
            ("a", true),
            ("a:1", true),
            ("localhost/a", true),
            ("localhost:5000/a/b__c:v1.2_x-y", true),
            ("10.0.0.1:5000/a", true),
            ("[fd00::1]:5000/a", true),
            (digest.as_str(), true),
            ("moby/buildkit:v0.34.2-rootless", true),
            ("", false),
            (" ", false),
            ("gcr.io/My-App", false),
            ("gcr.io/a b", false),
            ("gcr.io/a:", false),
            ("gcr.io/a:-x", false),
            ("gcr.io//a", false),
            ("gcr.io/a/", false),
            ("/a", false),
            ("https://gcr.io/a", false),
            ("a@sha256:0a", false),
            ("a,b", false),
            ("${IMAGE}", false),
        ] {
            assert_eq!(fault(image).is_none(), is_name, "{image}: {:?}", fault(image));
        }
        assert_eq!(fault("gcr.io/App"), Some("has upper case letters, which the name of an image has not"));
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "\\PC*|[a-zA-Z0-9:/@.\\[\\]_-]{0,60}") {
            let _ = fault(&text);
        }
    }
}

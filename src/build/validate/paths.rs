//! Paths in a pod, by their text alone.

/// Where a workspace is in a pod.
pub(in crate::build) const WORKSPACE_DIRECTORY: &str = "/workspace";

/// The parts of a path, without those that say nothing. None where one leads upwards.
pub(in crate::build) fn parts(path: &str) -> Option<Vec<&str>> {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (!parts.contains(&"..")).then_some(parts)
}

/// Whether a path is a folder or below it.
pub(in crate::build) fn is_below(path: &str, folder: &str) -> bool {
    parts(path).zip(parts(folder)).is_some_and(|(path, folder)| path.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_by_their_parts() {
        for (path, folder, below) in [
            ("/workspace", "/workspace", true),
            ("/workspace/", "/workspace", true),
            ("/workspace/./a//b", "/workspace", true),
            ("/workspaces", "/workspace", false),
            ("/workspace/../etc", "/workspace", false),
            ("/", "/workspace", false),
            ("a/b", "a", true),
            ("ab", "a", false),
        ] {
            assert_eq!(is_below(path, folder), below, "{path} {folder}");
        }
    }
}

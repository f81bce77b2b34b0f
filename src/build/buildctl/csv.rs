//! Values such as `type=image,name=a,push=true`: one record of comma-separated values, as buildctl reads it.

/// The fields of a record. None where its quotes do not match.
pub(super) fn fields(record: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = record;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => in_quotes(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Some(fields),
            None => return None,
        }
    }
}

/// What stands until the quote that ends it, and what follows. Two quotes are one that is meant.
fn in_quotes(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        field += before;
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return Some((field, after)),
        }
    }
}

/// A record of fields.
pub(super) fn record(fields: &[String]) -> String {
    let field = |field: &String| match field.contains([',', '"', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.clone(),
    };
    fields.iter().map(field).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records_are_as_buildctl_reads_them() {
        for (record, found) in [
            ("type=image,name=a,push=true", Some(vec!["type=image", "name=a", "push=true"])),
            ("type=image,\"name=a,b\"", Some(vec!["type=image", "name=a,b"])),
            ("\"a\"\"b\"", Some(vec!["a\"b"])),
            ("", Some(vec![""])),
            ("a,", Some(vec!["a", ""])),
            ("\"a", None),
            ("\"a\"b", None),
        ] {
            assert_eq!(fields(record), found.map(|found| found.into_iter().map(str::to_owned).collect()), "{record}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(list in prop::collection::vec("[a-z,\"= \n]{0,9}", 1..5)) {
            prop_assert_eq!(fields(&record(&list)), Some(list));
        }
    }
}

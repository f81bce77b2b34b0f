//! What is known of the causes that were found: our own texts, as HTML.

use crate::cause::Cause;
use crate::fleet::status::FleetReport;
use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd, html};
use serde::Serialize;
use std::collections::BTreeSet;

/// One of them.
#[derive(Serialize)]
pub(super) struct About {
    id: &'static str,
    title: &'static str,
    about: String,
}

/// The causes that nodes of the report name, as far as they are ours, in the order in which the kernel meets them.
pub(super) fn of(report: &FleetReport) -> Vec<About> {
    let named = |cause: &str| Cause::ALL.iter().copied().find(|known| known.id() == cause);
    let causes = report.profiles.iter().flat_map(|profile| &profile.causes).filter_map(|cause| named(&cause.cause));
    causes
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|cause| About { id: cause.id(), title: cause.title(), about: as_html(cause.row().about) })
        .collect()
}

/// Whether [`of`] has it.
pub(super) fn has(cause: &str) -> bool {
    Cause::ALL.iter().any(|known| known.id() == cause)
}

/// Its headings stand below that of the page's section.
fn as_html(about: &str) -> String {
    let lower = |event| match event {
        Event::Start(Tag::Heading { id, classes, attrs, .. }) => Event::Start(Tag::Heading { level: HeadingLevel::H3, id, classes, attrs }),
        Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(HeadingLevel::H3)),
        other => other,
    };
    let mut text = String::new();
    html::push_html(&mut text, Parser::new(about).map(lower));
    text
}

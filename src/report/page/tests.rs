use super::*;
use crate::fleet::status::{FleetNode, Head};
use crate::profile::Profile;

fn report(name: &str) -> FleetReport {
    let head = Head { default_profile: Profile::NoProcessSandbox.id().into(), cluster: Some(name.into()), ..Head::default() };
    FleetReport::new(head, vec![FleetNode { name: name.into(), pool: name.into(), ..FleetNode::default() }])
}

fn page(name: &str, options: &PageOptions) -> String {
    fleet_page(&report(name), options).expect("a page")
}

#[test]
fn texts_stay_texts() {
    let hostile = "</script><img src=x onerror=alert(1)>\u{202e}\u{1b}";
    let page = page(hostile, &PageOptions { live: None, notice: Some(hostile.into()) });
    assert!(!page.contains("<img") && !page.contains(['\u{202e}', '\u{1b}']));
    assert_eq!(page.matches("</script>").count(), 2, "its own");
    assert!(page.contains("&lt;img") && page.contains("\\u003cimg"));
}

#[test]
fn the_policy_lets_its_own_script_run_and_asks_nobody_from_a_file() {
    let (file, live) = (page("a", &PageOptions::default()), page("a", &PageOptions { live: Some(5), notice: None }));
    assert!(file.contains("connect-src &#x27;none&#x27;") && live.contains("connect-src &#x27;self&#x27;"));
    assert!(!file.contains("unsafe-inline") && !file.contains("data-live") && live.contains("data-live=\"5\""));
    // Each text of the page comes from itself.
    assert_eq!(file.matches("src=").count(), 0);
}

#[test]
fn numbers_are_grouped() {
    assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
}

#[test]
fn an_empty_fleet_has_a_page() {
    let head = Head { default_profile: "of another version".into(), ..Head::default() };
    assert!(fleet_page(&FleetReport::new(head, Vec::new()), &PageOptions::default()).expect("a page").contains("0 nodes"));
}

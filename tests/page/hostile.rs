//! Texts of anybody in each field of a report: none may act.

use crate::browser::Browser;
use crate::{file, fleet};
use buildkit_preflight::fleet::status::FleetReport;
use serde_json::{Value, json};

const HOSTILE: [&str; 14] = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)' autofocus onfocus='alert(1)",
    "javascript:alert(1)",
    "<!--<script>",
    "]]><x>&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ 7 * 7 }}{% raw %}",
    "\u{202e}gnp.exe\u{2066}\u{200b}\u{feff}",
    "\u{0}\u{1b}[31m\u{7}\r\nforged\u{2028}\u{2029}\u{9b}",
    "__proto__",
    "&profile=userns&verdict=ready#about-seccomp",
    "\u{1f469}\u{200d}\u{1f4bb} \u{10ffff} $& $1 ${alert(1)} `alert(1)`",
];

/// Names of words that the program chooses: a report with others is none.
const OURS: [&str; 5] = ["verdict", "silentBecause", "profile", "kind", "apiVersion"];

/// Puts a hostile text in each field that has one.
fn poison(value: &mut Value, next: &mut impl Iterator<Item = String>) {
    match value {
        Value::String(text) => *text = next.next().expect("an endless list"),
        Value::Array(values) => values.iter_mut().for_each(|value| poison(value, next)),
        Value::Object(fields) => {
            fields.iter_mut().filter(|(name, _)| !OURS.contains(&name.as_str())).for_each(|(_, value)| poison(value, next))
        }
        _ => {}
    }
}

#[test]
fn no_text_of_a_cluster_becomes_code() {
    let texts = || {
        let long = std::iter::once("<b onclick=alert(1)>".repeat(500));
        HOSTILE.iter().map(|text| (*text).to_owned()).chain(long)
    };
    let mut browser = Browser::start();
    for shift in [0, 4, 9] {
        let mut report = serde_json::to_value(fleet::fleet(40)).expect("JSON");
        // Each text comes to each field in turn.
        poison(&mut report, &mut texts().cycle().skip(shift));
        report["defaultProfile"] = json!("no-process-sandbox");
        let report: FleetReport = serde_json::from_value(report).expect("a report");
        let (_folder, url) = file(&report);
        browser.look(1440, 900, "light");
        browser.open(&url);
        browser.until("document.querySelectorAll('#rows button').length === 40");
        browser.eval("document.querySelectorAll('details').forEach((d) => d.open = true)");
        browser.eval("(async () => { for (let at = 0; at < 40; at++) document.querySelectorAll('#rows button.open')[at].click(); })()");
        browser.until("document.querySelectorAll('#rows .detail').length");
        browser.eval("(() => { for (const id of ['verdict', 'cause', 'pool']) { const s = document.getElementById(id); for (const o of [...s.options]) { s.value = o.value; s.dispatchEvent(new Event('change')); } } })()");
        for link in ["a[href^='#profile']", "a[href^='#about']"] {
            browser.eval(&format!("[...document.querySelectorAll({link:?})].slice(0, 60).forEach((a) => a.click())"));
        }
        browser.eval("new Promise((done) => setTimeout(done, 100))");
        assert_eq!(browser.complaints(), Vec::<String>::new());
        let ours = browser.eval(
            "[document.scripts.length, document.querySelectorAll('style').length, document.images.length, document.querySelectorAll('b[onclick], [onload], [onerror], [onfocus], iframe, object, base').length]",
        );
        assert_eq!(ours, json!([2, 1, 0, 0]));
        let links = browser.eval("[...document.querySelectorAll('[href]')].map((a) => a.getAttribute('href')).filter((h) => !/^(#|https:\\/\\/|data:,$)/.test(h))");
        assert_eq!(links, json!([]));
        let acting = browser.eval("[...document.body.innerText].filter((c) => /[\\u0000-\\u0008\\u000e-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069\\u200b]/.test(c)).length");
        assert_eq!(acting, 0);
        assert_eq!(browser.eval("document.documentElement.scrollWidth <= innerWidth"), true);
    }
}

//! The page of a fleet in a real browser: what it asks for, what it complains of, what its controls do, how it looks, and that
//! no text of a cluster ever becomes code.

mod browser;
mod fleet;
mod hostile;
mod live;

use browser::Browser;
use buildkit_preflight::fleet::status::FleetReport;
use buildkit_preflight::report::{PageOptions, fleet_page};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A page in a file, and its address.
pub(crate) fn file(report: &FleetReport) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("fleet.html");
    fs::write(&path, fleet_page(report, &PageOptions::default()).expect("a page")).expect("a file");
    let url = format!("file://{}", path.display());
    (folder, url)
}

/// A page opened in a browser.
fn opened(report: &FleetReport) -> (Browser, tempfile::TempDir, String) {
    let (folder, url) = file(report);
    let mut browser = Browser::start();
    browser.look(1440, 900, "light");
    browser.open(&url);
    browser.until("document.querySelectorAll('#rows button').length");
    (browser, folder, url)
}

const FOUND: &str = "document.getElementById('found').textContent";

#[test]
fn the_page_asks_for_nothing_and_complains_of_nothing() {
    let (mut browser, _folder, url) = opened(&fleet::fleet(300));
    browser.eval("new Promise((done) => setTimeout(done, 300))");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let asked: Vec<_> = browser.requests().into_iter().filter(|asked| asked != &url && asked != "data:,").collect();
    assert_eq!(asked, Vec::<String>::new());
    // The test sees both.
    browser.eval("console.log('x'), fetch('http://127.0.0.1:1/').catch(() => 0)");
    assert!(browser.complaints().len() >= 2, "{:?}", browser.complaints());
}

#[test]
fn each_control_works_by_click() {
    let (mut browser, _folder, _) = opened(&fleet::fleet(300));
    assert_eq!(browser.eval(FOUND), "All 300 nodes");
    browser.click("#query");
    browser.write("ip-10-0-1-7.");
    browser.until(&format!("{FOUND} === '1 of 300 nodes'"));
    browser.click("#clear");
    browser.until(&format!("{FOUND} === 'All 300 nodes' && document.activeElement.id === 'query' && !document.activeElement.value"));
    for (id, value) in [("verdict", "not-ready"), ("cause", "userns-max0"), ("pool", "karpenter.sh/nodepool=gpu")] {
        browser.eval(&format!(
            "(() => {{ const s = document.getElementById('{id}'); s.value = '{value}'; s.dispatchEvent(new Event('change')); }})()"
        ));
        browser.until(&format!("location.hash.includes('{id}=') && document.getElementById('{id}').value === '{value}'"));
    }
    let told = browser.eval("[...document.querySelectorAll('#rows tr')].every((row) => row.textContent.includes('not ready') && row.textContent.includes('userns-max0') && row.textContent.includes('=gpu'))");
    assert_eq!(told, true);
    browser.click("#clear");
    browser.click("#next");
    browser.until("document.getElementById('page').textContent === 'Page 2 of 6'");
    browser.click("#last");
    browser.until("document.getElementById('page').textContent === 'Page 6 of 6' && document.getElementById('next').disabled");
    browser.click("#first");
    browser.until("document.getElementById('page').textContent === 'Page 1 of 6'");
    browser.eval("(() => { const s = document.getElementById('size'); s.value = '100'; s.dispatchEvent(new Event('change')); })()");
    browser.until("document.querySelectorAll('#rows tr').length === 100");
    browser.click("#list thead th:nth-child(2) button");
    browser.until("document.querySelector('#list thead th:nth-child(2)').ariaSort === 'ascending'");
    browser.click("#list thead th:nth-child(2) button");
    browser.until("document.querySelector('#list thead th:nth-child(2)').ariaSort === 'descending' && document.querySelector('#rows tr').textContent.includes('silent')");
    browser.click("#rows button.open");
    browser.until("document.querySelectorAll('#rows .detail .answers li').length === 6 && document.activeElement.getAttribute('aria-expanded') === 'true'");
    browser.click("[value=procmount]");
    browser.until("document.querySelector('[data-profile=procmount]').hidden === false && document.querySelector('[data-profile=no-process-sandbox]').hidden");
    browser.click("[data-profile=procmount] .totals .ready a");
    browser.until("document.getElementById('verdict').value === 'ready' && location.hash.includes('profile=procmount')");
    browser.click("[data-profile=procmount] a[href^='#about-']");
    browser.until("document.querySelector('details[open]') && document.activeElement.localName === 'summary'");
    browser.call("Browser.grantPermissions", serde_json::json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] }));
    let fix = browser.eval("document.querySelector('[data-profile=procmount] .fix code').textContent");
    browser.click("[data-profile=procmount] .fix .copy");
    browser.until("document.querySelector('[data-profile=procmount] .fix .copy').textContent === 'Copied'");
    assert_eq!(browser.eval("navigator.clipboard.readText()"), fix);
    browser.eval("(() => { const s = document.getElementById('theme'); s.value = 'dark'; s.dispatchEvent(new Event('change')); })()");
    browser.until("getComputedStyle(document.body).backgroundColor === 'rgb(13, 17, 23)'");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn each_control_works_by_key_and_shows_its_focus() {
    let (mut browser, _folder, _) = opened(&fleet::fleet(300));
    let (mut seen, mut last) = (Vec::new(), String::new());
    for _ in 0..400 {
        browser.key("Tab", 9, "");
        let at = browser.eval("(() => { const e = document.activeElement; const s = getComputedStyle(e), l = getComputedStyle(e.closest('label') || e); return [e.id || e.name || e.getAttribute('class') || e.localName, (s.outlineStyle !== 'none' || l.outlineStyle !== 'none') ? '' : 'no focus', e.textContent].join('|'); })()");
        let at = at.as_str().expect("a text").to_owned();
        if at.starts_with("body|") {
            break;
        }
        assert!(!at.contains("|no focus|"), "{at:.200}");
        seen.push(at.clone());
        last = at;
    }
    for wanted in
        ["skip|", "theme|", "profile|", "query|", "verdict|", "cause|", "pool|", "clear|", "next|", "size|", "open|", "copy|", "summary|"]
    {
        assert!(seen.iter().any(|at| at.starts_with(wanted)), "{wanted} of {seen:?}, the last {last}");
    }
    let focus = |browser: &mut Browser, selector: &str| browser.eval(&format!("document.querySelector({selector:?}).focus()"));
    focus(&mut browser, "[name=profile]:checked");
    browser.key("ArrowRight", 39, "");
    browser.until("document.querySelector('[data-profile=procmount]').hidden === false");
    focus(&mut browser, "#rows button.open");
    browser.key("Enter", 13, "\r");
    browser.until("document.querySelector('#rows .detail')");
    browser.key("Enter", 13, "\r");
    browser.until("!document.querySelector('#rows .detail')");
    focus(&mut browser, "#query");
    browser.write("gpu");
    browser.key("Enter", 13, "\r");
    browser.until(&format!("{FOUND}.includes(' of 300 nodes')"));
    focus(&mut browser, "#list thead button");
    browser.key(" ", 32, " ");
    browser.until("document.querySelector('#list thead th').ariaSort === 'ascending'");
    for id in ["verdict", "cause", "pool", "theme", "size"] {
        focus(&mut browser, &format!("#{id}"));
        browser.key("ArrowDown", 40, "");
        browser.until(&format!("document.getElementById('{id}').selectedIndex > 0"));
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_reader_without_scripts_has_all_but_the_search() {
    let (_folder, url) = file(&fleet::fleet(300));
    let mut browser = Browser::start();
    browser.call("Emulation.setScriptExecutionDisabled", serde_json::json!({ "value": true }));
    browser.open(&url);
    let seen = "[...document.querySelectorAll('.profile')].filter((e) => e.offsetHeight).length";
    assert_eq!(browser.eval(seen), 6);
    assert_eq!(browser.eval("document.querySelectorAll('#rows tr').length"), 50);
    assert_eq!(
        browser.eval("document.querySelector('noscript').offsetHeight > 0 && !document.getElementById('search').offsetHeight"),
        true
    );
}

#[test]
fn it_looks_right_at_three_widths_in_both_themes() {
    let axe =
        fs::read_to_string(root().join("target/tools/axe/node_modules/axe-core/axe.min.js")).expect("axe-core (make page installs it)");
    let (mut browser, _folder, _) = opened(&fleet::fleet(300));
    browser.click("#rows button.open");
    browser.until("document.querySelector('#rows .detail')");
    browser.eval("document.querySelector('details').open = true, scrollTo(0, 0)");
    browser.eval(&axe);
    for theme in ["light", "dark"] {
        for (width, height) in [(360, 740), (768, 1024), (1440, 900)] {
            browser.look(width, height, theme);
            let outside = browser.eval(
                "[...document.querySelectorAll('body *')].filter((e) => { const b = e.getBoundingClientRect(); return b.width && !e.closest('.away, .skip, pre, td, svg') && !(e.matches('.word')) && (b.right > innerWidth + 1 || b.left < -1); }).map((e) => e.outerHTML.slice(0, 120))",
            );
            assert_eq!(outside, serde_json::json!([]), "{theme} {width}");
            assert_eq!(browser.eval("document.documentElement.scrollWidth <= innerWidth"), true, "{theme} {width}");
            // A column that is squeezed breaks its words letter by letter.
            let tall = browser.eval("[...document.querySelectorAll('#rows tr:not(.detail), .pools tr')].filter((row) => row.offsetHeight > 110).map((row) => row.textContent)");
            assert_eq!(tall, serde_json::json!([]), "{theme} {width}");
            is_a_picture(&mut browser, &format!("{theme}-{width}"), theme);
            let found = browser.eval(
                "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] }).then((r) => r.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 150) + n.failureSummary).join('; ')}`))",
            );
            assert_eq!(found, serde_json::json!([]), "{theme} {width}");
        }
    }
    // The test sees a fault.
    browser.eval("document.querySelector('h1').style.color = '#222'");
    assert_eq!(browser.eval("axe.run('h1', { runOnly: ['wcag2aa'] }).then((r) => r.violations.length)"), 1);
}

/// The beginning of the page as a picture in target/page/, which has the theme's ground and much else.
fn is_a_picture(browser: &mut Browser, name: &str, theme: &str) {
    use base64::Engine;
    let width = browser.eval("innerWidth");
    let clip = serde_json::json!({ "x": 0, "y": 0, "width": width, "height": 1800, "scale": 1 });
    let shot = browser.call("Page.captureScreenshot", serde_json::json!({ "format": "png", "captureBeyondViewport": true, "clip": clip }));
    let bytes = base64::prelude::BASE64_STANDARD.decode(shot["data"].as_str().expect("a picture")).expect("base64");
    let folder = root().join("target/page");
    fs::create_dir_all(&folder).expect("a directory");
    fs::write(folder.join(format!("{name}.png")), &bytes).expect("a file");
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let frame = reader.next_frame(&mut pixels).expect("a frame");
    let step = frame.color_type.samples();
    let light = |pixel: &[u8]| u32::from(pixel[0]) + u32::from(pixel[1]) + u32::from(pixel[2]) > 384;
    let share = pixels.chunks_exact(step).filter(|pixel| light(pixel)).count() as f64 / (pixels.len() / step) as f64;
    let wanted = if theme == "light" { 0.75..0.995 } else { 0.005..0.25 };
    assert!(wanted.contains(&share), "{name}: {share} of it is light");
}

#[test]
fn ten_thousand_nodes_are_small_and_fast() {
    let report = fleet::fleet(10_000);
    let page = fleet_page(&report, &PageOptions::default()).expect("a page");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(page.as_bytes()).expect("memory");
    let size = gzip.finish().expect("memory").len();
    let (mut browser, _folder, url) = opened(&fleet::fleet(3));
    fs::write(url.trim_start_matches("file://"), &page).expect("a file");
    let began = Instant::now();
    browser.open(&url);
    browser.until(&format!("{FOUND} === 'All 10,000 nodes'"));
    let shown = began.elapsed();
    browser
        .eval("(() => { const q = document.getElementById('query'); q.value = 'ip-10-0-39-249'; q.dispatchEvent(new Event('input')); })()");
    browser.until(&format!("{FOUND} === '1 of 10,000 nodes'"));
    println!(
        "page: 10,000 nodes: {} bytes, {size} gzipped; shown after {shown:?}, a first search done after {:?}",
        page.len(),
        began.elapsed()
    );
    assert!(size <= 1_000_000, "{size} bytes");
    assert!(began.elapsed().as_secs() < 10);
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

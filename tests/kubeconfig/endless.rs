//! API servers that never end what they begin.

use crate::server::{Server, whole};
use crate::{cleanup, is_refused, kubeconfig, preflight, written};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

/// Writes until nobody reads any more.
fn for_ever(stream: &mut TcpStream, what: &[u8], pause: Duration) {
    while stream.write_all(what).is_ok() {
        std::thread::sleep(pause);
    }
}

fn check(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static, words: &str) {
    let server = Server::api(answer);
    let dir = written(&kubeconfig(&format!("server: {}", server.address), "token: t"));
    let run = cleanup(&dir.path().join("config"));
    let error = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(error.contains("GET /api/v1/nodes: "), "{error}");
    is_refused(run, words);
    if !words.starts_with("refused") {
        assert!(error.contains(&format!("http://{} (context x of {}", server.address, dir.path().display())), "{error}");
    }
}

#[test]
fn a_list_that_goes_on_and_on() {
    let page = |next: usize| whole(200, &format!(r#"{{"metadata": {{"continue": "{next}"}}, "items": []}}"#));
    check(move |_, stream| drop(stream.write_all(page(1).as_bytes())), "more than 200 pages");
    // Too old, each time that it is gone on with.
    let old = whole(410, r#"{"message": "too old"}"#);
    check(
        move |head, stream| {
            let text = if head.contains("continue=") { old.clone() } else { page(1) };
            let _ = stream.write_all(text.as_bytes());
        },
        "refused with 410: too old",
    );
    check(|_, stream| drop(stream.write_all(whole(410, "{}").as_bytes())), "refused with 410");
}

#[test]
fn a_body_that_does_not_end() {
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    check(
        move |_, stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n");
            for_ever(stream, &chunk, Duration::ZERO);
        },
        "more than 64 MiB",
    );
    // What is refused is refused, however long the reason is.
    check(
        |_, stream| {
            let _ = stream.write_all(b"HTTP/1.1 403 x\r\nContent-Length: 100000000\r\n\r\n{\"message\": \"\x1b[31mno");
            for_ever(stream, &[b'o'; 0x10000], Duration::ZERO);
        },
        "refused with 403",
    );
}

#[test]
fn a_body_that_drips() {
    check(
        |_, stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 x\r\nContent-Length: 1000000\r\n\r\n");
            for_ever(stream, b" ", Duration::from_millis(50));
        },
        "in 10 s",
    );
}

#[test]
fn heads_that_do_not_end() {
    check(
        |_, stream| {
            let _ = stream.write_all(b"HTTP/1.1 200 x\r\n");
            for_ever(stream, format!("x: {}\r\n", "x".repeat(1000)).as_bytes(), Duration::ZERO);
        },
        "could not be reached",
    );
    check(|_, stream| for_ever(stream, b"HTTP/1.1 100 Continue\r\n\r\n", Duration::ZERO), "in 10 s");
}

#[test]
fn a_garbled_answer_of_one_megabyte_is_no_megabyte_of_error() {
    let text = format!(r#"{{"items": "{}\u001b"}}"#, "x".repeat(1_000_000));
    check(move |_, stream| drop(stream.write_all(whole(200, &text).as_bytes())), "could not be read");
    let version = Server::api(|_, stream| drop(stream.write_all(whole(200, &format!(r#"["{}"]"#, "x".repeat(9_000_000))).as_bytes())));
    let dir = written(&kubeconfig(&format!("server: {}", version.address), ""));
    is_refused(preflight(&["check", "--cluster", "--kubeconfig"]).arg(dir.path().join("config")).assert(), "more than 8 MiB");
}

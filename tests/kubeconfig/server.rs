//! Servers on loopback: an API server that answers as it is told, and proxies that count.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Serves each connection in a thread of its own, and counts them.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    count: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let count = Arc::new(AtomicUsize::new(0));
        let (counter, serve) = (Arc::clone(&count), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::Relaxed);
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || serve(stream));
            }
        });
        Server { address, count }
    }

    /// An API server: gets the head of each request, writes the answer, and closes.
    pub(crate) fn api(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        Server::start(move |mut stream| {
            let head = head(&stream);
            if !head.is_empty() {
                answer(&head, &mut stream);
            }
        })
    }

    /// An API server without nodes, which refuses pods.
    pub(crate) fn empty() -> Self {
        Server::api(|head, stream| {
            let (status, body) = match head {
                head if head.contains("/version") => (200, r#"{"gitVersion": "v1.36.3"}"#),
                head if head.starts_with("POST") => (500, r#"{"message": "no pods here"}"#),
                _ => (200, r#"{"items": []}"#),
            };
            let _ = stream.write_all(whole(status, body).as_bytes());
        })
    }

    /// A proxy that takes CONNECT, and leads to `to` whatever host is asked for. `user` is what it wants to be shown.
    pub(crate) fn connect_proxy(to: SocketAddr, user: Option<&'static str>) -> Self {
        Server::start(move |mut stream| {
            let head = head(&stream);
            if !head.starts_with("CONNECT ") {
                let _ = stream.write_all(b"HTTP/1.1 405 x\r\n\r\n");
            } else if user.is_some_and(|user| !head.to_lowercase().contains(&format!("proxy-authorization: {user}").to_lowercase())) {
                let _ = stream.write_all(b"HTTP/1.1 407 x\r\n\r\n");
            } else {
                let _ = stream.write_all(b"HTTP/1.1 200 x\r\n\r\n");
                splice(stream, to);
            }
        })
    }

    /// A proxy that speaks SOCKS 5, and leads to `to`.
    pub(crate) fn socks_proxy(to: SocketAddr) -> Self {
        Server::start(move |mut stream| {
            let mut hello = [0; 3];
            let mut begin = [0; 5];
            if stream.read_exact(&mut hello).is_err() || stream.write_all(&[5, 0]).is_err() || stream.read_exact(&mut begin).is_err() {
                return;
            }
            // The rest of an IPv4 address, an IPv6 address or a name, and the port.
            let rest = match begin[3] {
                1 => 3 + 2,
                4 => 15 + 2,
                _ => usize::from(begin[4]) + 2,
            };
            if stream.read_exact(&mut vec![0; rest]).is_ok() && stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).is_ok() {
                splice(stream, to);
            }
        })
    }

    /// How many connections there were.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

/// An answer with a length.
pub(crate) fn whole(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// Reads to the empty line, byte by byte: what follows is another's.
fn head(stream: &TcpStream) -> String {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if !reader.read_line(&mut head).is_ok_and(|length| length > 0) {
            return String::new();
        }
    }
    head
}

fn splice(stream: TcpStream, to: SocketAddr) {
    let Ok(other) = TcpStream::connect(to) else { return };
    let pump = |mut from: TcpStream, mut to: TcpStream| {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    };
    let back = (other.try_clone().expect("clone"), stream.try_clone().expect("clone"));
    std::thread::spawn(move || pump(back.0, back.1));
    pump(stream, other);
}

//! What `NO_PROXY` keeps from a proxy, by the rules of Go's clients (golang.org/x/net/http/httpproxy), which curl and others differ
//! from: whoever has set it for kubectl has set it for us.

use std::net::IpAddr;

/// Whether a proxy of the environment is not for this host. Never for this machine itself.
pub(super) fn keeps(list: &str, host: &str, port: u16) -> bool {
    let host = host.to_ascii_lowercase();
    let ip = host.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).any(|entry| is_meant(&entry, &host, ip, port))
}

fn is_meant(entry: &str, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((net, bits)) = entry.split_once('/').and_then(|(net, bits)| Some((net.parse::<IpAddr>().ok()?, bits.parse().ok()?))) {
        return ip.is_some_and(|ip| is_in(ip, net.to_canonical(), bits));
    }
    let (name, of_port) = with_port(entry);
    if name.is_empty() || of_port.is_some_and(|of| of != port.to_string()) {
        return false;
    }
    if let Ok(this) = name.parse::<IpAddr>() {
        return ip == Some(this.to_canonical());
    }
    let name = name.strip_prefix('*').filter(|name| name.starts_with('.')).unwrap_or(name);
    match name.strip_prefix('.') {
        // Those below it alone.
        Some(_) => host.ends_with(name),
        None => host == name || host.strip_suffix(name).is_some_and(|before| before.ends_with('.')),
    }
}

/// An entry's name without brackets, and its port.
fn with_port(entry: &str) -> (&str, Option<&str>) {
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
        _ => (entry, None),
    };
    (name.trim_start_matches('[').trim_end_matches(']'), port)
}

fn is_in(ip: IpAddr, net: IpAddr, bits: u32) -> bool {
    let same = |ip: u128, net: u128, width: u32| bits <= width && (ip ^ net).checked_shr(width - bits).unwrap_or(0) == 0;
    match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) => same(ip.to_bits().into(), net.to_bits().into(), 32),
        (IpAddr::V6(ip), IpAddr::V6(net)) => same(ip.to_bits(), net.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rules_are_those_of_go() {
        for (list, host, port, kept) in [
            ("", "a.example", 443, false),
            ("", "localhost", 6443, true),
            ("", "127.0.0.1", 6443, true),
            ("", "::1", 6443, true),
            ("*", "a.example", 443, true),
            ("b.example, *", "a.example", 443, true),
            ("example", "a.example", 443, true),
            ("EXAMPLE", "A.example", 443, true),
            ("example", "example", 443, true),
            (".example", "a.example", 443, true),
            (".example", "example", 443, false),
            ("*.example", "a.example", 443, true),
            ("*.example", "example", 443, false),
            ("ple", "example", 443, false),
            ("*ple", "example", 443, false),
            ("example:443", "a.example", 443, true),
            ("example:443", "a.example", 6443, false),
            ("10.0.0.1", "10.0.0.1", 6443, true),
            ("10.0.0.1:443", "10.0.0.1", 6443, false),
            ("10.0.0.1:6443", "10.0.0.1", 6443, true),
            ("10.0.0.0/8", "10.1.2.3", 6443, true),
            ("10.0.0.0/8", "11.1.2.3", 6443, false),
            ("0.0.0.0/0", "11.1.2.3", 6443, true),
            ("10.0.0.0/33", "10.0.0.1", 6443, false),
            ("10.0.0.0/8", "10.a.example", 6443, false),
            ("fd00::/8", "fd12::1", 443, true),
            ("fd00::/8", "fe80::1", 443, false),
            ("::/0", "fe80::1", 443, true),
            ("fd00::1", "fd00::1", 443, true),
            ("[fd00::1]:443", "fd00::1", 443, true),
            ("[fd00::1]:444", "fd00::1", 443, false),
            (" , ,:443,/8,.", "a.example", 443, false),
        ] {
            assert_eq!(keeps(list, host, port), kept, "{list} {host}:{port}");
        }
    }

    proptest! {
        #[test]
        fn any_list_is_an_answer(list in "[\\[\\]a-c0-9:/.,* ]{0,30}", host in "[a-c0-9:.]{0,12}", bits in 0..200u32) {
            let _ = keeps(&list, &host, 443);
            let _ = keeps(&format!("10.0.0.0/{bits},::/{bits}"), &host, 443);
        }
    }
}

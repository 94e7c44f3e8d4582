//! Address: the table of classes, edge by edge.

use std::net::IpAddr;

use super::AddressClass as Class;
use super::{Leave, classify};

/// Each class with addresses of it; ranges by their first and last address.
const TABLE: &[(Class, &[&str])] = &[
    (
        Class::Public,
        &[
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2000::1",
            "2600::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ],
    ),
    (
        Class::Loopback,
        &[
            "127.0.0.1",
            "127.0.0.0",
            "127.255.255.255",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::127.0.0.1",
            "64:ff9b:1:7f00:0:100:0808:0808",
            "2002:7f00:1::",
            "2002:7f00:1::1",
            "2001:0:7f00:1:0:0:f7f7:f7f7",
            "2001:0:101:101:0:0:80ff:fffe",
            "2600::5efe:127.0.0.1",
            "2600::200:5efe:127.0.0.1",
        ],
    ),
    (
        Class::Private,
        &[
            "10.0.0.0",
            "10.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.0",
            "192.168.255.255",
            "::ffff:10.0.0.1",
            "64:ff9b::192.168.0.1",
            "64:ff9b:1::1.1.1.1",
            "2002:a00:1::",
            "fec0::1",
        ],
    ),
    (Class::Shared, &["100.64.0.0", "100.127.255.255"]),
    (Class::UniqueLocal, &["fc00::", "fdff:ffff::1"]),
    (
        Class::Benchmark,
        &["198.18.0.0", "198.19.255.255", "2001:2::1"],
    ),
    (
        Class::LinkLocal,
        &[
            "169.254.0.0",
            "169.254.169.253",
            "169.254.255.255",
            "fe80::1",
            "febf::1",
            "::ffff:169.254.1.1",
        ],
    ),
    (
        Class::Metadata,
        &[
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ],
    ),
    (
        Class::Unspecified,
        &["0.0.0.0", "0.255.255.255", "::", "::ffff:0.0.0.0", "::2"],
    ),
    (
        Class::Multicast,
        &["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    ),
    (Class::Broadcast, &["255.255.255.255"]),
    (
        Class::Documentation,
        &[
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "2001:db8::1",
            "3fff::1",
            "3fff:fff::1",
        ],
    ),
    (
        Class::Reserved,
        &[
            "192.0.0.1",
            "192.88.99.1",
            "240.0.0.1",
            "255.255.255.254",
            "100::1",
            "2001:10::1",
            "2001:1ff::1",
            "4000::1",
            "5f00::1",
            "e000::1",
            "64:ff9b:2::1",
        ],
    ),
];

fn address(text: &str) -> IpAddr {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Row C03, C04: each range by its first and last address.
#[test]
fn every_address_is_in_its_class() {
    for (class, addresses) in TABLE {
        for text in *addresses {
            assert_eq!(classify(address(text)), *class, "{text}");
        }
    }
}

/// Row C04: what needs leave, and what has none.
#[test]
fn leave_opens_what_is_some_sites_own_and_nothing_else() {
    let without = Leave { private: false };
    let with = Leave { private: true };
    for (class, addresses) in TABLE {
        let open = (class.is_open(without), class.is_open(with));
        let expected = match class {
            Class::Public => (true, true),
            Class::Loopback
            | Class::Private
            | Class::Shared
            | Class::UniqueLocal
            | Class::Benchmark => (false, true),
            _ => (false, false),
        };
        assert_eq!(open, expected, "{class}: {addresses:?}");
        assert_eq!(class.needs_leave(), expected == (false, true), "{class}");
    }
}

/// Row C05: inner addresses in those of IPv6.
#[test]
fn a_disguise_is_never_better_than_what_it_hides() {
    for (class, addresses) in TABLE {
        for text in *addresses {
            let IpAddr::V4(inner) = address(text) else {
                continue;
            };
            let [a, b] = [inner.octets()[..2].to_vec(), inner.octets()[2..].to_vec()];
            let [high, low] = [a, b].map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            for disguise in [
                format!("::ffff:{high:x}:{low:x}"),
                format!("64:ff9b::{high:x}:{low:x}"),
                format!("64:ff9b:1::{high:x}:{low:x}"),
                format!("2002:{high:x}:{low:x}::1"),
                format!("2001:0:{high:x}:{low:x}::"),
                format!("2001:0:101:101:0:0:{:x}:{:x}", !high, !low),
                format!("2600::5efe:{high:x}:{low:x}"),
            ] {
                let found = classify(address(&disguise));
                assert!(found >= *class, "{text} as {disguise}: {found}");
            }
        }
    }
}

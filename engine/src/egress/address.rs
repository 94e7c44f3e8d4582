//! Address: where a name may lead, by the class of every address.
//!
//! The classes follow the registries of RFC 6890 as they stand today, and the
//! addresses at which clouds hand out credentials. An address that carries
//! another one inside (mapped, NAT64, 6to4, Teredo, ISATAP) is as bad as the worse
//! of the two.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the caller was given beyond public addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Leave {
    /// Loopback, private, shared and unique-local addresses.
    pub private: bool,
}

/// What an address is. Ordered: the later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressClass {
    /// Anyone's.
    Public,
    /// For measuring networks, `198.18.0.0/15` and its like.
    Benchmark,
    /// Between a provider and its customers, `100.64.0.0/10`.
    Shared,
    /// Of a site: RFC 1918, site-local.
    Private,
    /// Of a site: `fc00::/7`.
    UniqueLocal,
    /// This machine.
    Loopback,
    /// For examples only.
    Documentation,
    /// Of no use, or not for unicast between machines.
    Reserved,
    /// For many at once.
    Multicast,
    /// For all of a network.
    Broadcast,
    /// No address; systems take it for themselves.
    Unspecified,
    /// Of one link: never crosses a router, but reaches many a metadata service.
    LinkLocal,
    /// Where clouds hand out credentials.
    Metadata,
}

impl AddressClass {
    /// Whether a connection may be made.
    ///
    /// What is neither public nor some site's own is never dialled: a machine has
    /// nothing to find there.
    pub fn is_open(self, leave: Leave) -> bool {
        match self {
            Self::Public => true,
            Self::Benchmark | Self::Shared | Self::Private | Self::UniqueLocal | Self::Loopback => {
                leave.private
            }
            Self::Documentation
            | Self::Reserved
            | Self::Multicast
            | Self::Broadcast
            | Self::Unspecified
            | Self::LinkLocal
            | Self::Metadata => false,
        }
    }

    /// Whether leave for private addresses would open it.
    pub fn needs_leave(self) -> bool {
        self.is_open(Leave { private: true }) && !self.is_open(Leave { private: false })
    }
}

impl std::fmt::Display for AddressClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Public => "a public address",
            Self::Benchmark => "a benchmark address",
            Self::Shared => "a shared (carrier) address",
            Self::Private => "a private address",
            Self::UniqueLocal => "a unique-local address",
            Self::Loopback => "a loopback address",
            Self::Documentation => "an address for documentation",
            Self::Reserved => "a reserved address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "a broadcast address",
            Self::Unspecified => "the unspecified address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a metadata address",
        })
    }
}

/// The class of any address.
pub fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

#[expect(
    clippy::match_same_arms,
    reason = "the arms stand in the order of the registries"
)]
fn classify_v4(address: Ipv4Addr) -> AddressClass {
    use AddressClass as Class;
    match address.octets() {
        // Amazon and nearly everyone, its containers, Alibaba, Oracle, Azure's
        // wire server (a public address that only a guest of Azure reaches).
        [169, 254, 169, 254]
        | [169, 254, 170, 2 | 23]
        | [100, 100, 100, 200]
        | [192, 0, 0, 192]
        | [168, 63, 129, 16] => Class::Metadata,
        [0, ..] => Class::Unspecified,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private,
        [100, 64..=127, ..] => Class::Shared,
        [127, ..] => Class::Loopback,
        [169, 254, ..] => Class::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Documentation,
        // IETF protocol assignments; the retired anycast prefix of 6to4 relays.
        [192, 0, 0, _] | [192, 88, 99, _] => Class::Reserved,
        [198, 18 | 19, ..] => Class::Benchmark,
        [224..=239, ..] => Class::Multicast,
        [255, 255, 255, 255] => Class::Broadcast,
        [240..=255, ..] => Class::Reserved,
        _ => Class::Public,
    }
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    let own = classify_v6_alone(address);
    embedded(address)
        .into_iter()
        .flatten()
        .map(classify_v4)
        .fold(own, AddressClass::max)
}

/// The class of an address, whatever it may carry inside.
#[expect(
    clippy::match_same_arms,
    reason = "the arms stand in the order of the registries"
)]
fn classify_v6_alone(address: Ipv6Addr) -> AddressClass {
    use AddressClass as Class;
    match address.segments() {
        // Amazon's instances and pods, Google's.
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254 | 0x23] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => {
            Class::Metadata
        }
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Loopback,
        // Compatible, mapped, translated, NAT64: what they carry decides.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Class::Public,
        // NAT64 of a site.
        [0x64, 0xff9b, 1, ..] => Class::Private,
        [0xfc00..=0xfdff, ..] => Class::UniqueLocal,
        [0xfe80..=0xfebf, ..] => Class::LinkLocal,
        [0xfec0..=0xfeff, ..] => Class::Private,
        [0xff00..=0xffff, ..] => Class::Multicast,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Class::Documentation,
        [0x2001, 2, 0, ..] => Class::Benchmark,
        // Teredo: what it carries decides.
        [0x2001, 0, ..] => Class::Public,
        // IETF protocol assignments.
        [0x2001, 1..=0x1ff, ..] => Class::Reserved,
        [0x2000..=0x3fff, ..] => Class::Public,
        // Nothing else has been given out.
        _ => Class::Reserved,
    }
}

/// The IPv4 addresses inside an IPv6 address, where its form carries any.
#[expect(
    clippy::match_same_arms,
    reason = "the arms stand in the order of the registries"
)]
fn embedded(address: Ipv6Addr) -> [Option<Ipv4Addr>; 4] {
    let bytes = address.octets();
    let at = |places: [usize; 4]| Some(Ipv4Addr::from(places.map(|place| bytes[place])));
    let last = at([12, 13, 14, 15]);
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => [None; 4],
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..] => [last, None, None, None],
        // Nearly every site's prefix has 96 bits; the other places that RFC 6052
        // allows are judged as well, unless there is nothing in them.
        [0x64, 0xff9b, 1, ..] => {
            let filled = |places| at(places).filter(|address| address.octets()[0] != 0);
            [
                last,
                filled([6, 7, 9, 10]),
                filled([7, 9, 10, 11]),
                filled([9, 10, 11, 12]),
            ]
        }
        [0x2002, ..] => [at([2, 3, 4, 5]), None, None, None],
        // Teredo: its server, and the client with every bit turned.
        [0x2001, 0, ..] => {
            let client = Ipv4Addr::from([12, 13, 14, 15].map(|place: usize| !bytes[place]));
            [at([4, 5, 6, 7]), Some(client), None, None]
        }
        // ISATAP, under any prefix.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => [last, None, None, None],
        _ => [None; 4],
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;

//! The common name of a certificate's subject, read from its DER. Pure.
//!
//! Only as much of X.509 as leads there (RFC 5280, 4.1); that the rest is whole, the TLS library has seen.

/// Tags (X.690, 8.1.2): a sequence, a set, an object identifier, the tagged version of a certificate.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT: u8 = 0x06;
const VERSION: u8 = 0xa0;
/// The strings that a name may be: UTF-8, printable, IA5.
const STRINGS: [u8; 3] = [0x0c, 0x13, 0x16];
/// The attribute `commonName`, 2.5.4.3 (RFC 5280, appendix A.1).
const COMMON_NAME: [u8; 3] = [0x55, 4, 3];

/// The first common name of the subject.
pub(super) fn of(certificate: &[u8]) -> Option<String> {
    let mut signed = Reader(Reader(certificate).take(SEQUENCE)?);
    let mut body = Reader(signed.take(SEQUENCE)?);
    if body.0.first() == Some(&VERSION) {
        body.any()?;
    }
    // Serial number, algorithm, issuer, validity.
    for _ in 0..4 {
        body.any()?;
    }
    let mut subject = Reader(body.take(SEQUENCE)?);
    while !subject.0.is_empty() {
        let mut attributes = Reader(subject.take(SET)?);
        while !attributes.0.is_empty() {
            let mut attribute = Reader(attributes.take(SEQUENCE)?);
            let (kind, (tag, value)) = (attribute.take(OBJECT)?, attribute.any()?);
            if kind == COMMON_NAME && STRINGS.contains(&tag) {
                return String::from_utf8(value.to_vec()).ok();
            }
        }
    }
    None
}

/// DER elements that are taken from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element, which must have this tag.
    fn take(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, content) = self.any()?;
        (tag == wanted).then_some(content)
    }

    /// Tag and content of the next element.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk()?;
        let mut length = usize::from(first);
        if first & 0x80 != 0 {
            let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if digits.is_empty() || digits.len() > 3 {
                return None;
            }
            length = digits
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit));
            rest = after;
        }
        let (content, after) = rest.split_at_checked(length)?;
        self.0 = after;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    fn made(names: &[(DnType, &str)]) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, name) in names {
            params.distinguished_name.push(kind.clone(), *name);
        }
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_common_name_is_found_among_other_names() {
        let long = "x".repeat(64);
        for name in ["d1", "d\u{fc}", long.as_str()] {
            let names = [
                (DnType::OrganizationName, "lab"),
                (DnType::CommonName, name),
            ];
            assert_eq!(of(&made(&names)).as_deref(), Some(name));
        }
        assert_eq!(of(&made(&[(DnType::OrganizationName, "lab")])), None);
        assert_eq!(of(&made(&[])), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(cut in 0_usize..600, flip in 0_usize..600, to in any::<u8>()) {
            let mut bytes = made(&[(DnType::CommonName, "d1")]);
            let place = flip % bytes.len();
            bytes[place] = to;
            bytes.truncate(cut);
            let _ = of(&bytes);
        }
    }
}

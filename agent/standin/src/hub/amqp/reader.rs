//! Reads the types of AMQP 1.0 from bytes (OASIS AMQP 1.0, part 1), with bounds on nesting and number.
//!
//! Pure. What a client sends is hostile until shown otherwise: no value is made for bytes that are not there.

use bytes::Bytes;
use thiserror::Error;

use super::value::{Value, variable};

/// Levels of lists, maps and descriptions; a performative with its source and filters has five.
const DEPTH: usize = 16;

/// Values in one frame or message, so that a list of one-byte values cannot swell into memory.
const VALUES: usize = 8192;

/// Why bytes are no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum ValueError {
    #[error("a value ends before its length")]
    Short,
    #[error("{0:#04x} is the constructor of no type")]
    Constructor(u8),
    #[error("a text is not UTF-8")]
    Utf8,
    #[error("values nested deeper than {DEPTH} levels")]
    TooDeep,
    #[error("more than {VALUES} values")]
    TooMany,
    #[error("a map with an odd number of values")]
    OddMap,
    #[error("a list with bytes behind its last value")]
    Surplus,
}

/// Reads values one behind the other.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    made: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            made: 0,
        }
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next value.
    ///
    /// # Errors
    /// When the bytes are no value, or one beyond the bounds.
    pub(crate) fn value(&mut self) -> Result<Value, ValueError> {
        self.nested(DEPTH)
    }

    fn nested(&mut self, depth: usize) -> Result<Value, ValueError> {
        let deeper = depth.checked_sub(1).ok_or(ValueError::TooDeep)?;
        self.made += 1;
        if self.made > VALUES {
            return Err(ValueError::TooMany);
        }
        let code = self.byte()?;
        Ok(match code {
            0x00 => {
                let descriptor = self.nested(deeper)?;
                Value::Described(Box::new((descriptor, self.nested(deeper)?)))
            }
            0x40 => Value::Null,
            0x41 => Value::Bool(true),
            0x42 => Value::Bool(false),
            0x56 => Value::Bool(self.byte()? != 0),
            0x50 => Value::Ubyte(self.byte()?),
            0x60 => Value::Ushort(u16::from_be_bytes(self.array()?)),
            0x43 => Value::Uint(0),
            0x52 => Value::Uint(u32::from(self.byte()?)),
            0x70 => Value::Uint(u32::from_be_bytes(self.array()?)),
            0x44 => Value::Ulong(0),
            0x53 => Value::Ulong(u64::from(self.byte()?)),
            0x80 => Value::Ulong(u64::from_be_bytes(self.array()?)),
            0x54 => Value::Int(i32::from(i8::from_be_bytes(self.array()?))),
            0x71 => Value::Int(i32::from_be_bytes(self.array()?)),
            0x55 => Value::Long(i64::from(i8::from_be_bytes(self.array()?))),
            0x81 => Value::Long(i64::from_be_bytes(self.array()?)),
            0x83 => Value::Timestamp(i64::from_be_bytes(self.array()?)),
            0x98 => Value::Uuid(self.array()?),
            0xa0 | 0xb0 => Value::Binary(Bytes::copy_from_slice(self.sized(code)?)),
            0xa1 | 0xb1 => Value::String(utf8(self.sized(code)?)?),
            0xa3 | 0xb3 => Value::Symbol(utf8(self.sized(code)?)?),
            0x45 => Value::List(Vec::new()),
            0xc0 | 0xd0 => Value::List(self.items(code, deeper)?),
            0xc1 | 0xd1 => {
                let mut items = self.items(code, deeper)?.into_iter();
                let mut pairs = Vec::new();
                while let Some(name) = items.next() {
                    pairs.push((name, items.next().ok_or(ValueError::OddMap)?));
                }
                Value::Map(pairs)
            }
            0xe0 | 0xf0 => {
                let whole = self.sized(code)?;
                let mut bytes = Vec::new();
                variable(&mut bytes, 0xf0, &widened(code, whole)?);
                Value::Array(bytes.into())
            }
            0x51 | 0x61 | 0x72..=0x74 | 0x82 | 0x84 | 0x94 => {
                let width = 1 << ((code >> 4) - 5);
                Value::Other(code, Bytes::copy_from_slice(self.take(width)?))
            }
            other => return Err(ValueError::Constructor(other)),
        })
    }

    fn items(&mut self, code: u8, deeper: usize) -> Result<Vec<Value>, ValueError> {
        let body = self.sized(code)?;
        let mut inner = Reader {
            rest: body,
            made: self.made,
        };
        let count = if code & 0xf0 == 0xc0 {
            usize::from(inner.byte()?)
        } else {
            wide(inner.array()?)
        };
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(inner.nested(deeper)?);
        }
        self.made = inner.made;
        if inner.rest.is_empty() {
            Ok(items)
        } else {
            Err(ValueError::Surplus)
        }
    }

    /// The bytes of a type that says its length: in one byte where the constructor's upper half is even, else in four.
    fn sized(&mut self, code: u8) -> Result<&'a [u8], ValueError> {
        let count = if (code >> 4).is_multiple_of(2) {
            usize::from(self.byte()?)
        } else {
            wide(self.array()?)
        };
        self.take(count)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], ValueError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(ValueError::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, ValueError> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ValueError> {
        self.take(N)?.try_into().map_err(|_| ValueError::Short)
    }
}

fn wide(bytes: [u8; 4]) -> usize {
    usize::try_from(u32::from_be_bytes(bytes)).unwrap_or(usize::MAX)
}

/// The body of an array with its count in four bytes.
fn widened(code: u8, body: &[u8]) -> Result<Vec<u8>, ValueError> {
    if code == 0xf0 {
        return Ok(body.to_vec());
    }
    let (count, items) = body.split_first().ok_or(ValueError::Short)?;
    Ok([&u32::from(*count).to_be_bytes()[..], items].concat())
}

fn utf8(bytes: &[u8]) -> Result<String, ValueError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ValueError::Utf8)?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Value, ValueError> {
        Reader::new(bytes).value()
    }

    /// Lists within lists, `levels` deep.
    fn nested_lists(levels: usize) -> Vec<u8> {
        let innermost = Value::Null;
        (0..levels)
            .fold(innermost, |inner, _| Value::List(vec![inner]))
            .bytes()
    }

    #[test]
    fn values_read_back_as_they_were_written() {
        let values = vec![
            Value::Null,
            Value::Bool(true),
            Value::Ubyte(7),
            Value::Ushort(700),
            Value::Uint(70_000),
            Value::Ulong(7),
            Value::Ulong(1 << 40),
            Value::Int(-7),
            Value::Long(-7),
            Value::Timestamp(1),
            Value::Uuid([9; 16]),
            Value::Binary(Bytes::from_static(b"\x00\xff")),
            Value::text("\u{fc}ber"),
            Value::symbol("amqp:accepted:list"),
            Value::symbols(&["PLAIN", "ANONYMOUS"]),
            Value::Map(vec![(Value::symbol("a"), Value::List(Vec::new()))]),
            Value::composite(0x24, vec![]),
        ];
        let list = Value::List(values);
        assert_eq!(read(&list.bytes()), Ok(list));
    }

    /// The bytes of part 1, 1.6 and of its examples: short forms mean the same.
    #[test]
    fn short_forms_are_read() {
        assert_eq!(read(&[0x52, 5]), Ok(Value::Uint(5)));
        assert_eq!(read(&[0x54, 0xff]), Ok(Value::Int(-1)));
        assert_eq!(read(&[0x56, 0]), Ok(Value::Bool(false)));
        assert_eq!(read(&[0xa1, 2, b'h', b'i']), Ok(Value::text("hi")));
        assert_eq!(
            read(&[0xc0, 3, 2, 0x41, 0x43]),
            Ok(Value::List(vec![Value::Bool(true), Value::Uint(0)]))
        );
        let array = read(&[0xe0, 6, 2, 0xa3, 1, b'a', 1, b'b']).unwrap();
        assert_eq!(array, Value::symbols(&["a", "b"]));
    }

    #[test]
    fn what_would_cost_stack_or_memory_is_refused() {
        assert!(read(&nested_lists(DEPTH - 1)).is_ok());
        assert_eq!(read(&nested_lists(2000)), Err(ValueError::TooDeep));
        assert_eq!(read(&[0; 60_000]), Err(ValueError::TooDeep));
        // Nine bytes that claim four billion.
        let claim = [0xb0, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 0];
        assert_eq!(read(&claim), Err(ValueError::Short));
        let claim = [
            0xd0, 0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0x40, 0x40, 0x40, 0x40,
        ];
        assert_eq!(read(&claim), Err(ValueError::Short));
        let many = Value::List(vec![Value::Null; VALUES]).bytes();
        assert_eq!(read(&many), Err(ValueError::TooMany));
    }

    #[test]
    fn broken_values_are_named() {
        assert_eq!(read(&[]), Err(ValueError::Short));
        assert_eq!(read(&[0x4f]), Err(ValueError::Constructor(0x4f)));
        assert_eq!(read(&[0xa1, 1, 0xff]), Err(ValueError::Utf8));
        assert_eq!(read(&[0xc1, 2, 1, 0x40]), Err(ValueError::OddMap));
        assert_eq!(read(&[0xc0, 3, 1, 0x40, 0x40]), Err(ValueError::Surplus));
    }

    #[test]
    fn identifiers_are_text() {
        let uuid = Value::Uuid([0xab; 16]).identifier();
        assert_eq!(
            uuid.as_deref(),
            Some("abababab-abab-abab-abab-abababababab")
        );
        assert_eq!(Value::Ulong(9).identifier().as_deref(), Some("9"));
        assert_eq!(Value::Null.identifier(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in any::<Vec<u8>>()) {
            let _ = read(&bytes);
        }

        #[test]
        fn what_is_read_is_written_so_that_it_reads_the_same(bytes in any::<Vec<u8>>()) {
            if let Ok(value) = read(&bytes) {
                prop_assert_eq!(read(&value.bytes()), Ok(value));
            }
        }
    }
}

//! The types of AMQP 1.0 (OASIS AMQP 1.0, part 1), and how the hub writes them. Pure.

use bytes::Bytes;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Ubyte(u8),
    Ushort(u16),
    Uint(u32),
    Ulong(u64),
    Int(i32),
    Long(i64),
    /// Milliseconds since the Unix epoch.
    Timestamp(i64),
    Uuid([u8; 16]),
    Binary(Bytes),
    String(String),
    Symbol(String),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
    /// With its constructor, as it came: no array is looked into.
    Array(Bytes),
    /// A type of fixed width that nothing here reads: constructor and bytes.
    Other(u8, Bytes),
    Described(Box<(Value, Value)>),
}

impl Value {
    pub(crate) fn symbol(text: &str) -> Value {
        Value::Symbol(text.to_owned())
    }

    pub(crate) fn text(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    /// A list under a numeric descriptor, as all of the protocol's own composites are.
    pub(crate) fn composite(code: u64, fields: Vec<Value>) -> Value {
        Value::Described(Box::new((Value::Ulong(code), Value::List(fields))))
    }

    /// An array of symbols.
    pub(crate) fn symbols(names: &[&str]) -> Value {
        Self::array(0xa3, names)
    }

    /// An array of strings.
    #[cfg(feature = "hub")]
    pub(crate) fn strings(texts: &[&str]) -> Value {
        Self::array(0xa1, texts)
    }

    /// An array of texts of at most 255 bytes under a constructor with a length of one byte.
    fn array(constructor: u8, names: &[&str]) -> Value {
        let mut body = Vec::new();
        body.extend(length(names.len()).to_be_bytes());
        body.push(constructor);
        for name in names {
            body.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            body.extend(name.bytes().take(usize::from(u8::MAX)));
        }
        let mut bytes = vec![0xf0];
        bytes.extend(length(body.len()).to_be_bytes());
        bytes.extend(body);
        Value::Array(bytes.into())
    }

    /// A number that is not negative, whatever its width.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Value::Ubyte(n) => Some(u64::from(*n)),
            Value::Ushort(n) => Some(u64::from(*n)),
            Value::Uint(n) => Some(u64::from(*n)),
            Value::Ulong(n) => Some(*n),
            Value::Int(n) => u64::try_from(*n).ok(),
            Value::Long(n) => u64::try_from(*n).ok(),
            Value::Null
            | Value::Bool(_)
            | Value::Timestamp(_)
            | Value::Uuid(_)
            | Value::Binary(_)
            | Value::String(_)
            | Value::Symbol(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Array(_)
            | Value::Other(..)
            | Value::Described(_) => None,
        }
    }

    /// The text of a string or symbol.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Value::String(text) | Value::Symbol(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The value under this name in a map.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let Value::Map(pairs) = self else { return None };
        let found = pairs.iter().find(|(key, _)| key.as_text() == Some(name));
        found.map(|(_, value)| value)
    }

    /// An identifier as edgeHub writes it: text as it is, a UUID with hyphens, a number in digits.
    pub(crate) fn identifier(&self) -> Option<String> {
        if let Value::Uuid(bytes) = self {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let parts = [
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..],
            ];
            return Some(parts.join("-"));
        }
        if let Value::Binary(bytes) = self {
            return Some(String::from_utf8_lossy(bytes).into_owned());
        }
        let text = self.as_text().map(str::to_owned);
        text.or_else(|| self.number().map(|number| number.to_string()))
    }

    /// Appends the value's bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.push(0x40),
            Value::Bool(true) => out.push(0x41),
            Value::Bool(false) => out.push(0x42),
            Value::Ubyte(n) => out.extend([0x50, *n]),
            Value::Ushort(n) => fixed(out, 0x60, &n.to_be_bytes()),
            Value::Uint(n) => fixed(out, 0x70, &n.to_be_bytes()),
            Value::Ulong(n) => match u8::try_from(*n) {
                Ok(small) => out.extend([0x53, small]),
                Err(_) => fixed(out, 0x80, &n.to_be_bytes()),
            },
            Value::Int(n) => fixed(out, 0x71, &n.to_be_bytes()),
            Value::Long(n) => fixed(out, 0x81, &n.to_be_bytes()),
            Value::Timestamp(n) => fixed(out, 0x83, &n.to_be_bytes()),
            Value::Uuid(bytes) => fixed(out, 0x98, bytes),
            Value::Binary(bytes) => variable(out, 0xb0, bytes),
            Value::String(text) => variable(out, 0xb1, text.as_bytes()),
            Value::Symbol(text) => variable(out, 0xb3, text.as_bytes()),
            Value::List(values) => compound(out, 0xd0, values.len(), values.iter()),
            Value::Map(pairs) => {
                let values = pairs.iter().flat_map(|(name, value)| [name, value]);
                compound(out, 0xd1, pairs.len() * 2, values);
            }
            Value::Array(bytes) => out.extend(bytes),
            Value::Other(code, bytes) => fixed(out, *code, bytes),
            Value::Described(both) => {
                out.push(0);
                both.0.write(out);
                both.1.write(out);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }
}

/// The hub writes nothing that is longer than its limits, which are far below.
fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn fixed(out: &mut Vec<u8>, code: u8, bytes: &[u8]) {
    out.push(code);
    out.extend(bytes);
}

pub(super) fn variable(out: &mut Vec<u8>, code: u8, bytes: &[u8]) {
    out.push(code);
    out.extend(length(bytes.len()).to_be_bytes());
    out.extend(bytes);
}

fn compound<'a>(
    out: &mut Vec<u8>,
    code: u8,
    count: usize,
    values: impl Iterator<Item = &'a Value>,
) {
    let mut body = Vec::new();
    body.extend(length(count).to_be_bytes());
    for value in values {
        value.write(&mut body);
    }
    variable(out, code, &body);
}

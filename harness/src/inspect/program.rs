//! What a program is built for, by the first bytes of its file.
//!
//! Sources: the ELF specification, `e_ident` and `e_machine`; `elf(5)`; `execve(2)` for scripts.

/// How much of a file is looked at.
pub(super) const HEAD: usize = 128;

/// What the first bytes show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    /// An ELF file for this architecture, in manifest words where there is one.
    Elf(String),
    /// A script with this interpreter.
    Script(String),
    /// Something else.
    Other,
}

/// Reads the first bytes of a file.
pub(super) fn read(head: &[u8]) -> Head {
    if let Some(rest) = head.strip_prefix(b"#!") {
        let line = rest.split(|b| *b == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let interpreter = line.split_whitespace().next().unwrap_or_default();
        return match interpreter {
            "" => Head::Other,
            path => Head::Script(path.to_owned()),
        };
    }
    elf(head).map_or(Head::Other, Head::Elf)
}

fn elf(head: &[u8]) -> Option<String> {
    let ident = head.get(..20)?;
    if !ident.starts_with(b"\x7fELF") {
        return None;
    }
    let machine = [ident[18], ident[19]];
    let little = match ident[5] {
        1 => true,
        2 => false,
        _ => return None,
    };
    let machine = if little {
        u16::from_le_bytes(machine)
    } else {
        u16::from_be_bytes(machine)
    };
    let wide = ident[4] == 2;
    Some(match (machine, wide, little) {
        (3, _, _) => "386".to_owned(),
        (62, _, _) => "amd64".to_owned(),
        (40, _, true) => "arm".to_owned(),
        (183, _, true) => "arm64".to_owned(),
        (243, true, _) => "riscv64".to_owned(),
        (21, _, true) => "ppc64le".to_owned(),
        (21, _, false) => "ppc64".to_owned(),
        (22, true, _) => "s390x".to_owned(),
        (258, true, _) => "loong64".to_owned(),
        (8, true, true) => "mips64le".to_owned(),
        (8, false, true) => "mipsle".to_owned(),
        (other, _, _) => format!("ELF machine {other}"),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first bytes of an ELF file.
    fn head(class: u8, order: u8, machine: u16) -> Vec<u8> {
        let mut head = b"\x7fELF".to_vec();
        head.extend([class, order, 1]);
        head.resize(18, 0);
        head.extend(if order == 2 {
            machine.to_be_bytes()
        } else {
            machine.to_le_bytes()
        });
        head.resize(64, 0);
        head
    }

    #[test]
    fn architectures_are_told_in_the_words_of_manifests() {
        for (class, order, machine, name) in [
            (2, 1, 62, "amd64"),
            (1, 1, 40, "arm"),
            (2, 1, 183, "arm64"),
            (1, 1, 3, "386"),
            (2, 2, 22, "s390x"),
            (2, 1, 9999, "ELF machine 9999"),
        ] {
            assert_eq!(
                read(&head(class, order, machine)),
                Head::Elf(name.to_owned())
            );
        }
    }

    #[test]
    fn scripts_name_their_interpreter_and_the_rest_is_something_else() {
        assert_eq!(
            read(b"#! /bin/sh -e\necho"),
            Head::Script("/bin/sh".to_owned())
        );
        assert_eq!(read(b"#!\n"), Head::Other);
        assert_eq!(read(b"\x7fELF"), Head::Other);
        assert_eq!(read(&head(2, 7, 62)), Head::Other);
        assert_eq!(read(b""), Head::Other);
    }

    #[test]
    fn this_test_itself_is_built_for_this_machine() {
        let own = std::fs::read("/proc/self/exe").unwrap();
        let here = if cfg!(target_arch = "x86_64") {
            "amd64"
        } else {
            "arm64"
        };
        assert_eq!(read(&own[..HEAD]), Head::Elf(here.to_owned()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..HEAD)) {
            let _ = read(&bytes);
        }
    }
}

//! Tests of `diagnosis.rs`.

use super::*;
use proptest::prelude::*;

/// Whole messages, recorded on Docker engine 20.10.24 with runc 1.1.5 (Debian 12, 2026-11-26), but where marked.
const RECORDED: &[(&str, Cause)] = &[
    (
        "exec /wrong-architecture: exec format error",
        Cause::WrongArchitecture,
    ),
    // Engine 26.1.
    (
        "image with reference x was found but does not match the specified platform: wanted linux/amd64, actual: linux/arm64",
        Cause::WrongArchitecture,
    ),
    (
        "error gathering device information while adding custom device \"/dev/edgeproof-none\": no such file or directory",
        Cause::MissingDeviceOrBind,
    ),
    (
        "invalid mount config for type \"bind\": bind source path does not exist: /srv/edgeproof-none",
        Cause::MissingDeviceOrBind,
    ),
    (
        "could not select device driver \"\" with capabilities: [[gpu]]",
        Cause::MissingDeviceOrBind,
    ),
    (
        "Unknown runtime specified nvidia",
        Cause::MissingDeviceOrBind,
    ),
    // runc, libcontainer/process_linux.go.
    (
        "failed to create shim task: OCI runtime create failed: container init was OOM-killed (memory limit too low?): unknown",
        Cause::OutOfMemory,
    ),
    (
        "driver failed programming external connectivity on endpoint health-port2 (9870beaf78c8): Error starting userland proxy: listen tcp4 0.0.0.0:18098: bind: address already in use",
        Cause::PortInUse,
    ),
    (
        "driver failed programming external connectivity on endpoint x (41): Bind for 0.0.0.0:80 failed: port is already allocated",
        Cause::PortInUse,
    ),
    // Driver btrfs: the image alone is more than the quota.
    (
        "Failed to limit qgroup for &{}: disk quota exceeded",
        Cause::OutOfStorage,
    ),
    ("Minimum memory limit allowed is 6MB", Cause::BadOption),
    (
        "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
        Cause::BadOption,
    ),
    (
        "Requested CPUs are not available - requested 40, available: 0-1",
        Cause::BadOption,
    ),
    (
        "invalid CapAdd: unknown capability: \"CAP_FOO\"",
        Cause::BadOption,
    ),
    ("Invalid IPC mode: foo", Cause::BadOption),
    (
        "error looking up logging plugin foo: plugin \"foo\" not found",
        Cause::BadOption,
    ),
    (
        "unable to find user nobody: no matching entries in passwd file",
        Cause::BadOption,
    ),
    (
        "create <HOST_PATH>: \"<HOST_PATH>\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path",
        Cause::UnresolvedPlaceholder,
    ),
    (
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/absent\": stat /absent: no such file or directory: unknown",
        Cause::MissingFileOrPermission,
    ),
    (
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"absent\": executable file not found in $PATH: unknown",
        Cause::MissingFileOrPermission,
    ),
    (
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/data\": permission denied: unknown",
        Cause::MissingFileOrPermission,
    ),
    ("network edgeproof-none not found", Cause::Engine),
];

#[test]
fn every_recorded_refusal_has_its_cause() {
    for (words, cause) in RECORDED {
        let failure = Failure {
            engine_error: Some(words),
            ..Failure::default()
        };
        assert_eq!(diagnose(&failure).0, *cause, "{words}");
    }
}

/// An exit with this code after these lines, of a module whose `ServerName` is an unreplaced placeholder.
fn exit(code: i64, line: &str) -> (Cause, String) {
    let lines = [line.to_owned()];
    let names = ["ServerName".to_owned()];
    diagnose(&Failure {
        exit_code: Some(code),
        last_lines: &lines,
        placeholders: &names,
        waited: Millis(200),
        ..Failure::default()
    })
}

#[test]
fn an_exit_is_read_by_its_code_and_last_line() {
    for (code, line, cause) in [
        (1, "ServerName is not set", Cause::UnresolvedPlaceholder),
        (
            2,
            "cannot resolve <SERVER_NAME>",
            Cause::UnresolvedPlaceholder,
        ),
        (1, "exec /app: exec format error", Cause::WrongArchitecture),
        (132, "", Cause::WrongArchitecture),
        (127, "sh: app: not found", Cause::MissingFileOrPermission),
        (126, "", Cause::MissingFileOrPermission),
        (
            1,
            "open /data/model: no such file or directory",
            Cause::MissingFileOrPermission,
        ),
        (
            1,
            "mkdir: Read-only file system",
            Cause::MissingFileOrPermission,
        ),
        (
            1,
            "write /data/x: No space left on device",
            Cause::OutOfStorage,
        ),
        (1, "Disk quota exceeded (os error 122)", Cause::OutOfStorage),
        (0, "done", Cause::EndedByItself),
        (3, "giving up", Cause::Crashed),
        (139, "", Cause::Crashed),
        (3, "wants a List<T>", Cause::Crashed),
    ] {
        assert_eq!(exit(code, line).0, cause, "{code} {line}");
    }
    assert_eq!(
        exit(139, "loading").1,
        "exited with code 139 (segmentation fault) after 200 ms; its last line: loading"
    );
}

/// Composed: how runtimes report what `write(2)` said (errno(3)), with what they and their supervisors print behind it.
#[test]
fn the_line_that_tells_of_the_failed_write_is_said_and_not_what_came_last() {
    for (lines, said) in [
        (
            &[
                "Unhandled exception. System.IO.IOException: No space left on device : '/data/7'",
                "   at System.IO.RandomAccess.WriteAtOffset()",
                "   at Program.Main()",
            ][..],
            "Unhandled exception. System.IO.IOException: No space left on device : '/data/7'",
        ),
        (
            &[
                "Error: write /data/7",
                "",
                "Caused by:",
                "    Disk quota exceeded (os error 122)",
            ],
            "Disk quota exceeded (os error 122)",
        ),
    ] {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        let (cause, detail) = diagnose(&Failure {
            exit_code: Some(1),
            last_lines: &lines,
            ..Failure::default()
        });
        assert_eq!(cause, Cause::OutOfStorage);
        let exit = "exited with code 1 (its own error) after 0 ms";
        assert_eq!(detail, format!("{exit}; it said: {said}"));
    }
}

#[test]
fn a_kill_for_memory_comes_before_the_exit_that_it_causes() {
    let failure = Failure {
        oom_killed: true,
        exit_code: Some(137),
        ..Failure::default()
    };
    assert_eq!(diagnose(&failure).0, Cause::OutOfMemory);
}

#[test]
fn a_check_that_fails_is_told_from_one_that_never_came() {
    let missing = ["80/tcp listening".to_owned()];
    let waiting = Failure {
        missing: &missing,
        ..Failure::default()
    };
    assert_eq!(diagnose(&waiting).0, Cause::NotReady);
    let failing = Failure {
        healthcheck_failed: Some("no answer from 127.0.0.1:80\n"),
        waited: Millis(3_000),
        ..waiting
    };
    let (cause, detail) = diagnose(&failing);
    assert_eq!(cause, Cause::Unhealthy);
    assert_eq!(
        detail,
        "its HEALTHCHECK failed as often as it may, 3.0 s after the start; the check said: no answer from 127.0.0.1:80"
    );
}

proptest! {
    #[test]
    fn any_words_have_exactly_one_cause(words in ".{0,80}", code in any::<i64>()) {
        let lines = [words.clone()];
        let _ = diagnose(&Failure { engine_error: Some(&words), ..Failure::default() });
        let _ = diagnose(&Failure { exit_code: Some(code), last_lines: &lines, placeholders: &lines, ..Failure::default() });
    }

    #[test]
    fn a_placeholder_is_seen_wherever_it_stands(before in "[a-z ]{0,9}", name in "[A-Z][A-Z0-9_-]{1,12}", after in "[a-z: ]{0,9}") {
        let text = format!("{before}<{name}>{after}");
        prop_assert!(has_placeholder(&text));
        let text = format!("{before}{name}{after}");
        prop_assert!(!has_placeholder(&text));
    }
}

/// A failure with these lines, after a name without an address.
fn nameless(lines: &[&str], exit_code: Option<i64>, checked: Option<&str>) -> (Cause, String) {
    let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
    diagnose(&Failure {
        exit_code,
        healthcheck_failed: checked,
        last_lines: &lines,
        without_address: &["api.contoso.test".to_owned()],
        ..Failure::default()
    })
}

#[test]
fn a_module_that_complains_of_a_name_without_address_did_not_reach_it() {
    // What Python 3.11, Go 1.19, Node 18, glibc 2.36 and Rust's std say; each composed after its source.
    for line in [
        "socket.gaierror: [Errno -3] Temporary failure in name resolution",
        "dial tcp: lookup api.contoso.test: no such host",
        "Error: getaddrinfo EAI_AGAIN api.contoso.test",
        "ping: api.contoso.test: Name or service not known",
        "failed to lookup address information",
        "cannot reach https://API.contoso.test/v1",
    ] {
        let (cause, detail) = nameless(&[line], Some(1), None);
        assert_eq!(cause, Cause::Unreachable, "{line}");
        assert!(
            detail.contains("it asked for `api.contoso.test`"),
            "{detail}"
        );
        assert_eq!(nameless(&[line], None, None).0, Cause::Unreachable);
        let checked = nameless(&[], None, Some(line)).0;
        assert_eq!(checked, Cause::Unreachable);
    }
}

#[test]
fn a_name_without_address_is_told_and_is_not_the_cause_of_everything() {
    let (cause, detail) = nameless(&["assertion failed"], Some(1), None);
    assert_eq!(cause, Cause::Crashed);
    assert!(detail.contains("`api.contoso.test`, for which there was no address"));
    let line = "Temporary failure in name resolution";
    assert_eq!(nameless(&[line], Some(0), None).0, Cause::EndedByItself);
    let killed = diagnose(&Failure {
        oom_killed: true,
        without_address: &["api.contoso.test".to_owned()],
        ..Failure::default()
    });
    assert_eq!(killed.0, Cause::OutOfMemory);
}

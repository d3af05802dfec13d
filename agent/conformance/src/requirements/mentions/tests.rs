use proptest::prelude::*;

use super::*;
use crate::sample;

const PLAIN: Mention = Mention::Doubtful("as a plain word only");

fn text(description: &str) -> Text {
    let mut listing = sample::record().offer.listing;
    listing.summary = None;
    listing.description = description.to_owned();
    Text::of(&listing).unwrap()
}

fn check(description: &str, name: &str, mention: Mention) {
    assert_eq!(
        text(description).name(name),
        mention,
        "{name} in {description}"
    );
}

#[test]
fn a_name_counts_where_it_stands_alone() {
    for description in [
        "<p>Set LOG_LEVEL.</p>",
        "<ul><li>LOG_LEVEL=debug</li></ul>",
        "(LOG_LEVEL)",
        "<table><tr><td>LOG_LEVEL<td>level</table>",
        "LOG&#95;LEVEL: how much it tells",
        "LOG_<wbr>LE&shy;VEL",
        "${LOG_LEVEL}, or $LOG_LEVEL",
    ] {
        check(description, "LOG_LEVEL", Mention::Named);
    }
    check("mounts <code>/var/log/</code>", "/var/log", Mention::Named);
    check("-v /var/log:/logs", "/var/log", Mention::Named);
    check("the volume air_data:/data", "air_data", Mention::Named);
}

#[test]
fn a_part_of_a_longer_name_does_not_count() {
    for description in [
        "MY_LOG_LEVEL",
        "LOG_LEVELS",
        "LOG_LEVEL-2",
        "LOG_LEVEL.x",
        "a.LOG_LEVEL",
        "LOG_LEVEL:x",
        "x:LOG_LEVEL",
        "MODE=LOG_LEVEL",
        "/LOG_LEVEL",
        "?LOG_LEVEL",
        "",
        "<!-- LOG_LEVEL -->",
        "<style>LOG_LEVEL</style>",
        "<p title=\"LOG_LEVEL\">a</p>",
    ] {
        check(description, "LOG_LEVEL", Mention::Absent);
    }
    check(
        "/var/log/app and /data/var/log",
        "/var/log",
        Mention::Absent,
    );
    check("/var/log/.hidden", "/var/log", Mention::Absent);
    check("in the root / of all", "/", Mention::Absent);
}

#[test]
fn another_case_is_doubtful() {
    check(
        "set log_level",
        "LOG_LEVEL",
        Mention::Doubtful("in another case"),
    );
    check(
        "the loglevel",
        "logLevel",
        Mention::Doubtful("in another case"),
    );
    check("the log level", "logLevel", Mention::Absent);
}

#[test]
fn a_word_of_the_language_has_to_be_set_apart() {
    for prose in [
        "at an interval",
        "Interval",
        "<b>the interval in seconds</b>",
        "one interval: a second",
    ] {
        check(prose, "interval", PLAIN);
    }
    for named in [
        "every <code>interval</code> seconds",
        "<b>interval:</b> seconds",
        "the property \"interval\"",
        "interval = 10",
        "<li>interval – seconds</li>",
        "<table><tr><td>interval</table>",
        "<code>{\"interval\": 1}</code>",
    ] {
        check(named, "interval", Mention::Named);
    }
    check("over HTTP", "HTTP", PLAIN);
    check("takes its MANNER", "MANNER", Mention::Named);
    check("a read-only disk", "read-only", PLAIN);
    check("in 10 ways", "10", PLAIN);
}

#[test]
fn the_hardware_paragraph_explains_no_setting() {
    let claim = "<p>Minimum hardware requirements: Linux x64 OS, <b>1025</b> MB of RAM</p>";
    check(claim, "x64", Mention::Absent);
    assert_eq!(text(claim).port("1025", "tcp"), Mention::Absent);
    let elsewhere = format!(
        "<p>It needs storage and takes 1025 pictures.</p>{}",
        claim.replace("RAM", "<b>storage</b>")
    );
    check(&elsewhere, "storage", PLAIN);
    assert!(text(&elsewhere).port("1025", "tcp") != Mention::Named);
}

#[test]
fn a_property_inside_of_others_counts_by_its_path_or_by_all_of_its_parts() {
    let path = ["camera".to_owned(), "maxFps".to_owned()];
    for (description, mention) in [
        ("camera.maxFps", Mention::Named),
        ("<code>camera</code> has maxFps", Mention::Named),
        ("a camera has maxFps", PLAIN),
        ("maxFps", Mention::Absent),
        ("camera.maxFps.x", Mention::Absent),
    ] {
        assert_eq!(text(description).path(&path), mention, "{description}");
    }
}

#[test]
fn a_number_has_to_be_told_as_a_port() {
    let number = Mention::Doubtful("as a number, not as a port");
    for (description, mention) in [
        ("listens on TCP port 8080 and", Mention::Named),
        ("ports 80, 443 and 8080.", Mention::Named),
        ("8080/tcp", Mention::Named),
        ("http://device:8080/status", Mention::Named),
        ("<table><tr><td>8080<td>TCP</table>", Mention::Named),
        ("<li><b>8080</b> the page</li>", Mention::Named),
        ("on 8080 (TCP)", Mention::Named),
        ("UDP port 8080", number),
        ("8080/udp", Mention::Absent),
        ("keeps 8080 pictures", number),
        ("has a port. 8080 pictures", number),
        ("port 80 takes 8080 pictures", number),
        ("18,080 and 8080.5 and x8080 and 12:8080:1", Mention::Absent),
        ("8,080", Mention::Absent),
    ] {
        assert_eq!(
            text(description).port("8080", "tcp"),
            mention,
            "{description}"
        );
    }
    assert_eq!(text("at 10:30 h").port("30", "tcp"), number);
    assert_eq!(
        text("UDP ports 53 and 54").port("54", "udp"),
        Mention::Named
    );
}

#[test]
fn the_summary_counts_and_links_of_the_description_are_known() {
    let mut listing = sample::record().offer.listing;
    listing.summary = Some("Obeys\nLOG_LEVEL".to_owned());
    listing.description =
        "<a href=\"https://contoso.example/x\">a</a><a href=\"#b\">b</a>".to_owned();
    let text = Text::of(&listing).unwrap();
    assert_eq!(text.name("LOG_LEVEL"), Mention::Named);
    assert_eq!(text.links(), ["https://contoso.example/x"]);
    listing.description = "x".repeat(crate::hardware::LONGEST_DESCRIPTION + 1);
    assert!(Text::of(&listing).is_none());
}

#[test]
fn words_are_found_in_their_order_and_phrases_in_any_case() {
    let text = text("<p>FROM  /messages/*\nINTO $upstream</p><p>Answers Direct Methods</p>");
    assert_eq!(
        text.words("FROM /messages/*  INTO $upstream"),
        Mention::Named
    );
    assert_eq!(
        text.words("from /messages/* into $upstream"),
        Mention::Absent
    );
    assert_eq!(text.words(" "), Mention::Absent);
    assert_eq!(text.phrase(&["direct method"]), Mention::Named);
    assert_eq!(text.phrase(&["desired propert"]), Mention::Absent);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_in_the_text_is_never_mentioned(
        html in "(<(/?(p|b|br|code|td|li|a)>)?|[ -~é]{0,6}|PORT|8080|a\\.b|Minimum hardware requirements: ){0,12}",
        name in "(PORT|8080|a|b|é|[ -~]|\\PC){0,4}",
    ) {
        let text = text(&html);
        let lines = text.lines.join("\n");
        let parts: Vec<String> = name.split('.').map(str::to_owned).collect();
        let found = [text.name(&name), text.port(&name, "tcp"), text.words(&name)];
        if !lines.contains(&name) {
            prop_assert!(found.iter().take(2).all(|one| *one != Mention::Named), "{:?} {:?}", name, lines);
        }
        if !lines.to_lowercase().contains(&name.to_lowercase()) {
            prop_assert_eq!(found[0], Mention::Absent);
        }
        if parts.iter().any(|part| !lines.contains(part.as_str())) && !lines.contains(&name) {
            prop_assert!(text.path(&parts) != Mention::Named);
        }
    }

    #[test]
    fn a_longer_name_never_counts_for_a_shorter_one(
        name in "[a-zA-Z][a-zA-Z0-9]{0,8}",
        more in "[a-zA-Z0-9_]{1,4}",
    ) {
        for longer in [format!("{name}{more}"), format!("{more}{name}"), format!("{name}.{more}"), format!("{name}-{more}")] {
            let marked = text(&format!("<code>{longer}</code>"));
            prop_assert!(marked.name(&name) == Mention::Absent, "{} in {}", name, longer);
        }
    }
}

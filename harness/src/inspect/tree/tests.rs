use proptest::prelude::*;

use super::*;

fn program(name: &str) -> Node {
    Node::Program(Head::Elf(name.to_owned()))
}

fn layer(nodes: &[(&str, Node)], whiteouts: &[&str]) -> Change {
    let mut change = Change::default();
    for (path, node) in nodes {
        change.put((*path).to_owned(), node.clone());
    }
    for path in whiteouts {
        assert!(change.whiteout(path), "{path}");
    }
    change
}

fn found(tree: &Tree, command: &str) -> Option<(String, String)> {
    tree.find(command, "/app", None)
        .map(|(path, head)| match head {
            Head::Elf(name) => (path, name.clone()),
            Head::Script(_) | Head::Other => (path, "other".to_owned()),
        })
}

#[test]
fn a_command_is_found_by_path_by_directory_and_through_links() {
    let mut tree = Tree::default();
    tree.lay(layer(
        &[
            ("bin", Node::Link("usr/bin".to_owned())),
            ("usr/bin/busybox", program("amd64")),
            ("usr/bin/sh", Node::Link("/bin/busybox".to_owned())),
            ("app/run", Node::Link("../opt/run".to_owned())),
            ("opt/run", program("arm")),
        ],
        &[],
    ));
    let wanted = |path: &str, name: &str| Some((path.to_owned(), name.to_owned()));
    assert_eq!(found(&tree, "sh"), wanted("/usr/bin/busybox", "amd64"));
    assert_eq!(found(&tree, "/bin/sh"), wanted("/usr/bin/busybox", "amd64"));
    assert_eq!(found(&tree, "./run"), wanted("/opt/run", "arm"));
    assert_eq!(found(&tree, "/opt/run/x"), None);
    assert_eq!(found(&tree, "nothing"), None);
}

#[test]
fn an_upper_layer_replaces_hides_and_removes() {
    let base = || {
        layer(
            &[
                ("a/x", program("amd64")),
                ("a/y", program("amd64")),
                ("b", program("amd64")),
            ],
            &[],
        )
    };
    let after = |upper: Change| {
        let mut tree = Tree::default();
        tree.lay(base());
        tree.lay(upper);
        ["/a/x", "/a/y", "/b"].map(|path| found(&tree, path).map(|(_, name)| name))
    };
    let one = |name: &str| Some(name.to_owned());
    assert_eq!(
        after(layer(&[("b", program("arm"))], &["a/.wh.x"])),
        [None, one("amd64"), one("arm")]
    );
    // What the same layer brings stays, wherever the mark stands.
    assert_eq!(
        after(layer(&[("a/y", program("arm"))], &["a/.wh..wh..opq"])),
        [None, one("arm"), one("amd64")]
    );
    assert_eq!(after(layer(&[], &[".wh.a"])), [None, None, one("amd64")]);
    let mut data = Change::default();
    data.hide("b");
    assert_eq!(after(data), [one("amd64"), one("amd64"), None]);
}

#[test]
fn links_in_a_circle_lead_nowhere() {
    let mut tree = Tree::default();
    let link = |to: &str| Node::Link(to.to_owned());
    tree.lay(layer(
        &[("a", link("b")), ("b", link("a")), ("c", link("c/c/c"))],
        &[],
    ));
    assert_eq!((found(&tree, "/a"), found(&tree, "/c")), (None, None));
}

#[test]
fn a_command_and_a_path_of_megabytes_are_left_at_once() {
    let mut tree = Tree::default();
    let long = "a/".repeat(2_000);
    tree.lay(layer(
        &[("l", Node::Link(long.clone())), ("run", program("arm"))],
        &[],
    ));
    let begun = std::time::Instant::now();
    for (command, path) in [
        ("/".to_owned() + &"a/".repeat(1 << 20), ":".to_owned()),
        ("a".repeat(2 << 20), ":".repeat(2 << 20)),
        ("a".to_owned(), "l:".repeat(60_000)),
        (long, ":".to_owned()),
    ] {
        assert_eq!(tree.find(&command, &path, Some(&path)), None);
    }
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    assert!(tree.find("run", "/", Some(&":".repeat(60_000))).is_some());
}

#[test]
fn more_than_the_bound_is_told() {
    let mut change = Change::default();
    for n in 0..=MOST_NODES {
        change.put(format!("p{n}"), program("amd64"));
    }
    let mut tree = Tree::default();
    tree.lay(change);
    assert!(tree.is_full());
}

proptest! {
    #[test]
    fn no_path_makes_it_panic_or_climbs_out(path in "[a/.]{0,30}", target in "[a/.]{0,10}") {
        let mut tree = Tree::default();
        tree.lay(layer(&[("a", Node::Link(target)), ("a/a", program("arm"))], &[]));
        let _ = tree.find(&path, "/a", Some(&path));
        if let Some(plain) = plain(&path) {
            prop_assert!(plain.split('/').all(|part| part != ".." && part != "."));
        }
    }
}

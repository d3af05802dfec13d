//! The pages of a report and of a dossier in a real browser: no console message, no request, charts drawn, nothing wider than a phone.
//!
//! A local server serves the page inside a frame of a phone's width; a script of the frame's own (the report has none,
//! and its policy would refuse one) measures the page and leaves what it found in the document that chromium dumps.
//! The server sees every request of the page; chromium's own network log sees those that go elsewhere.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use conformance::observation::Observed;
use conformance::report::Report;
use harness::render::html;
use serde_json::Value;

const BROWSER: &str = "/usr/bin/chromium";
/// A cold start of the browser on a busy machine of two cores.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures the framed page once it is loaded. Elements inside a box that scrolls by itself may be wider.
const FRAME: &str = r#"<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<iframe id="page" src="/report.html" style="width:WIDTHpx;height:800px;border:0"></iframe><pre id="found"></pre>
<script>
document.getElementById("page").onload = event => {
  const page = event.target.contentDocument, wide = page.documentElement.clientWidth;
  const scrolls = element => { for (let up = element.parentElement; up; up = up.parentElement)
    if (["auto", "hidden"].includes(page.defaultView.getComputedStyle(up).overflowX)) return true; return false; };
  const name = element => element.tagName + "." + (element.getAttribute("class") || "") + " " + element.textContent.slice(0, 40);
  const over = [...page.body.querySelectorAll("*")].filter(e => !scrolls(e) && e.getBoundingClientRect().right > wide + 1);
  const charts = [...page.querySelectorAll("svg.chart")];
  const drawn = chart => chart.getBoundingClientRect().height > 100 && chart.getBoundingClientRect().width > 0.7 * wide
    && [...chart.querySelectorAll("polyline.line")].some(line => line.getTotalLength() > 50)
    && page.defaultView.getComputedStyle(chart.querySelector("polyline.line")).stroke != "none";
  const small = [...page.querySelectorAll("main p, main dd, main td, main summary, svg.chart text")]
    .filter(e => parseFloat(page.defaultView.getComputedStyle(e).fontSize) < 11);
  document.getElementById("found").textContent = JSON.stringify({
    width: wide, scrollWidth: page.documentElement.scrollWidth, over: over.map(name).slice(0, 10),
    charts: charts.length, drawn: charts.filter(drawn).length,
    curves: charts.filter(chart => chart.closest("[aria-labelledby=curves]") && drawn(chart)).length, small: small.map(name).slice(0, 10),
    limits: page.querySelectorAll("svg.chart line.limit").length, phases: page.querySelectorAll("svg.chart rect.phase").length,
    styled: page.defaultView.getComputedStyle(page.querySelector("main")).maxWidth != "none",
  });
};
</script>"#;

/// What a visit showed.
#[derive(Debug)]
struct Visit {
    /// What the frame's script measured.
    found: Value,
    /// Console messages, those of the security policy included.
    console: Vec<String>,
    /// Paths asked of the local server.
    asked: Vec<String>,
    /// Addresses asked for elsewhere.
    elsewhere: Vec<String>,
}

/// Opens a page in a frame of this width.
fn visit(page: &str, width: u32) -> Visit {
    assert!(
        Path::new(BROWSER).is_file(),
        "{BROWSER} is missing; install it with `apt-get install chromium`"
    );
    let place = tempfile::tempdir().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let address = serve(
        page.to_owned(),
        FRAME.replace("WIDTH", &width.to_string()),
        &asked,
    );
    let (dom, log) = dump(place.path(), &format!("http://{address}/frame"));
    let network = fs::read_to_string(place.path().join("network.json")).unwrap_or_default();
    let found = between(&dom, "<pre id=\"found\">", "</pre>")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    Visit {
        found: serde_json::from_str(&found)
            .unwrap_or_else(|_| panic!("the page was not measured\n{log}\n{dom:.2000}")),
        console: log
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .map(str::to_owned)
            .collect(),
        asked: asked.lock().unwrap().clone(),
        elsewhere: requests(&network)
            .into_iter()
            .filter(|url| !url.contains(&address))
            .collect(),
    }
}

/// Serves `/frame` and `/report.html` until the test ends; writes down what is asked for.
fn serve(page: String, frame: String, asked: &Arc<Mutex<Vec<String>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = Arc::clone(asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (page, frame, asked) = (page.clone(), frame.clone(), Arc::clone(&asked));
            // A browser opens connections ahead of need: one that stays silent must not hold up the others.
            std::thread::spawn(move || answer(stream, &page, &frame, &asked));
        }
    });
    address
}

fn answer(
    mut stream: TcpStream,
    page: &str,
    frame: &str,
    asked: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    while !lines.next()?.ok()?.is_empty() {}
    let (status, body) = match path.as_str() {
        "/frame" => ("200 OK", frame),
        "/report.html" => ("200 OK", page),
        _ => ("404 Not Found", ""),
    };
    asked.lock().ok()?.push(path);
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .ok()
}

/// The document after loading, and the browser's log. The browser is killed when it takes too long.
fn dump(place: &Path, url: &str) -> (String, String) {
    let (dom, log) = (place.join("dom.html"), place.join("log.txt"));
    let child = Command::new(BROWSER)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args([
            "--no-default-browser-check",
            "--disable-default-apps",
            "--disable-extensions",
        ])
        .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        .args(["--enable-logging=stderr", "--v=0", "--window-size=1280,900"])
        .arg(format!(
            "--user-data-dir={}",
            place.join("profile").display()
        ))
        .arg(format!(
            "--log-net-log={}",
            place.join("network.json").display()
        ))
        .args(["--dump-dom", url])
        .stdin(Stdio::null())
        .stdout(fs::File::create(&dom).unwrap())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let ended = wait(child);
    let (dom, log) = (fs::read(&dom).unwrap(), fs::read(&log).unwrap());
    let log = String::from_utf8_lossy(&log).into_owned();
    assert!(ended, "chromium took longer than {PATIENCE:?}\n{log}");
    (String::from_utf8_lossy(&dom).into_owned(), log)
}

/// Whether the browser ended by itself in time.
fn wait(mut child: Child) -> bool {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}

/// Addresses that the page asked for, by the browser's network log; its own errands have no origin.
fn requests(network: &str) -> Vec<String> {
    network
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.trim_end_matches(',')).ok())
        .filter(|event| {
            event["params"]["initiator"]
                .as_str()
                .is_some_and(|origin| origin != "not an origin")
        })
        .filter_map(|event| event["params"]["url"].as_str().map(str::to_owned))
        .collect()
}

fn between(text: &str, start: &str, end: &str) -> String {
    let from = text.find(start).map_or("", |at| &text[at + start.len()..]);
    from.split(end).next().unwrap().to_owned()
}

fn page(name: &str) -> String {
    let path = support::repository().join(format!("tests/reports/{name}.json"));
    html::render(&serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
}

#[test]
fn the_page_fits_a_phone_draws_its_charts_and_asks_for_nothing() {
    for (name, charts, limits) in [("not-conformant", 3, true), ("undecided-custom", 2, true)] {
        let seen = visit(&page(name), 360);
        assert_eq!(seen.console, Vec::<String>::new(), "{name}");
        assert_eq!(seen.asked, ["/frame", "/report.html"], "{name}");
        assert_eq!(seen.elsewhere, Vec::<String>::new(), "{name}");
        let found = &seen.found;
        assert_eq!(
            found["styled"], true,
            "{name}: the policy refused the style sheet"
        );
        assert_eq!(
            found["over"],
            Value::Array(Vec::new()),
            "{name}: wider than the phone"
        );
        assert!(
            found["scrollWidth"].as_u64() <= found["width"].as_u64(),
            "{name}: {found}"
        );
        assert_eq!(
            found["small"],
            Value::Array(Vec::new()),
            "{name}: too small to read"
        );
        assert_eq!(
            (&found["charts"], &found["drawn"]),
            (&charts.into(), &charts.into()),
            "{name}"
        );
        assert_eq!(
            found["limits"].as_u64().is_some_and(|count| count > 0),
            limits,
            "{name}"
        );
        assert!(
            found["phases"].as_u64().is_some_and(|count| count >= 9),
            "{name}: {found}"
        );
    }
}

#[test]
fn the_curves_of_a_search_are_drawn_and_fit_a_phone_and_a_wide_screen() {
    let page = page("recorded-size");
    for width in [360, 1280] {
        let seen = visit(&page, width);
        assert_eq!(seen.console, Vec::<String>::new(), "{width}");
        assert_eq!(seen.found["over"], Value::Array(Vec::new()), "{width}");
        assert_eq!(seen.found["small"], Value::Array(Vec::new()), "{width}");
        assert_eq!(seen.found["curves"], 2, "{width}: memory and cores");
        assert!(seen.found["limits"].as_u64() >= Some(2), "{}", seen.found);
    }
}

#[test]
fn the_page_uses_a_wide_screen_without_overflow() {
    let seen = visit(&page("conformant"), 1280);
    assert_eq!(seen.console, Vec::<String>::new());
    assert_eq!(seen.found["over"], Value::Array(Vec::new()));
    assert_eq!(seen.found["drawn"], 3);
}

#[test]
fn what_was_done_at_edge_hub_fits_a_phone_and_a_wide_screen() {
    let read = |name: &str| {
        let path = support::repository().join("tests/reports").join(name);
        fs::read_to_string(path).unwrap()
    };
    let mut report: Report = serde_json::from_str(&read("undecided-custom.json")).unwrap();
    report.observations.edge =
        Observed::Seen(serde_json::from_str(&read("edge-use.json")).unwrap());
    let page = html::render(&report);
    for width in [360, 1280] {
        let seen = visit(&page, width);
        assert_eq!(seen.console, Vec::<String>::new(), "{width}");
        let found = &seen.found;
        assert_eq!(found["over"], Value::Array(Vec::new()), "{width}");
        assert_eq!(found["small"], Value::Array(Vec::new()), "{width}");
    }
}

#[test]
fn the_dossier_s_page_fits_a_phone_and_a_wide_screen_and_asks_for_nothing() {
    let path = support::repository().join("tests/reports/golden/dossier.json");
    let dossier = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let page = harness::render::dossier::html::render(&dossier);
    for width in [360, 1280] {
        let seen = visit(&page, width);
        assert_eq!(seen.console, Vec::<String>::new(), "{width}");
        assert_eq!(seen.asked, ["/frame", "/report.html"], "{width}");
        assert_eq!(seen.elsewhere, Vec::<String>::new(), "{width}");
        let found = &seen.found;
        assert_eq!(found["styled"], true, "the policy refused the style sheet");
        assert_eq!(found["over"], Value::Array(Vec::new()), "{width}");
        assert_eq!(found["small"], Value::Array(Vec::new()), "{width}");
    }
}

/// The other tests mean something only if a bad page is caught.
#[test]
fn a_page_that_logs_loads_and_overflows_is_caught() {
    let bad = "<!doctype html><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src *\">\
        <main style=\"max-width:10px\"><p style=\"width:900px\">wide</p><img src=\"http://edgeproof.invalid/x.png\"><img src=\"/local.png\">\
        <svg class=\"chart\"><polyline class=\"line\" points=\"\"/></svg></main>";
    let seen = visit(bad, 360);
    assert!(
        seen.console
            .iter()
            .any(|line| line.contains("Content Security Policy")),
        "{seen:?}"
    );
    assert!(seen.asked.contains(&"/local.png".to_owned()), "{seen:?}");
    assert!(
        seen.elsewhere
            .iter()
            .any(|url| url.contains("edgeproof.invalid")),
        "{seen:?}"
    );
    let wide = "<!doctype html><style>main{max-width:900px}</style><main><p style=\"width:900px\">wide</p><svg class=\"chart\"><polyline class=\"line\" points=\"\"/></svg></main>";
    let seen = visit(wide, 360);
    assert!(
        seen.found["over"]
            .as_array()
            .is_some_and(|over| !over.is_empty()),
        "{seen:?}"
    );
    assert_eq!(seen.found["drawn"], 0, "{seen:?}");
}

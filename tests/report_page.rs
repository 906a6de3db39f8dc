//! The interactive page in a real browser.
//!
//! Skipped, with a line that says so, where no Chromium is in PATH; with NARROWS_REQUIRE_BROWSER=1 that is a failure.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

#[path = "common/browser.rs"]
mod browser;
mod common;

use browser::Browser;
use common::{Expect, narrows, plane_of};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const HOSTILE: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";
const EPOCHS: [u64; 12] = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];
const LAYERS: [&str; 3] = ["hidden1", "<b>hidden2</b>", "output"];

/// I(X;T) and I(T;Y) of the table below, in bits: three decimals, which is what the page shows.
fn truth(run: usize, estimator: usize, epoch: u64, layer: usize) -> (f64, f64) {
    let (t, depth) = ((epoch as f64).ln_1p() / 8.0, (layer + 1) as f64);
    let (x, y) =
        (9.0 - 1.7 * depth * t - 0.3 * run as f64 - 0.5 * estimator as f64, 0.15 + 0.7 * t / depth + 0.02 * run as f64);
    ((x * 1e3).round() / 1e3, (y * 1e3).round() / 1e3)
}

/// A run folder with a made-up plane: two runs, of which the second ends early, and two estimators, of which the second
/// has intervals.
fn report(folder: &Path) -> PathBuf {
    let out = folder.join("run");
    narrows(folder).args(plane_of("epoch_00003.safetensors", &out)).succeeds();
    let columns = "run,checkpoint,epoch,step,layer,layer_index,width,estimator,parameters,quantity,value,unit,\
                   std_error,ci_low,ci_high,n_samples,noise_std,seed,flags\n";
    let mut table = String::from(columns);
    for (run, run_name) in [HOSTILE, "short"].iter().enumerate() {
        for (estimator, how) in ["binning,bins=30", "kde,variance=0.01"].iter().enumerate() {
            for epoch in EPOCHS.iter().take(if run == 0 { 12 } else { 10 }) {
                for (layer, layer_name) in LAYERS.iter().enumerate() {
                    let (x, y) = truth(run, estimator, *epoch, layer);
                    let (place, flags) = (layer + 1, if *epoch == 0 { "saturated" } else { "" });
                    for (quantity, v) in [("I_XT", x), ("I_TY", y)] {
                        let sure = if estimator == 0 { ",,".into() } else { format!("0.05,{},{}", v - 0.1, v + 0.1) };
                        let who = format!("{run_name},e{epoch},{epoch},{epoch},{layer_name},{place},4");
                        writeln!(table, "{who},{how},{quantity},{v},bits,{sure},1024,,1,{flags}").unwrap();
                    }
                }
            }
        }
    }
    std::fs::write(out.join("plane.csv"), table).unwrap();
    narrows(folder).args(["report", "run"]).succeeds();
    out.join("report.html")
}

/// Functions of the test's own that read the page.
const READ: &str = r##"
window.read = {
  panes: () => document.querySelectorAll("#panes .pane").length,
  marker: (pane, layer) => document.querySelectorAll("#panes .pane")[pane].querySelector(`.marker[data-layer="${layer}"]`),
  // Where a value lies by the numbers at the ticks, and where its marker is.
  wanted: (pane, x, y) => {
    const svg = document.querySelectorAll("#panes .plane")[pane];
    const along = (axis, key, at) => {
      const ticks = [...svg.querySelectorAll(`text[data-${axis}]`)].map(t => [Number(t.dataset[axis]), at(t)]);
      const [[v0, p0], [v1, p1]] = [ticks[0], ticks[ticks.length - 1]];
      return p0 + (key - v0) / (v1 - v0) * (p1 - p0);
    };
    return [along("x", x, t => Number(t.getAttribute("x"))), along("y", y, t => Number(t.getAttribute("y")) - 4)];
  },
  place: (pane, layer) => read.marker(pane, layer).getAttribute("transform").match(/[\d.-]+/g).map(Number),
  middle: (pane, layer) => {
    const box = read.marker(pane, layer).getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  },
  tip: () => document.getElementById("explore-tip").hidden ? "" : [...document.getElementById("explore-tip").children].map(e => e.textContent).join("|"),
  said: () => document.getElementById("moment-said").textContent,
  box: (kind, i) => document.querySelectorAll(`#choose-${kind} input`)[i],
};
"##;

/// The page, opened and ready; `fragment` is added to its address.
fn opened(page: &Path, fragment: &str) -> Option<Browser> {
    let mut browser = Browser::start(&browser::find()?, 1280, 900);
    browser.prefer("prefers-color-scheme", "light");
    open(&mut browser, page, fragment);
    Some(browser)
}

fn open(browser: &mut Browser, page: &Path, fragment: &str) {
    browser.open(&format!("file://{}{fragment}", page.display()));
    browser.value(READ);
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Asserts that the markers of a pane stand where the table says.
fn stands(browser: &mut Browser, pane: usize, (run, estimator): (usize, usize), epoch: u64) {
    for layer in 0..LAYERS.len() {
        let (x, y) = truth(run, estimator, epoch, layer);
        let wanted = numbers(&browser.value(&format!("read.wanted({pane}, {x}, {y})")));
        let place = numbers(&browser.value(&format!("read.place({pane}, {layer})")));
        let off = (wanted[0] - place[0]).hypot(wanted[1] - place[1]);
        assert!(off < 0.5, "run {run}, epoch {epoch}, layer {layer}: {place:?}, not {wanted:?}");
    }
}

#[test]
fn the_page_plays_and_says_what_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let page = report(folder.path());
    let Some(mut b) = opened(&page, "") else { return };

    // It opens at the end of the training, with the first estimator of both runs.
    assert_eq!(b.value("read.panes()"), 2);
    assert_eq!(b.value("read.said()"), "2000 (12 of 12)");
    stands(&mut b, 0, (0, 0), 2000);
    // The second run has no checkpoint there: its last one, hollow.
    stands(&mut b, 1, (1, 0), 500);
    assert_eq!(b.value("document.querySelectorAll('.present.past').length"), 1);

    // The slider, by its keys.
    b.value("document.getElementById('moment').focus()");
    for epoch in EPOCHS.iter().rev().skip(1) {
        b.press("ArrowLeft");
        stands(&mut b, 0, (0, 0), *epoch);
    }
    assert_eq!(
        b.value("document.getElementById('moment').getAttribute('aria-valuetext')"),
        "epoch 0, checkpoint 1 of 12"
    );
    b.until("document.getElementById('explore-live').textContent.startsWith('epoch 0. ')");
    b.until("location.hash.startsWith('#explore&epoch=0&runs=0,1&')");

    // Playing by the space bar ends at the end.
    b.value("document.getElementById('speed').value = '40'");
    b.press(" ");
    assert_eq!(b.value("document.getElementById('play').getAttribute('aria-label')"), "Pause");
    b.until("document.getElementById('play').getAttribute('aria-label') === 'Play'");
    assert_eq!(b.value("read.said()"), "2000 (12 of 12)");
    stands(&mut b, 0, (0, 0), 2000);
    // The trail holds all eleven that went before.
    assert_eq!(b.value("document.querySelector('.trail').querySelectorAll('g[visibility=visible]').length"), 11);

    // Toggles.
    b.value("read.box('layers', 1).click()");
    assert_eq!(b.value("[read.marker(0, 0) !== null, read.marker(0, 1) === null]"), json!([true, true]));
    b.value("read.box('layers', 1).click()");
    b.value("read.box('estimators', 1).click()");
    assert_eq!(b.value("read.panes()"), 4);
    stands(&mut b, 1, (0, 1), 2000);
    // Whiskers where there are intervals, and only there.
    let whiskers = "[0, 1].map(i => document.querySelectorAll('.pane')[i].querySelectorAll('.whisker[d^=M]').length)";
    assert_eq!(b.value(whiskers), json!([0, 3]));
    b.value("read.box('groups', 0).click(); read.box('estimators', 0).click()");
    assert_eq!(b.value("read.panes()"), 1);
    stands(&mut b, 0, (1, 1), 500);
    b.value("read.box('estimators', 1).click()");
    assert!(
        b.value("document.getElementById('explore-note').textContent").as_str().unwrap().contains("Nothing is chosen")
    );

    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR"));
    open(&mut b, &page, "#explore&epoch=100&runs=0&estimators=1&trail=all");
    b.screenshot(&pictures.join("report_page_light.png"));
    assert!(std::fs::metadata(pictures.join("report_page_light.png")).unwrap().len() > 10_000);
    quiet(&b);
}

#[test]
fn points_tell_their_numbers_to_mouse_and_keyboard() {
    let folder = tempfile::tempdir().unwrap();
    let page = report(folder.path());
    // A link restores the view.
    let Some(mut b) = opened(&page, "#explore&epoch=50&runs=0&estimators=1&layers=0,2&trail=all&speed=5") else {
        return;
    };
    assert_eq!(
        b.value("[read.panes(), read.said(), document.getElementById('speed').value]"),
        json!([1, "50 (7 of 12)", "5"])
    );
    assert_eq!(b.value("[0, 1, 2].map(i => read.box('layers', i).checked)"), json!([true, false, true]));

    let says = |layer: usize, epoch: u64| {
        let (x, y) = truth(0, 1, epoch, layer);
        let quantity =
            |name: &str, v: f64| format!("{name} {v:.3} ± 0.050 bits (95 %: {:.3} to {:.3})", v - 0.1, v + 0.1);
        format!("{}, epoch {epoch}|{}|{}", LAYERS[layer], quantity("I(X;T)", x), quantity("I(T;Y)", y))
    };
    // The mouse.
    let middle = numbers(&b.value("read.middle(0, 2)"));
    b.mouse(middle[0] + 3.0, middle[1] - 2.0, false);
    assert_eq!(b.value("read.tip()"), says(2, 50));
    b.mouse(5.0, 5.0, false);
    assert_eq!(b.value("read.tip()"), "");

    // The keyboard: the first marker is one stop of Tab; arrows change the layer and the epoch.
    b.value("[...document.querySelectorAll('#choose-layers input')].at(-1).focus()");
    let mut stops = vec![];
    for _ in 0..12 {
        b.press("Tab");
        stops.push(b.value("document.activeElement.id || document.activeElement.getAttribute('class') || document.activeElement.ariaLabel").as_str().unwrap_or("").to_string());
    }
    let expected = ["few", "few", "speed", "trail", "marker", "cursor", "step-back", "play", "step-on", "moment"];
    assert_eq!(stops[..10], expected, "{stops:?}");
    b.value("document.activeElement.blur(); document.querySelector('.marker[tabindex=\"0\"]').focus()");
    assert_eq!(b.value("read.tip()"), says(0, 50));
    assert_eq!(b.value("document.activeElement.getAttribute('aria-label')"), says(0, 50).replace('|', ", "));
    b.press("ArrowDown");
    assert_eq!(b.value("read.tip()"), says(2, 50), "over the layer that is hidden");
    b.press("ArrowRight");
    assert_eq!(b.value("read.tip()"), says(2, 100));
    b.press("Home");
    assert_eq!(b.value("read.tip()"), format!("{}|saturated", says(2, 0)));
    b.press("ArrowUp");
    assert_eq!(b.value("read.tip()"), format!("{}|saturated", says(0, 0)));

    // The chart: its keys and a click move the slider.
    b.value("document.querySelector('.cursor').focus()");
    b.press("End");
    b.press("ArrowLeft");
    assert_eq!(b.value("document.getElementById('moment').value"), "10");
    assert_eq!(b.value("document.activeElement.getAttribute('aria-valuetext')"), "epoch 1000");
    let at = numbers(&b.value(
        "(() => { const t = [...document.querySelectorAll('.chart text[data-x]')].find(t => t.textContent === '100').getBoundingClientRect(); return [t.left + t.width / 2, t.top - 40]; })()",
    ));
    b.mouse(at[0], at[1], true);
    assert_eq!(b.value("read.said()"), "100 (8 of 12)");

    // The table of the numbers shown.
    b.value("document.getElementById('explore-values').open = true");
    b.until("document.querySelectorAll('#explore-values tbody tr').length === 2");
    let (x, _) = truth(0, 1, 100, 0);
    let row = b.value("document.querySelector('#explore-values tbody tr').textContent");
    assert!(row.as_str().unwrap().contains(&format!("{x:.3} ± 0.050")), "{row}");
    quiet(&b);
}

#[test]
fn names_stay_text_schemes_are_followed_and_scripts_may_be_off() {
    let folder = tempfile::tempdir().unwrap();
    let page = report(folder.path());
    let Some(mut b) = opened(&page, "") else { return };
    assert_eq!(b.value("document.querySelector('.pane h3').firstChild.textContent"), HOSTILE);
    assert_eq!(b.value("document.querySelectorAll('img, #explore b').length"), 0);
    assert_eq!(b.value("document.scripts.length"), 2);
    quiet(&b);

    let colours =
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('.curve')).stroke]";
    let light = b.value(colours);
    b.prefer("prefers-color-scheme", "dark");
    b.until("getComputedStyle(document.body).backgroundColor === 'rgb(20, 23, 26)'");
    // The curves are drawn anew by the page's script, a moment after its style has changed.
    b.until(&format!("getComputedStyle(document.querySelector('.curve')).stroke !== {}", light[1]));
    let dark = b.value(colours);
    assert!(light[0] != dark[0] && light[1] != dark[1], "{light} {dark}");
    // A phone: nothing is wider than the window.
    b.size(390, 844);
    b.until("document.querySelector('.plane').getBoundingClientRect().right <= 390");
    assert_eq!(b.value("document.getElementById('explore').scrollWidth <= 390"), true);
    b.value("document.getElementById('explore').scrollIntoView()");
    b.screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("report_page_phone_dark.png"));

    // Motion that the reader does not want starts slow, and never by itself.
    b.prefer("prefers-reduced-motion", "reduce");
    open(&mut b, &page, "");
    let idle = "[document.getElementById('play').ariaLabel, document.getElementById('speed').value]";
    assert_eq!(b.value(idle), json!(["Play", "2"]));

    // Without scripts there is no dead control, and the figures are there.
    b.call("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    b.open(&format!("file://{}", page.display()));
    b.call("Emulation.setScriptExecutionDisabled", &json!({ "value": false }));
    assert_eq!(b.value("document.getElementById('explore').getClientRects().length"), 0);
    assert!(b.value("document.querySelectorAll('#figures svg').length").as_u64().unwrap() >= 2);
}

/// Asserts that the page neither complained nor asked for anything but itself.
fn quiet(browser: &Browser) {
    let told: Vec<&(String, Value)> = (browser.events.iter())
        .filter(|(method, about)| match method.as_str() {
            "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded" | "Audits.issueAdded" => true,
            "Page.javascriptDialogOpening" => true,
            "Network.requestWillBeSent" => {
                let url = about["request"]["url"].as_str().unwrap_or_default();
                !(url.starts_with("file://") && url.contains("report.html"))
            }
            _ => false,
        })
        .collect();
    assert!(told.is_empty(), "{told:#?}");
    assert!(browser.events.iter().any(|(method, _)| method == "Network.requestWillBeSent"), "requests are watched");
}

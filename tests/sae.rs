//! Dictionaries through the program: other tools' layouts, names, and the page of the features in a real browser.
//!
//! The browser's part is skipped, with a line that says so, where no Chromium is in PATH; with NARROWS_REQUIRE_BROWSER=1
//! that is a failure.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "common/browser.rs"]
mod browser;
#[allow(dead_code)]
mod common;

use browser::Browser;
use common::{Expect, failure, narrows, rows};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

const HOSTILE: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";

/// A dictionary of SAELens: 7 features of 4 inputs, the 3 largest.
fn dictionary(name: &str) -> String {
    format!("{}/src/dictionary/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Forty rows of four columns, a text and a class for each, and words with vectors.
fn data(folder: &Path) {
    let mut activations = String::new();
    let mut texts = String::from("class,text\n");
    for i in 0..40i32 {
        let value = |j: i32| f64::from((i * 37 + j * 61) % 23) / 5.0 - 2.2;
        writeln!(activations, "{},{},{},{}", value(0), value(1), value(2), value(3)).unwrap();
        let text = if i == 0 { HOSTILE.into() } else { format!("the text of row {}", i + 1) };
        writeln!(texts, "{},\"{text}\"", ["cat", "dog", "owl"][i as usize % 3]).unwrap();
    }
    std::fs::write(folder.join("acts.csv"), activations).unwrap();
    std::fs::write(folder.join("meta.csv"), texts).unwrap();
    let (mut words, mut vectors) = (String::new(), String::new());
    for i in 0..12i32 {
        writeln!(words, "word{i}").unwrap();
        let value = |j: i32| f64::from((i * 29 + j * 17 + i * i * j) % 19) - 9.3;
        writeln!(vectors, "{},{},{},{}", value(0), value(1), value(2), value(3)).unwrap();
    }
    std::fs::write(folder.join("words.txt"), words).unwrap();
    std::fs::write(folder.join("words.csv"), vectors).unwrap();
}

#[test]
fn dictionaries_go_from_one_layout_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        narrows(folder.path()).arg("sae").args(arguments).succeeds();
    };
    let place = dictionary("saelens-gated");
    run(&["import", &place, "--out", "ours", "--name", "mine"]);
    run(&["export", "ours", "--format", "dictionary-learning", "--out", "theirs"]);
    run(&["export", "theirs", "--format", "saelens", "--out", "again"]);
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("ours/sae_weights.safetensors"), read("again/sae_weights.safetensors"));
    let config: Value = serde_json::from_slice(&read("ours/cfg.json")).unwrap();
    assert_eq!(config["metadata"]["narrows"]["name"], "mine");
    assert_eq!(config["metadata"]["hook_name"], "blocks.0.hook_resid_post");
    let refused = |arguments: &[&str]| failure(narrows(folder.path()).arg("sae").args(arguments), 1);
    let message = refused(&["import", &place, "--out", "ours"]);
    assert!(message.contains("ours is not empty: give another --out"), "{message}");
    let message = refused(&["export", "ours", "--format", "npz", "--out", "npz"]);
    assert!(message.contains("params.npz is for dictionaries of ReLU and JumpReLU"), "{message}");
    let config = folder.path().join("again/cfg.json");
    let text = std::fs::read_to_string(&config).unwrap().replace("\"gated\"", "\"temporal\"");
    std::fs::write(config, text).unwrap();
    let message = refused(&["import", "again", "--out", "never"]);
    assert!(message.contains("the architecture 'temporal' is not read"), "{message}");
    assert!(!folder.path().join("never").exists());
}

#[test]
fn features_get_names_and_what_does_not_fit_is_told() {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let place = dictionary("saelens-topk");
    let name = |extra: &[&str]| {
        let mut command = narrows(folder.path());
        command.args(["sae", "name", &place, "--vocabulary", "words.txt", "--vectors", "words.csv"]).args(extra);
        command
    };
    name(&["--activations", "acts.csv", "--out", "names"]).succeeds();
    let found = rows(&folder.path().join("names/names.csv"));
    assert_eq!(found.len(), 7);
    for row in &found {
        let number = |key: &str| row[key].parse::<f64>().unwrap();
        assert!(row["name"].starts_with("word") && row["nearest"].starts_with(&row["name"]));
        assert!(number("score") <= 1.0 && number("margin") >= 0.0 && number("density") <= 1.0);
        assert_ne!(row["name"], row["runner_up"]);
    }
    name(&["--unique", "--centre", "--out", "unique"]).succeeds();
    let unique: std::collections::HashSet<String> =
        rows(&folder.path().join("unique/names.csv")).iter().map(|r| r["name"].clone()).collect();
    assert_eq!(unique.len(), 7);

    std::fs::write(folder.path().join("few.txt"), "one\ntwo\n").unwrap();
    std::fs::write(folder.path().join("few.csv"), "1,0,0,0\n0,1,0,0\n").unwrap();
    std::fs::write(folder.path().join("none.txt"), "\n").unwrap();
    std::fs::write(folder.path().join("wide.csv"), "1,2,3,4,5\n".repeat(12)).unwrap();
    let refused = |words: &str, vectors: &str, extra: &[&str]| {
        let mut command = narrows(folder.path());
        command.args(["sae", "name", &place, "--vocabulary", words, "--vectors", vectors, "--out", "x"]).args(extra);
        failure(&mut command, 1)
    };
    let message = refused("none.txt", "words.csv", &[]);
    assert!(message.contains("none.txt is empty: one name a line is expected"), "{message}");
    let message = refused("few.txt", "few.csv", &[]);
    assert!(
        message.contains("cannot name by few.txt: 2 row(s) of the vocabulary, but 10 are needed at least"),
        "{message}"
    );
    let message = refused("few.txt", "words.csv", &[]);
    assert!(message.contains("few.txt has 2 word(s), but words.csv has 12 row(s)"), "{message}");
    let message = refused("words.txt", "wide.csv", &[]);
    assert!(
        message.contains("wide.csv has 5 columns, but the dictionary saelens-topk is of activations of 4"),
        "{message}"
    );
    let message = refused("words.txt", "words.csv", &["--activations", "wide.csv"]);
    assert!(
        message.contains(
            "wide.csv has 5 columns, but the dictionary saelens-topk is of activations of 4: it was trained on another \
             layer or model"
        ),
        "{message}"
    );
}

#[test]
fn the_page_searches_sorts_and_shows_features() {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let place = dictionary("saelens-topk");
    let words = ["--vocabulary", "words.txt", "--vectors", "words.csv", "--out", "names"];
    narrows(folder.path()).args(["sae", "name", &place]).args(words).succeeds();
    let about = ["--texts", "meta.csv:text", "--labels", "meta.csv", "--label-column", "class", "--out", "pages"];
    let mut command = narrows(folder.path());
    command.args(["sae", "pages", &place, "--activations", "acts.csv", "--names", "names/names.csv"]).args(about);
    command.succeeds();
    let page = folder.path().join("pages/features.html");
    let names = rows(&folder.path().join("names/names.csv"));
    let Some(program) = browser::find() else { return };
    let mut b = Browser::start(&program, 1280, 900);
    b.prefer("prefers-color-scheme", "light");
    let address = |fragment: &str| format!("file://{}{fragment}", page.display());
    b.open(&address("#f=3"));
    b.until("document.querySelector('#feature h2') !== null");
    let heading = b.value("document.querySelector('#feature h2').textContent").as_str().unwrap().to_string();
    assert_eq!(heading, format!("{} feature 3", names[3]["name"]));
    // A list of all, the most often active first.
    let shares = b.value(
        "[...document.querySelectorAll('#features .density')].map(e => e.textContent === 'never' ? 0 : parseFloat(e.textContent))",
    );
    let shares: Vec<f64> = shares.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!(shares.len() >= 5 && shares.windows(2).all(|p| p[0] >= p[1]), "{shares:?}");
    assert_eq!(b.value("document.querySelectorAll('#features a[aria-current=true]').length"), 1);
    // Search by the key, by a name.
    b.value("document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true, cancelable: true }))");
    assert_eq!(b.value("document.activeElement.id"), "search");
    let wanted = &names[3]["name"];
    b.value(&format!(
        "(() => {{ const s = document.getElementById('search'); s.value = '{wanted}'; s.dispatchEvent(new Event('input')); }})()"
    ));
    b.until(&format!("document.querySelector('#features .title').textContent === '{wanted}'"));
    b.value("(() => { const s = document.getElementById('search'); s.value = 'no such thing'; s.dispatchEvent(new Event('input')); })()");
    b.until("document.getElementById('count').textContent.startsWith('0 of 7')");
    // By a word of an example; texts stay texts.
    b.value("(() => { const s = document.getElementById('search'); s.value = 'onerror'; s.dispatchEvent(new Event('input')); })()");
    b.until("document.querySelectorAll('#features a').length > 0");
    let holds = "[...document.querySelectorAll('#feature td')].some(td => td.textContent.includes('<img src=x'))";
    b.value("document.querySelector('#features a').click()");
    b.until(holds);
    assert_eq!(b.value("document.querySelectorAll('#feature img, #feature script').length"), 0);
    assert_eq!(b.value("document.scripts.length"), 2);
    // Effects on the three classes, a histogram that says what it is, and neighbours that lead on.
    b.open(&address("#f=3"));
    b.until("document.querySelector('#feature svg') !== null");
    let label = b.value("document.querySelector('#feature svg').getAttribute('aria-label')");
    assert!(label.as_str().unwrap().starts_with("Histogram of "), "{label}");
    for class in ["cat", "dog", "owl"] {
        assert_eq!(b.value(&format!("document.getElementById('feature').textContent.includes('{class}')")), true);
    }
    b.value("document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }))");
    b.until("location.hash !== '#f=3' && document.title.startsWith('word')");
    quiet(&b);
    let light = b.value("getComputedStyle(document.body).backgroundColor");
    b.prefer("prefers-color-scheme", "dark");
    b.until(&format!("getComputedStyle(document.body).backgroundColor !== {light}"));
    b.size(390, 844);
    b.until("document.documentElement.scrollWidth <= 390");
    b.call("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    b.open(&address(""));
    b.call("Emulation.setScriptExecutionDisabled", &json!({ "value": false }));
    let said = b.value("document.body.innerText");
    assert!(said.as_str().unwrap().contains("switched off"), "{said}");
}

/// Asserts that the page neither complained nor asked for anything but itself.
fn quiet(browser: &Browser) {
    let told: Vec<&(String, Value)> = (browser.events.iter())
        .filter(|(method, about)| match method.as_str() {
            "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded" | "Audits.issueAdded" => true,
            "Page.javascriptDialogOpening" => true,
            "Network.requestWillBeSent" => {
                let url = about["request"]["url"].as_str().unwrap_or_default();
                !(url.starts_with("file://") && url.contains("features.html"))
            }
            _ => false,
        })
        .collect();
    assert!(told.is_empty(), "{told:#?}");
}
